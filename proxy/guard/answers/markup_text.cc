#include "proxy/guard/answers/markup_text.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "proxy/guard/answers/words.h"

namespace bottle {
namespace {

constexpr std::string_view kOpening = "<!--";
constexpr std::array<std::string_view, 2> kQuoteOpens{"=\"", "='"};

// Where find_end() has to look closely.
constexpr auto kStops = [] {
  std::array<bool, 256> stops{};
  stops['>'] = stops['"'] = stops['\''] = true;
  return stops;
}();

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The beginning of an element's name in a number, in lower case: comparing numbers is cheap, and
// every tag of a page is compared. Names that matter are short.
constexpr std::size_t kNameSize = 8;
constexpr std::uint64_t key_of(std::string_view name) noexcept {
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < kNameSize && i < name.size(); ++i) {
    const char c = name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] + 32) : name[i];
    key |= static_cast<std::uint64_t>(static_cast<unsigned char>(c)) << (8 * i);
  }
  return key;
}
// Traits that matter of an element.
enum Trait : std::uint8_t {
  kInline = 1,       // stands within a line: what is around it is one sentence
  kVoid = 2,         // has no content
  kCode = 4,         // holds code
  kEndedByNext = 8,  // ends where the next of its kind begins
  kKnown = 16,       // one of HTML
};

// By a hash of the key, with a linear search behind it.
class Elements {
 public:
  constexpr Elements() {
    for (const std::string_view name :
         {"a",   "abbr", "b", "bdi", "bdo",   "big",  "cite",   "code", "em",  "font", "i",  "ins",
          "kbd", "mark", "q", "s",   "small", "span", "strong", "sub",  "sup", "u",    "wbr"}) {
      add(name, kInline);
    }
    for (const std::string_view name : {"area", "base", "br", "col", "embed", "hr", "img", "input",
                                        "link", "meta", "source", "track", "wbr"}) {
      add(name, kVoid);
    }
    for (const std::string_view name : {"code", "pre", "script", "style", "samp"}) add(name, kCode);
    for (const std::string_view name : {"p", "li", "option", "td"}) add(name, kEndedByNext);
    // Frequent ones: of these nothing else need be asked.
    for (const std::string_view name :
         {"div",    "tr",      "th",  "table", "tbody", "ul",   "ol",   "dl",
          "dt",     "dd",      "h1",  "h2",    "h3",    "h4",   "svg",  "path",
          "button", "section", "nav", "body",  "head",  "html", "form", "label"}) {
      add(name, 0);
    }
  }
  [[nodiscard]] constexpr unsigned traits(std::uint64_t key) const noexcept {
    std::size_t at = slot_of(key);
    while (keys_[at] != key && keys_[at] != 0) at = (at + 1) % kSlots;
    return traits_[at];
  }

 private:
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t slot_of(std::uint64_t key) noexcept {
    return static_cast<std::size_t>((key * 0x9e3779b97f4a7c15u) >> 56);
  }
  constexpr void add(std::string_view name, unsigned trait) {
    const std::uint64_t key = key_of(name);
    std::size_t at = slot_of(key);
    while (keys_[at] != key && keys_[at] != 0) at = (at + 1) % kSlots;
    keys_[at] = key;
    traits_[at] = static_cast<std::uint8_t>(traits_[at] | trait | kKnown);
  }

  std::array<std::uint64_t, kSlots> keys_{};
  std::array<std::uint8_t, kSlots> traits_{};
};
constexpr Elements kElements;

// Tags of conversations and tool calls are no page's: a reader sees them. Names begin so.
constexpr std::array<std::string_view, 12> kSpoken{"system",  "developer",   "tool",  "function",
                                                   "invoke",  "instruction", "antml", "use_mcp",
                                                   "execute", "run_",        "bash",  "user_"};
constexpr auto kSpokenKeys = [] {
  std::array<std::pair<std::uint64_t, std::uint64_t>, kSpoken.size()> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::size_t size = std::min(kSpoken[i].size(), kNameSize);
    const std::uint64_t mask =
        size == kNameSize ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
    keys[i] = {key_of(kSpoken[i]), mask};
  }
  return keys;
}();

