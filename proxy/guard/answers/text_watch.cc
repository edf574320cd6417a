#include "proxy/guard/answers/text_watch.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "proxy/guard/answers/link_check.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxLink = 4096;
constexpr std::uint64_t kDiscussed = 512;  // bytes behind a word about attacks
constexpr std::size_t kQuote = 160;        // how far before its end a quotation may begin
// Bytes looked at behind matches, of each byte of the text, and to begin with.
constexpr std::uint64_t kWorkFactor = 4;
constexpr std::uint64_t kWorkBefore = 64 * 1024;

// A phrase reaches so far to both sides of its rarest word.
constexpr std::size_t kReach = 512;
// The matcher sees so much around a trigger.
constexpr std::size_t kMatchedBefore = 1024;
constexpr std::size_t kMatchedAfter = 1024;
// Of the text: what is looked at again, with the matcher's part in front of it.
constexpr std::size_t kKept = kMatchedBefore + 2 * kReach;

bool is_instruction(AnswerClass what) noexcept {
  return what == AnswerClass::InstructionOverride || what == AnswerClass::AuthorityImitation ||
         what == AnswerClass::SystemPromptImitation || what == AnswerClass::ToolCallLure ||
         what == AnswerClass::CredentialRequest || what == AnswerClass::MarkdownExfiltration;
}

}  // namespace

TextWatch::TextWatch(const AnswerSet& set, MatchScratch& scratch, FoundListener& listener)
    : set_(set), listener_(listener), stream_(set.database(), scratch) {}

void TextWatch::feed(ByteView text, std::span<const SettingMark> marks) {
  if (text.empty()) {
    if (!marks.empty()) setting_ = marks.back().setting;
    return;
  }
  block_ = text;
  marks_ = marks;
  next_mark_ = 0;
  if (in_link_) follow_link(text);
  work_ = kWorkBefore + text.size() * kWorkFactor;
  // The end of the last block is looked at again, and only told if it ends in this
  // one.
  const std::size_t seam = text.size() <= 2 * kReach ? text.size() : 2 * kReach;
  joined_.assign(tail_, tail_.size() - std::min(tail_.size(), 2 * kReach), Bytes::npos);
  const std::size_t before = joined_.size();
  joined_ += text.substr(0, seam);
  looked_from_ = begin_ - before;
  const std::size_t to = seam == text.size() ? before + seam : before + kReach;
  look(joined_, before - std::min(before, kReach), to);
  if (seam < text.size()) {
    looked_from_ = begin_;
    look(text, kReach, text.size());
  }
  match_near_triggers();
  tell_events();
  for (; next_mark_ < marks_.size(); ++next_mark_) setting_ = marks_[next_mark_].setting;
  marks_ = {};
  keep(text);
  begin_ += text.size();
  block_ = {};
}

void TextWatch::keep(ByteView text) {
  if (text.size() >= kKept) {
    tail_.assign(text.substr(text.size() - kKept));
    return;
  }
  if (tail_.size() + text.size() > 2 * kKept) tail_.erase(0, tail_.size() - kKept);
  tail_ += text;
}

// Of the words that begin in [from, to) of a text.
void TextWatch::look(ByteView text, std::size_t from, std::size_t to) {
  looked_at_ = text;
  set_.words().scan(text, from, to, *this);
  constexpr std::size_t kStep = kMatchedAfter / 2;
  std::size_t at = text.find('\x1b', from);
  while (at < to) {
    triggers_.push_back(looked_from_ + at);
    // The matcher sees the text near it.
    at = text.find('\x1b', at + kStep);
  }
  if (is_ascii(text.substr(from, to - from))) return;
  for (const std::string_view foreign : foreign_triggers()) {
    for (at = text.find(foreign, from); at < to; at = text.find(foreign, at + kStep)) {
      triggers_.push_back(looked_from_ + at);
    }
  }
}

void TextWatch::fence(std::size_t end) {
  events_.push_back({looked_from_ + end, EventKind::Fence, nullptr});
}

void TextWatch::word(std::size_t index, std::size_t begin) {
  const AnswerSet::Target& target = set_.target(index);
  if (target.leads_address) {
    const std::size_t question = question_behind(looked_at_, begin);
    if (question > 0) events_.push_back({looked_from_ + question, EventKind::Link, nullptr});
  }
  look_for_triggers(target, begin);
  if (!target.candidates.empty()) compare(target, begin, begin + target.word_size);
}

void TextWatch::pair(std::size_t index, std::size_t begin) {
  const AnswerSet::Target& target = set_.pair_target(index);
  look_for_triggers(target, begin);
  if (!target.candidates.empty()) compare(target, begin, 0);
}

