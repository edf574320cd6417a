#pragma once

#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "launcher/backend/backend.h"
#include "launcher/plan/spec.h"
#include "launcher/process/plain_text.h"

namespace bottle::launcher {

// Colours, or none: only for a terminal, and never with NO_COLOR (https://no-color.org).
class Style {
 public:
  enum class Colour { kRed, kGreen, kYellow, kFaint, kBold };
  Style() = default;
  explicit Style(bool coloured) : coloured_(coloured) {}
  static Style for_descriptor(int fd, const Surroundings& around);
  std::string in(Colour colour, std::string_view text) const;

 private:
  bool coloured_ = false;
};

// The surroundings of a command; tests make one up. Everything outlives the command.
struct Context {
  Surroundings& around;
  std::span<const BackendEntry> backends;
  std::ostream& out;
  std::ostream& err;
  Style style{};
  // Removes what killed launchers left. Commands that look at bottles call it.
  std::function<void()> reap = [] {};
};

}  // namespace bottle::launcher
