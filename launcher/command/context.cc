#include "launcher/command/context.h"

#include <unistd.h>

#include <algorithm>

namespace bottle::launcher {

Style Style::for_descriptor(int fd, const Surroundings& around) {
  const auto no_colour = around.variable("NO_COLOR");
  const auto term = around.variable("TERM");
  return Style(::isatty(fd) == 1 && (!no_colour || no_colour->empty()) && term && *term != "dumb");
}

std::string Style::in(Colour colour, std::string_view text) const {
  if (!coloured_) return std::string(text);
  const char* code = "";
  switch (colour) {
    case Colour::kRed:
      code = "31";
      break;
    case Colour::kGreen:
      code = "32";
      break;
    case Colour::kYellow:
      code = "33";
      break;
    case Colour::kFaint:
      code = "2";
      break;
    case Colour::kBold:
      code = "1";
      break;
  }
  return "\033[" + std::string(code) + "m" + std::string(text) + "\033[0m";
}

std::string printable(std::string_view text, std::size_t most) {
  std::string out(text.substr(0, most));
  std::replace_if(out.begin(), out.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return out;
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
