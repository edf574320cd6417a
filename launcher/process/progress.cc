#include "launcher/process/progress.h"

#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>

namespace bottle::launcher {
namespace {

// For the signal's handler, which may touch nothing else.
std::array<char, 160> g_line{};
std::size_t g_length = 0;

void show(int) {
  const int before = errno;
  // There is no other place to report a failure.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, g_line.data(), g_length);
  errno = before;
}

void set_timer(long seconds) {
  itimerval timer{};
  timer.it_value.tv_sec = seconds;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

Progress::Progress(const std::string& what, bool quiet) {
  if (quiet) return;
  const std::string line = "bottle: " + what.substr(0, 120) + " ...\n";
  g_length = std::min(line.size(), g_line.size());
  std::copy_n(line.begin(), g_length, g_line.begin());
  struct sigaction action{};
  action.sa_handler = show;
  action.sa_flags = SA_RESTART;
  armed_ = ::sigaction(SIGALRM, &action, nullptr) == 0;
  if (armed_) set_timer(kProgressDelay);
}

Progress::~Progress() {
  if (!armed_) return;
  set_timer(0);
  ::signal(SIGALRM, SIG_DFL);
}

}  // namespace bottle::launcher