void TextWatch::look_for_triggers(const AnswerSet::Target& target, std::size_t begin) {
  for (const AnswerSet::Trigger& trigger : target.triggers) {
    if (!stands_around(trigger.text, trigger.word, looked_at_, begin)) continue;
    triggers_.push_back(looked_from_ + begin);
    break;
  }
}

// The phrases that the word at `begin` may be of. It was found up to `end`; 0: only its beginning
// is known.
void TextWatch::compare(const AnswerSet::Target& target, std::size_t begin, std::size_t end) {
  std::size_t whole = std::max(begin + 1, end);  // the end of the whole word
  while (whole < looked_at_.size() && in_word(looked_at_[whole])) ++whole;
  const bool certain = end > 0;
  std::array<char, WordsBefore::kWordSize> lowered;
  ByteView mine;
  if (!certain) {
    end = whole;
    while (end > begin && looked_at_[end - 1] == '\'') --end;
    if (end - begin > lowered.size()) return;
    std::transform(looked_at_.begin() + static_cast<std::ptrdiff_t>(begin),
                   looked_at_.begin() + static_cast<std::ptrdiff_t>(end), lowered.begin(), lower);
    mine = ByteView(lowered.data(), end - begin);
  }
  const std::size_t from = begin - std::min(begin, kReach);
  WordsBefore words(looked_at_.substr(from, begin - from));
  WordsAfter after(looked_at_.substr(whole, kReach));
  for (const AnswerSet::Candidate& candidate : target.candidates) {
    constexpr std::size_t kTry = 16;
    if (!certain && !candidate.pattern->takes(mine, candidate.place)) continue;
    if (work_ < kReach) return;
    work_ -= kTry;
    const auto last = candidate.pattern->match(words, after, candidate.place);
    if (!last) continue;
    work_ -= kReach - kTry;
    const std::size_t at = *last == 0 ? end : whole + *last;
    events_.push_back({looked_from_ + at, EventKind::Phrase, &candidate});
  }
}

bool TextWatch::matched(std::size_t id, unsigned long long end) {
  events_.push_back({stream_from_ + end, EventKind::Phrase, &set_.raw(id)});
  return true;
}

void TextWatch::match_near_triggers() {
  std::sort(triggers_.begin(), triggers_.end());
  for (const std::uint64_t trigger : triggers_) {
    const std::uint64_t from = trigger - std::min<std::uint64_t>(trigger, kMatchedBefore);
    if (from > std::max(matched_to_, match_until_)) {
      match_until(match_until_);
      stream_.reset();
      stream_from_ = matched_to_ = from;
    }
    match_until_ = std::max(match_until_, trigger + kMatchedAfter);
  }
  triggers_.clear();
  match_until(match_until_);
}

// As far as it is there.
void TextWatch::match_until(std::uint64_t end) {
  end = std::min(end, begin_ + block_.size());
  if (matched_to_ < begin_ && matched_to_ < end) {
    const auto behind = static_cast<std::size_t>(begin_ - matched_to_);
    const auto size = static_cast<std::size_t>(std::min(end, begin_) - matched_to_);
    stream_.scan(ByteView(tail_).substr(tail_.size() - behind, size), *this);
    matched_to_ += size;
  }
  if (matched_to_ >= end) return;
  stream_.scan(block_.substr(static_cast<std::size_t>(matched_to_ - begin_),
                             static_cast<std::size_t>(end - matched_to_)),
               *this);
  matched_to_ = end;
}

void TextWatch::tell_events() {
  std::erase_if(events_, [this](const Event& event) { return event.at <= begin_; });
  std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
    const auto order = [](const Event& event) {
      const unsigned phrase = event.candidate == nullptr ? 0u : event.candidate->phrase;
      return std::tuple(event.at, event.kind, phrase);
    };
    return order(a) < order(b);
  });
  // A phrase may have been found from two of its anchors.
  const auto twice = std::ranges::unique(events_, [](const Event& a, const Event& b) {
    return a.at == b.at && a.kind == b.kind && a.kind == EventKind::Phrase &&
           a.candidate->phrase == b.candidate->phrase;
  });
  events_.erase(twice.begin(), twice.end());
  for (const Event& event : events_) {
    switch (event.kind) {
      case EventKind::Fence:
        fenced_ = !fenced_;
        break;
      case EventKind::Link:
        link(event.at);
        break;
      case EventKind::Phrase:
        if (event.candidate->use == PhraseUse::Discuss) {
          discussed_until_ = event.at + kDiscussed;
        } else {
          sign(*event.candidate, event.at);
        }
    }
  }
  events_.clear();
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
