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

ByteView attribute_of(ByteView tag, ByteView name) {
  std::size_t at = 1;
  while (at < tag.size() && !is_space(tag[at]) && tag[at] != '>' && tag[at] != '/') ++at;
  while (at < tag.size()) {
    while (at < tag.size() && (is_space(tag[at]) || tag[at] == '/')) ++at;
    const std::size_t begin = at;
    while (at < tag.size() && !is_space(tag[at]) && tag[at] != '=' && tag[at] != '>') ++at;
    const ByteView key = tag.substr(begin, at - begin);
    while (at < tag.size() && is_space(tag[at])) ++at;
    ByteView value = "1";  // there without a value
    if (at < tag.size() && tag[at] == '=') {
      ++at;
      while (at < tag.size() && is_space(tag[at])) ++at;
      const char quote = at < tag.size() ? tag[at] : '\0';
      if (quote == '"' || quote == '\'') ++at;
      const std::size_t from = at;
      if (quote == '"' || quote == '\'') {
        at = std::min(tag.find(quote, at), tag.size());
      } else {
        while (at < tag.size() && !is_space(tag[at]) && tag[at] != '>') ++at;
      }
      value = tag.substr(from, at - from);
      if (quote == '"' || quote == '\'') ++at;
    }
    if (key.empty() || (at < tag.size() && tag[at] == '>' && key.empty())) {
      if (at >= tag.size() || tag[at] == '>') return {};
      ++at;
      continue;
    }
    if (key.size() == name.size() &&
        std::equal(key.begin(), key.end(), name.begin(), [](char a, char b) {
          return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
        })) {
      return value;
    }
  }
  return {};
}

bool hides_element(ByteView tag) {
  if (!attribute_of(tag, "hidden").empty()) return true;
  if (attribute_of(tag, "aria-hidden") == "true") return true;
  const ByteView style = attribute_of(tag, "style");
  return !style.empty() && style_hides(squeezed_lower(style));
}

}  // namespace bottle
