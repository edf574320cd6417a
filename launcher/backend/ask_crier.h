#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "launcher/backend/secret_refresh.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// How a bottle's asks are told to the person who runs it.
struct AskCrierSettings {
  std::string bottle{};                // its id
  std::vector<std::string> command{};  // --ask-command; empty: none
  bool prints = true;                  // a line each on standard error
  std::filesystem::path log{};         // a line for each, and why a command gave no answer
};

// Whether a line on standard error would hit the screen of the agent: it has the terminal, and
// standard error is the same.
[[nodiscard]] bool agent_has_the_screen();

// The child process that waits for the proxy's asks and tells each once: a line, a desktop
// notification where there are a display and notify-send, and the command, whose answer it gives to
// the proxy. It ends with the launcher, and no signal of the terminal reaches it.
class AskCrier {
 public:
  static Expected<AskCrier> start(const AskCrierSettings& settings, const TellProxy& tell);
  AskCrier(AskCrier&&) noexcept = default;
  AskCrier& operator=(AskCrier&&) noexcept = delete;
  // Commands that still run are killed with all that they started.
  ~AskCrier();

 private:
  explicit AskCrier(Child child) : child_(std::move(child)) {}
  Child child_;
};

inline constexpr std::size_t kMostToldAMinute = 30;              // asks; further ones are silent
inline constexpr std::size_t kMaxAskLog = std::size_t{1} << 20;  // bytes

}  // namespace bottle::launcher