bool is_spoken(std::string_view name, std::uint64_t key) {
  bool may_be = false;
  for (const auto& [spoken, mask] : kSpokenKeys) may_be |= (key & mask) == spoken;
  return may_be && std::ranges::any_of(kSpoken, [&](std::string_view word) {
           return name.size() >= word.size() &&
                  std::equal(word.begin(), word.end(), name.begin(),
                             [](char mine, char c) { return mine == lower(c); });
         });
}

std::string_view name_of(ByteView tag) {
  const std::size_t begin = tag.starts_with("</") ? 2 : 1;
  std::size_t end = begin;
  while (end < tag.size() && static_cast<unsigned char>(tag[end]) > ' ' && tag[end] != '>' &&
         tag[end] != '/') {
    ++end;
  }
  return tag.substr(begin, end - begin);
}

// Longer names than kNameSize are no key's.
bool same_name(std::string_view name, std::string_view other) {
  return std::ranges::equal(name, other, {}, lower);
}

// The attributes that are looked for. The first ones are given out as text, in this order, then
// the links; the last ones say that an element is not shown.
constexpr std::array<std::string_view, kTagAttributes> kAttributes{
    "alt",   "title", "aria-label", "placeholder", "content", "aria-description", "summary",
    "value", "src",   "href",       "data",        "hidden",  "aria-hidden",      "style"};
constexpr std::size_t kRead = 8;
constexpr std::size_t kLinks = 11;

}  // namespace

Setting MarkupText::setting() const noexcept {
  if (state_ == State::Comment) return Setting::Comment;
  if (hidden_depth_ > 0) return Setting::Hidden;
  return code_depth_ > 0 ? Setting::Code : Setting::Shown;
}

void MarkupText::put(ByteView text, Bytes& out) {
  at_ += text.size();
  if (strip_) out += text;
}

void MarkupText::set(Setting setting) {
  if (setting == told_) return;
  told_ = setting;
  marks_->push_back({at_, setting});
}

void MarkupText::feed(ByteView in, Bytes& out, std::uint64_t at, std::vector<SettingMark>& marks) {
  marks_ = &marks;
  at_ = at;
  while (!in.empty()) {
    if (state_ == State::Text) {
      const std::size_t less = std::min(in.find('<'), in.size());
      put(in.substr(0, less), out);
      in.remove_prefix(less);
      if (in.empty()) break;
      state_ = State::Tag;
      tag_.clear();
      quote_ = 0;
    }
    in.remove_prefix(state_ == State::Tag ? tag(in, out) : comment(in, out));
  }
  marks_ = nullptr;
}

void MarkupText::flush(Bytes& out) {
  if (state_ == State::Tag && strip_) out += tag_;
  state_ = State::Text;
  tag_.clear();
}

// Takes the tag's bytes, as far as they are there; returns how many.
std::size_t MarkupText::tag(ByteView in, Bytes& out) {
  std::size_t i = 0;
  // The beginning, byte by byte.
  while (i < in.size() && tag_.size() < kOpening.size()) {
    const char c = in[i];
    const std::size_t size = tag_.size();
    // A text that does not begin as one is none, and this byte is looked at again.
    const bool begins = size == 0 || is_letter(c) || c == '/' || c == '!';
    if (size <= 1 && !begins) {
      if (strip_) put(tag_, out);
      state_ = State::Text;
      return i;
    }
    tag_ += c;
    if (!strip_) ++at_;
    ++i;
    if (tag_ == kOpening) {
      state_ = State::Comment;
      dashes_ = 2;
      set(setting());
      return i;
    }
    if (c == '>' && quote_ == 0) {
      end_tag(tag_, out);
      return i;
    }
    if ((c == '"' || c == '\'') && tag_.ends_with(kQuoteOpens[c == '"' ? 0 : 1])) quote_ = c;
  }
  if (i == in.size()) return i;
  const std::size_t end = find_end(in, i);
  // All of it may stand in the input, and is not copied.
  const std::size_t size = tag_.size() + (end - i);
  if (size >= kMaxTag && (size > kMaxTag || !ends_)) {
    const std::size_t most = i + (kMaxTag - tag_.size());
    if (strip_) {
      put(tag_, out);
      put(in.substr(i, most - i), out);
    } else {
      at_ += most - i;
    }
    state_ = State::Text;
    return most;
  }
  if (!strip_) at_ += end - i;
  if (ends_ && i == tag_.size()) {
    end_tag(in.substr(0, end), out);
    return end;
  }
  tag_ += in.substr(i, end - i);
  if (ends_) end_tag(tag_, out);
  return end;
}

