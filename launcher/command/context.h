#pragma once

#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

#include "launcher/backend/backend.h"
#include "launcher/plan/spec.h"

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

// For a terminal: control characters and what is not ASCII become '?', at most `most` bytes.
std::string printable(std::string_view text, std::size_t most = 255);

// "3 s", "4 min", "2 h 5 min", "3 d 4 h".
std::string duration_words(std::int64_t seconds);

}  // namespace bottle::launcher
