#include "launcher/command/context.h"

#include <unistd.h>

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

}  // namespace bottle::launcher