// Behind the '>' that ends the tag; where it is not there, the input's end.
std::size_t MarkupText::find_end(ByteView in, std::size_t at) {
  ends_ = false;
  while (at < in.size()) {
    if (quote_ != 0) {
      const std::size_t close = in.find(quote_, at);
      if (close == ByteView::npos) return in.size();
      quote_ = 0;
      at = close + 1;
      continue;
    }
    while (at < in.size() && !kStops[static_cast<unsigned char>(in[at])]) ++at;
    if (at == in.size()) break;
    const char c = in[at++];
    if (c == '>') {
      ends_ = true;
      return at;
    }
    const char before = at > 1 ? in[at - 2] : tag_.back();
    if (before == '=') quote_ = c;
  }
  return at;
}

std::size_t MarkupText::comment(ByteView in, Bytes& out) {
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (in[i] == '>' && dashes_ >= 2) {
      put(in.substr(0, i + 1), out);
      state_ = State::Text;
      set(setting());
      return i + 1;
    }
    dashes_ = in[i] == '-' ? dashes_ + 1 : 0;
  }
  put(in, out);
  return in.size();
}

void MarkupText::end_tag(ByteView tag, Bytes& out) {
  state_ = State::Text;
  const std::string_view name = name_of(tag);
  const unsigned traits = name.size() > kNameSize ? 0 : kElements.traits(key_of(name));
  const bool closes = tag[1] == '/';
  TagAttributes attributes{};
  const bool has_attributes = tag.size() > name.size() + (closes ? 3 : 2);
  if (has_attributes && (strip_ || !closes)) attributes = attributes_of(tag);
  if (strip_) {
    if ((traits & kKnown) == 0 && is_spoken(name, key_of(name))) {
      put(tag, out);
    } else if ((traits & kInline) == 0) {
      put("\n", out);
    }
    if (has_attributes) put_attributes(attributes, out);
  }
  if (closes) {
    close(name);
  } else if (tag[1] != '!') {
    if ((traits & kVoid) == 0 && !tag.ends_with("/>")) open(name, traits, attributes);
  }
  set(setting());
}

// Those that a reader of the page is shown, or follows.
void MarkupText::put_attributes(const TagAttributes& attributes, Bytes& out) {
  for (std::size_t i = 0; i < kRead; ++i) {
    if (attributes[i].size() < 16) continue;
    put("\n", out);
    put(attributes[i], out);
    put("\n", out);
  }
  for (std::size_t i = kRead; i < kLinks; ++i) {
    if (attributes[i].find('?') == ByteView::npos) continue;
    put(kAttributes[i], out);
    put("=\"", out);
    put(attributes[i], out);
    put("\" ", out);
  }
}

void MarkupText::open(std::string_view name, unsigned traits, const TagAttributes& attributes) {
  if (hidden_depth_ > 0 && same_name(name, hidden_)) {
    if ((traits & kEndedByNext) != 0) {
      hidden_depth_ = 0;
    } else {
      ++hidden_depth_;
    }
  }
  if (hidden_depth_ == 0 && hides_element(attributes)) {
    hidden_ = name;
    hidden_depth_ = 1;
  }
  if (code_depth_ > 0) {
    if (same_name(name, code_)) ++code_depth_;
  } else if ((traits & kCode) != 0) {
    code_ = name;
    code_depth_ = 1;
  }
}

void MarkupText::close(std::string_view name) {
  if (hidden_depth_ > 0 && same_name(name, hidden_)) --hidden_depth_;
  if (code_depth_ > 0 && same_name(name, code_)) --code_depth_;
}

// As browsers do: the first of a name counts.
TagAttributes attributes_of(ByteView tag) {
  TagAttributes found{};
  AttributeReader reader(tag);
  while (const auto attribute = reader.next()) {
    const std::string_view name = attribute->name;
    for (std::size_t i = 0; i < kAttributes.size(); ++i) {
      if (name.size() != kAttributes[i].size() || lower(name[0]) != kAttributes[i][0]) continue;
      if (!same_name(name, kAttributes[i]) || found[i].data() != nullptr) continue;
      found[i] = attribute->value;
    }
  }
  return found;
}

}  // namespace bottle
