#include "launcher/process/desktop.h"

#include <fcntl.h>

#include <cstdlib>
#include <utility>

#include "launcher/process/command_output.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kNotice{5};  // notify-send ends at once, or not at all

std::string own_variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

Desktop::Desktop() {
  const bool display = !own_variable("DISPLAY").empty() || !own_variable("WAYLAND_DISPLAY").empty();
  if (display) program_ = find_program("notify-send", own_variable("PATH")).value_or("");
}

void Desktop::show(const std::string& title, const std::string& text, std::chrono::seconds lasts) {
  notices_.remove_if([](Notice& one) { return one.child.ended() || Clock::now() >= one.until; });
  if (program_.empty()) return;
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  Launch launch{.argv = {program_, "--app-name=bottle"},
                .env = environment_with(),
                .fds = {{nothing.get(), 0}, {nothing.get(), 1}, {nothing.get(), 2}}};
  if (lasts.count() > 0) {
    launch.argv.push_back("--expire-time=" + std::to_string(lasts.count() * 1000));
  }
  launch.argv.insert(launch.argv.end(), {"--", title, text});
  auto child = spawn(launch, ExitCode::kSystem);
  if (child) notices_.push_back({std::move(*child), Clock::now() + kNotice});
}

}  // namespace bottle::launcher
