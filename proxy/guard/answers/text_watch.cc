#include "proxy/guard/answers/text_watch.h"

#include <algorithm>
#include <array>

#include "proxy/guard/answers/link_check.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxLink = 4096;
constexpr std::uint64_t kDiscussed = 512;  // bytes behind a word about attacks
constexpr std::size_t kQuote = 160;        // how far before its end a quotation may begin
// Bytes looked at behind matches, of each byte of the text, and to begin with.
constexpr std::uint64_t kWorkFactor = 4;
constexpr std::uint64_t kWorkBefore = 64 * 1024;

bool in_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_instruction(AnswerClass what) noexcept {
  return what == AnswerClass::InstructionOverride || what == AnswerClass::AuthorityImitation ||
         what == AnswerClass::SystemPromptImitation || what == AnswerClass::ToolCallLure ||
         what == AnswerClass::CredentialRequest || what == AnswerClass::MarkdownExfiltration;
}

}  // namespace

TextWatch::TextWatch(const AnswerSet& set, MatchScratch& scratch, FoundListener& listener)
    : set_(set), listener_(listener), stream_(set.database(), scratch) {}

void TextWatch::reset() {
  stream_.reset();
  signs_.clear();
  heaviest_ = 0;
  begin_ = 0;
  tail_.clear();
  setting_ = Setting::Shown;
  fenced_ = false;
  discussed_until_ = 0;
  work_ = 0;
  in_link_ = false;
}

void TextWatch::feed(ByteView text, std::span<const SettingMark> marks) {
  block_ = text;
  marks_ = marks;
  next_mark_ = 0;
  if (in_link_) follow_link(text);
  stream_.scan(text, *this);
  for (; next_mark_ < marks_.size(); ++next_mark_) setting_ = marks_[next_mark_].setting;
  marks_ = {};
  begin_ += text.size();
  block_ = {};
  if (text.size() >= kKept) {
    tail_.assign(text.substr(text.size() - kKept));
  } else {
    const std::size_t room = kKept - text.size();
    if (tail_.size() > room) tail_.erase(0, tail_.size() - room);
    tail_ += text;
  }
}

void TextWatch::finish() {
  if (in_link_) end_link();
}

ByteView TextWatch::before(std::uint64_t end, std::size_t most) {
  if (end < begin_) {
    const auto behind = static_cast<std::size_t>(begin_ - end);
    const ByteView text = ByteView(tail_).substr(0, tail_.size() - std::min(behind, tail_.size()));
    return text.substr(text.size() - std::min(most, text.size()));
  }
  const std::uint64_t in_block = end - begin_;
  if (in_block >= most) {
    return block_.substr(static_cast<std::size_t>(in_block) - most, most);
  }
  const auto head = static_cast<std::size_t>(in_block);
  const std::size_t from_tail = std::min(tail_.size(), most - head);
  if (from_tail == 0) return block_.substr(0, head);
  joined_.assign(tail_, tail_.size() - from_tail, from_tail);
  joined_ += block_.substr(0, head);
  return joined_;
}

Setting TextWatch::setting_at(std::uint64_t at) {
  while (next_mark_ < marks_.size() && marks_[next_mark_].at < at) {
    setting_ = marks_[next_mark_].setting;
    ++next_mark_;
  }
  return setting_;
}

// An odd number of quotation marks or backticks stands before it in its line.
bool TextWatch::quoted(std::uint64_t at) {
  ByteView text = before(at, kQuote);
  const std::size_t line = text.rfind('\n');
  if (line != ByteView::npos) text.remove_prefix(line + 1);
  if (text.starts_with('>')) return true;
  return std::count(text.begin(), text.end(), '"') % 2 == 1 ||
         std::count(text.begin(), text.end(), '`') % 2 == 1 ||
         text.rfind("\xe2\x80\x9c") != ByteView::npos;
}

