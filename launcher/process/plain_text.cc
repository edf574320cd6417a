#include "launcher/process/plain_text.h"

#include <algorithm>

namespace bottle::launcher {

std::string printable(std::string_view text, std::size_t most) {
  std::string out(text.substr(0, most));
  std::replace_if(out.begin(), out.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return out;
}

std::string last_line(std::string_view text, std::size_t most) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  return printable(text.substr(text.rfind('\n') + 1), most);
}

std::string duration_words(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(seconds, 0);
  const auto pair = [](std::int64_t large, const char* a, std::int64_t small, const char* b) {
    std::string out = std::to_string(large) + a;
    if (small > 0) out += " " + std::to_string(small) + b;
    return out;
  };
  if (seconds < 60) return std::to_string(seconds) + " s";
  if (seconds < 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 86400) return pair(seconds / 3600, " h", seconds % 3600 / 60, " min");
  return pair(seconds / 86400, " d", seconds % 86400 / 3600, " h");
}

}  // namespace bottle::launcher
