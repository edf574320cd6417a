#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "proxy/guard/answers/markup_text.h"

namespace bottle {
namespace {

bool is_space(char c) noexcept { return static_cast<unsigned char>(c) <= ' '; }

std::string squeezed_lower(ByteView text) {
  std::string out;
  for (const char c : text) {
    if (is_space(c)) continue;
    out += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return out;
}

// The value of a property in a style without spaces; empty: it has none.
std::string_view property(std::string_view style, std::string_view name) {
  std::size_t at = 0;
  while ((at = style.find(name, at)) != std::string_view::npos) {
    const std::size_t end = at + name.size();
    const bool whole = at == 0 || style[at - 1] == ';' || style[at - 1] == '{';
    if (whole && end < style.size() && style[end] == ':') {
      const std::string_view value = style.substr(end + 1);
      return value.substr(0, value.find_first_of(";}"));
    }
    at = end;
  }
  return {};
}

bool is_zero(std::string_view value) {
  if (value.empty() || (value[0] != '0' && value[0] != '.' && value[0] != '1')) return false;
  // One pixel cannot be read either.
  if (value.starts_with("1px")) return true;
  if (value[0] == '1') return false;
  const std::size_t other = value.find_first_not_of("0.");
  return other == std::string_view::npos || value[other] < '1' || value[other] > '9';
}

bool is_white(std::string_view colour) {
  return colour.starts_with("white") || colour == "#fff" || colour.starts_with("#ffffff") ||
         colour.starts_with("#fefefe") || colour.starts_with("rgb(255,255,255)") ||
         colour.starts_with("rgba(255,255,255") || colour.starts_with("transparent") ||
         colour.starts_with("rgba(0,0,0,0)");
}

bool is_far_off(std::string_view value) {
  return value.size() >= 5 && value[0] == '-' && value[1] >= '1' && value[1] <= '9' &&
         value[2] >= '0' && value[2] <= '9' && value[3] >= '0' && value[3] <= '9';
}

bool style_hides(std::string_view style) {
  if (property(style, "display").starts_with("none")) return true;
  const std::string_view visibility = property(style, "visibility");
  if (visibility.starts_with("hidden") || visibility.starts_with("collapse")) return true;
  for (const std::string_view name : {"opacity", "font-size"}) {
    if (is_zero(property(style, name))) return true;
  }
  const bool cut = property(style, "overflow").starts_with("hidden");
  if (cut && (is_zero(property(style, "height")) || is_zero(property(style, "width")) ||
              is_zero(property(style, "max-height")))) {
    return true;
  }
  for (const std::string_view name : {"left", "top", "right", "text-indent", "margin-left"}) {
    if (is_far_off(property(style, name))) return true;
  }
  if (property(style, "clip").starts_with("rect(0") ||
      property(style, "clip").starts_with("rect(1px"))
    return true;
  if (property(style, "clip-path").starts_with("inset(50%") ||
      property(style, "clip-path").starts_with("inset(100%"))
    return true;
  if (property(style, "transform").starts_with("scale(0")) return true;
  const std::string_view colour = property(style, "color");
  if (colour.empty()) return false;
  std::string_view background = property(style, "background-color");
  if (background.empty()) background = property(style, "background");
  return background.empty() ? is_white(colour)
                            : background == colour || (is_white(colour) && is_white(background));
}

}  // namespace

AttributeReader::AttributeReader(ByteView tag) : tag_(tag) {
  while (at_ < tag_.size() && !is_space(tag_[at_]) && tag_[at_] != '>' && tag_[at_] != '/') ++at_;
}

std::optional<AttributeReader::Attribute> AttributeReader::next() {
  std::size_t at = at_;
  while (at < tag_.size()) {
    while (at < tag_.size() && (is_space(tag_[at]) || tag_[at] == '/')) ++at;
    const std::size_t begin = at;
    while (at < tag_.size() && !is_space(tag_[at]) && tag_[at] != '=' && tag_[at] != '>') ++at;
    const ByteView name = tag_.substr(begin, at - begin);
    while (at < tag_.size() && is_space(tag_[at])) ++at;
    ByteView value = "1";
    if (at < tag_.size() && tag_[at] == '=') {
      ++at;
      while (at < tag_.size() && is_space(tag_[at])) ++at;
      const char quote = at < tag_.size() ? tag_[at] : '\0';
      const bool quoted = quote == '"' || quote == '\'';
      if (quoted) ++at;
      const std::size_t from = at;
      if (quoted) {
        at = std::min(tag_.find(quote, at), tag_.size());
      } else {
        while (at < tag_.size() && !is_space(tag_[at]) && tag_[at] != '>') ++at;
      }
      value = tag_.substr(from, at - from);
      if (quoted) ++at;
    }
    if (!name.empty()) {
      at_ = at;
      return Attribute{name, value};
    }
    if (at >= tag_.size() || tag_[at] == '>') break;
    ++at;
  }
  at_ = tag_.size();
  return std::nullopt;
}

bool hides_element(const TagAttributes& attributes) {
  const ByteView hidden = attributes[kTagAttributes - 3];
  const ByteView aria_hidden = attributes[kTagAttributes - 2];
  const ByteView style = attributes[kTagAttributes - 1];
  if (hidden.data() != nullptr || aria_hidden == "true") return true;
  return !style.empty() && style_hides(squeezed_lower(style));
}

}  // namespace bottle