bool TextWatch::matched(std::size_t id, unsigned long long end) {
  const AnswerSet::Target& target = set_.target(id);
  const std::uint64_t at = end;
  if (target.word_size == 0) {
    const AnswerSet::Candidate& candidate = target.candidates.front();
    switch (candidate.use) {
      case PhraseUse::Link:
        link(at);
        break;
      case PhraseUse::Fence:
        fenced_ = !fenced_;
        break;
      case PhraseUse::Discuss:
        discussed_until_ = at + kDiscussed;
        break;
      case PhraseUse::Sign:
        sign(candidate, at);
        break;
    }
    return true;
  }
  // The word may be the end of a longer one.
  const std::uint64_t in_block = at - begin_;
  if (in_block > target.word_size) {
    if (in_word(block_[static_cast<std::size_t>(in_block) - target.word_size - 1])) return true;
  } else {
    const ByteView text = before(at, target.word_size + 1);
    if (text.size() > target.word_size && in_word(text.front())) return true;
  }
  constexpr std::size_t kReach = 512;  // of the words before it
  if (work_ > kWorkBefore + at * kWorkFactor) return true;
  WordsBefore words(before(at - target.word_size, kReach));
  // First all of them: what judges a sign looks at another piece of the text.
  std::array<const AnswerSet::Candidate*, 4> hits{};
  std::size_t count = 0;
  for (const AnswerSet::Candidate& candidate : target.candidates) {
    work_ += 16;
    if (count == hits.size() || !candidate.pattern->matches(words, candidate.place)) continue;
    work_ += kReach;
    hits[count++] = &candidate;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (hits[i]->use == PhraseUse::Discuss) {
      discussed_until_ = at + kDiscussed;
    } else {
      sign(*hits[i], at);
    }
  }
  return true;
}

void TextWatch::sign(const AnswerSet::Candidate& candidate, std::uint64_t at) {
  AnswerClass what = candidate.what;
  unsigned weight = candidate.weight;
  const Setting setting = setting_at(at);
  if (is_instruction(what)) {
    if (setting == Setting::Comment || setting == Setting::Hidden) {
      what = setting == Setting::Comment ? AnswerClass::HtmlComment : AnswerClass::HiddenHtml;
      weight *= 2;
    } else {
      // A command is one wherever it is quoted.
      const bool command = candidate.pattern == nullptr && what == AnswerClass::CredentialRequest;
      const bool cited = !command && (setting == Setting::Code || fenced_ || quoted(at));
      if (cited) weight = weight * 3 / 5;
      if (at < discussed_until_) weight /= 2;
    }
  }
  const auto found = signs_.add({what, candidate.phrase, weight, at});
  heaviest_ = std::max(heaviest_, signs_.sum());
  if (found) listener_.found(*found, at);
}

void TextWatch::link(std::uint64_t question) {
  if (in_link_) return;
  constexpr std::size_t kAddress = 512;
  const ByteView text = before(question, kAddress);
  const std::size_t begin = text.rfind("//");
  if (begin == ByteView::npos) return;
  in_link_ = true;
  link_.assign(text.substr(begin + 2));
  const ByteView lead = text.substr(0, begin);
  const std::size_t bracket = lead.rfind("![");
  const std::size_t other = lead.rfind("](");
  // "![alt](https:": the image's own bracket is the last that opens.
  link_is_image_ = lead.find("src", begin > 16 ? begin - 16 : 0) != ByteView::npos ||
                   (bracket != ByteView::npos && other != ByteView::npos && bracket < other &&
                    lead.find('[', bracket + 2) == ByteView::npos);
  follow_link(block_.substr(static_cast<std::size_t>(question - begin_)));
}

// The rest of the address, as far as it is there.
void TextWatch::follow_link(ByteView text) {
  std::size_t end = 0;
  while (end < text.size() && link_.size() + end < kMaxLink) {
    const char c = text[end];
    if (static_cast<unsigned char>(c) <= ' ' || c == ')' || c == '"' || c == '\'' || c == '>')
      break;
    ++end;
  }
  link_ += text.substr(0, end);
  if (end < text.size() || link_.size() == kMaxLink) end_link();
}

void TextWatch::end_link() {
  in_link_ = false;
  if (carries_data(link_, link_is_image_)) {
    listener_.found(AnswerClass::MarkdownExfiltration, begin_);
  }
  link_.clear();
}

}  // namespace bottle
