#include "proxy/http/fields.h"

namespace bottle {
namespace {

constexpr char lower(char c) noexcept {
  return (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

void Fields::add(std::string_view name, std::string_view value) {
  // One step instead of four for a usual head; a list that is made holds at least one field.
  if (extents_.capacity() == 0) reserve(16, 480);
  const auto at = static_cast<std::uint32_t>(bytes_.size());
  const auto name_size = static_cast<std::uint32_t>(name.size());
  extents_.push_back(
      Extent{at, name_size, at + name_size, static_cast<std::uint32_t>(value.size())});
  bytes_.append(name);
  bytes_.append(value);
}

void Fields::set(std::string_view name, std::string_view value) {
  remove(name);
  add(name, value);
}

std::size_t Fields::remove(std::string_view name) {
  return remove_if([name](const Field& field) { return iequals(field.name, name); });
}

void Fields::clear() {
  extents_.clear();
  bytes_.clear();
}

void Fields::reserve(std::size_t fields, std::size_t bytes) {
  extents_.reserve(fields);
  bytes_.reserve(bytes);
}

// Most names have another size: those are not even looked at.
std::optional<std::string_view> Fields::find(std::string_view name) const {
  for (const Extent& extent : extents_) {
    if (extent.name_size == name.size() && iequals(name_of(extent), name)) return value_of(extent);
  }
  return std::nullopt;
}

std::size_t Fields::count(std::string_view name) const {
  std::size_t n = 0;
  for (const Extent& extent : extents_) {
    if (extent.name_size == name.size() && iequals(name_of(extent), name)) ++n;
  }
  return n;
}

std::size_t Fields::list_size() const {
  std::size_t total = 0;
  for (const Extent& e : extents_) total += e.name_size + e.value_size + 32U;
  return total;
}

bool iequals(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string_view trim_ows(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool list_has_token(std::string_view list, std::string_view token) noexcept {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (iequals(trim_ows(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace bottle
