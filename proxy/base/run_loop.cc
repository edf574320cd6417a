#include "proxy/base/run_loop.h"

#include <chrono>
#include <exception>
#include <optional>
#include <string>

#include "proxy/base/frame_cache.h"
#include "proxy/base/task_group.h"

namespace bottle {
namespace {

using Clock = std::chrono::steady_clock;

// The exceptions that left the handlers of one loop.
class Strays {
 public:
  void caught(const char* what) noexcept {
    ++unsaid_;
    const auto now = Clock::now();
    if (next_ && now < *next_) return;
    next_ = now + std::chrono::seconds(1);
    try {
      const std::string text = std::string("left a handler: ") + what + " (" +
                               std::to_string(unsaid_) + " since the last line)";
      TaskGroup::tell_crash(text.c_str());
      unsaid_ = 0;
    } catch (...) {
      // Counted with the next one.
    }
  }

 private:
  unsigned long unsaid_ = 0;
  std::optional<Clock::time_point> next_;
};

}  // namespace

void run_loop(boost::asio::io_context& io) noexcept {
  Strays strays;
  for (;;) {
    try {
      io.run();
      FrameCache::of_thread().clear();
      return;
    } catch (const std::exception& e) {
      strays.caught(e.what());
    } catch (...) {
      strays.caught("an exception that is no std::exception");
    }
  }
}

}  // namespace bottle
