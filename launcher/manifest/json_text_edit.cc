#include "launcher/manifest/json_text_edit.h"

#include <algorithm>
#include <cstddef>

namespace bottle::launcher {
namespace {

constexpr auto kNowhere = std::string_view::npos;

// Where a token begins, in bytes.
std::size_t offset_of(std::string_view text, TextPosition place) {
  std::size_t at = 0;
  for (std::size_t line = 1; line < place.line; ++line) at = text.find('\n', at) + 1;
  for (std::size_t column = 1; column < place.column && at < text.size(); ++column) {
    ++at;
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U) ++at;
  }
  return at;
}

std::size_t end_of_string(std::string_view text, std::size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

// One past the last byte of the value that begins at `at`. The text was parsed before.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  if (text[at] == '"') return end_of_string(text, at);
  if (text[at] != '{' && text[at] != '[') return text.find_first_of(",]} \t\r\n/", at);
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at);
      continue;
    }
    if (text.substr(at, 2) == "//") {
      at = std::min(text.find('\n', at), text.size());
      continue;
    }
    if (text.substr(at, 2) == "/*") {
      at = text.find("*/", at + 2) + 2;
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return at;
}

std::size_t begin_of_line(std::string_view text, std::size_t at) {
  const auto before = at == 0 ? kNowhere : text.rfind('\n', at - 1);
  return before == kNowhere ? 0 : before + 1;
}

std::string_view indent_at(std::string_view text, std::size_t at) {
  const auto begin = begin_of_line(text, at);
  return text.substr(begin, text.find_first_not_of(" \t", begin) - begin);
}

// Adds an entry to an object or a list. `last` is where its last entry begins, and `value` where
// the value of that does; kNowhere: it is empty.
std::string with_entry(std::string_view text, std::size_t opening, std::size_t last,
                       std::size_t value, const std::string& entry) {
  std::string out(text);
  if (last == kNowhere) {
    const std::string space = text[opening] == '{' ? " " : "";
    return out.insert(opening + 1, space + entry + space);
  }
  const std::size_t end = end_of_value(text, value);
  const std::size_t line_end = std::min(text.find('\n', end), text.size());
  const bool own_line = text.substr(opening, last - opening).find('\n') != kNowhere;
  std::string_view rest = text.substr(end, line_end - end);
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r"), rest.size()));
  if (!own_line || (!rest.empty() && !rest.starts_with("//"))) {
    return out.insert(end, ", " + entry);
  }
  // Behind a comment of the last entry, which stays beside it.
  const bool returns = line_end > end && text[line_end - 1] == '\r';
  out.insert(line_end - (returns ? 1 : 0),
             std::string(returns ? "\r\n" : "\n") + std::string(indent_at(text, last)) + entry);
  return out.insert(end, ",");
}

}  // namespace

const JsonMember* member_of(const JsonNode& object, std::string_view name) {
  for (const JsonMember& member : object.members) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

std::string with_member(std::string_view text, const JsonNode& object, const std::string& entry) {
  const std::size_t opening = offset_of(text, object.place);
  if (object.members.empty()) return with_entry(text, opening, kNowhere, kNowhere, entry);
  const JsonMember& last = object.members.back();
  return with_entry(text, opening, offset_of(text, last.place), offset_of(text, last.value.place),
                    entry);
}

std::string with_item(std::string_view text, const JsonNode& list, const std::string& entry) {
  const std::size_t opening = offset_of(text, list.place);
  const std::size_t last = list.items.empty() ? kNowhere : offset_of(text, list.items.back().place);
  return with_entry(text, opening, last, last, entry);
}

}  // namespace bottle::launcher
