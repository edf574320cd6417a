#include "proxy/guard/answers/markup_text.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace bottle {
namespace {

bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Elements within a line: what stands around them is one sentence.
constexpr std::array<std::string_view, 22> kInline{
    "a",   "abbr", "b",    "bdi", "bdo", "big",   "cite", "code",   "em",  "font", "i",
    "ins", "kbd",  "mark", "q",   "s",   "small", "span", "strong", "sub", "sup",  "u"};
constexpr std::array<std::string_view, 13> kVoid{"area",   "base",  "br",    "col",  "embed",
                                                 "hr",     "img",   "input", "link", "meta",
                                                 "source", "track", "wbr"};
constexpr std::array<std::string_view, 5> kCode{"code", "pre", "script", "style", "samp"};
// Tags of conversations and tool calls are no page's: a reader sees them.
constexpr std::array<std::string_view, 12> kSpoken{"system",  "developer",   "tool",  "function",
                                                   "invoke",  "instruction", "antml", "use_mcp",
                                                   "execute", "run_",        "bash",  "user_"};
constexpr std::array<std::string_view, 8> kRead{
    "alt", "title", "aria-label", "placeholder", "content", "aria-description", "summary", "value"};

bool one_of(const auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string name_of(ByteView tag) {
  std::string name;
  for (std::size_t at = tag.starts_with("</") ? 2 : 1; at < tag.size(); ++at) {
    const char c = tag[at];
    if (static_cast<unsigned char>(c) <= ' ' || c == '>' || c == '/') break;
    name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return name;
}

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
  for (std::size_t i = 0; i < in.size(); ++i) {
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
    if (tag_ == "<!--") {
      state_ = State::Comment;
      dashes_ = 2;
      set(setting());
      return i + 1;
    }
    if (quote_ != 0) {
      if (c == quote_) quote_ = 0;
    } else if ((c == '"' || c == '\'') && tag_.size() > 2 && tag_[tag_.size() - 2] == '=') {
      quote_ = c;
    } else if (c == '>') {
      end_tag(out);
      return i + 1;
    }
    if (tag_.size() == kMaxTag) {
      if (strip_) put(tag_, out);
      state_ = State::Text;
      return i + 1;
    }
  }
  return in.size();
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

void MarkupText::end_tag(Bytes& out) {
  state_ = State::Text;
  const std::string name = name_of(tag_);
  const bool spoken = std::any_of(kSpoken.begin(), kSpoken.end(),
                                  [&](std::string_view word) { return name.starts_with(word); });
  if (strip_) {
    if (spoken) {
      put(tag_, out);
    } else if (!one_of(kInline, name) && name != "wbr") {
      put("\n", out);
    }
    const std::size_t before = out.size();
    attributes(out);
    at_ += out.size() - before;
  }
  if (tag_[1] == '/') {
    close(name);
  } else if (tag_[1] != '!') {
    open(name, one_of(kVoid, name) || tag_.ends_with("/>"));
  }
  set(setting());
}

// Attributes of the tag that a reader of the page is shown, or follows.
void MarkupText::attributes(Bytes& out) const {
  if (tag_.find('=') == Bytes::npos) return;
  for (const std::string_view name : kRead) {
    const ByteView value = attribute_of(tag_, name);
    if (value.size() < 16) continue;
    out += '\n';
    out += value;
    out += '\n';
  }
  for (const std::string_view name : {"src", "href", "data"}) {
    const ByteView value = attribute_of(tag_, name);
    if (value.find('?') == ByteView::npos) continue;
    out += name;
    out += "=\"";
    out += value;
    out += "\" ";
  }
}

void MarkupText::open(const std::string& name, bool closes_itself) {
  if (closes_itself) return;
  if (hidden_depth_ > 0) {
    // These end where the next of them begins.
    if (name == hidden_ && (name == "p" || name == "li" || name == "option" || name == "td")) {
      hidden_depth_ = 0;
    } else if (name == hidden_) {
      ++hidden_depth_;
    }
  }
  if (hidden_depth_ == 0 && hides_element(tag_)) {
    hidden_ = name;
    hidden_depth_ = 1;
  }
  if (code_depth_ > 0) {
    if (name == code_) ++code_depth_;
  } else if (one_of(kCode, name)) {
    code_ = name;
    code_depth_ = 1;
  }
}

void MarkupText::close(const std::string& name) {
  if (hidden_depth_ > 0 && name == hidden_) --hidden_depth_;
  if (code_depth_ > 0 && name == code_) --code_depth_;
}

}  // namespace bottle
