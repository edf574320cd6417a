#include "launcher/command/option_lines.h"

#include <algorithm>
#include <cstddef>

namespace bottle::launcher {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string OptionLines::text() const {
  const auto is_entry = [](const Line& line) { return line.kind == Kind::kEntry; };
  const bool entries = std::any_of(lines_.begin(), lines_.end(), is_entry);
  // After the comments at the top.
  const auto first = std::find_if(lines_.begin(), lines_.end(), is_entry);
  auto lines = lines_;
  lines.insert(lines.begin() + (first - lines_.begin()), options_.begin(), options_.end());
  std::size_t left = static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), is_entry));
  std::string out;
  for (const auto& line : lines) {
    if (is_entry(line)) --left;
    const bool comma = line.kind != Kind::kComment && entries && left > 0;
    out += indent_ + (is_entry(line) ? "" : "// ") + line.text + (comma ? ",\n" : "\n");
  }
  return out;
}

}  // namespace bottle::launcher
