#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>

#include "proxy/contract/fd.h"

namespace bottle {

// The allocator keeps what was freed between blocks that are still in use: after an attack that is
// most of what the attack took. When the process has been quiet for a while and is larger than it
// was, its free pages go back to the system. Never under load: it takes about a millisecond for
// each 10 MiB, in which a worker that allocates waits, and pages that are needed again have to be
// got again. Lives on the loop of main's thread until stop().
class FreeMemory {
 public:
  using Duration = std::chrono::nanoseconds;

  static constexpr std::chrono::seconds kLook{2};
  // Quiet: less CPU time than this between two looks.
  static constexpr std::chrono::milliseconds kQuietTime{100};
  static constexpr int kQuietLooks = 2;  // in a row
  // Less than this is not worth it.
  static constexpr std::size_t kLeastGrowth = 1024 * 1024;
  // Connections that are kept for a while free their memory later: it is done again after so many
  // looks, then after twice as many, and so on.
  static constexpr int kAgain = 6;
  static constexpr int kLastAgain = 48;

  // The judgement, without clock and process.
  class Rule {
   public:
    // `cpu`: of the process, since its start; `resident`: bytes. True: give back now.
    [[nodiscard]] bool look(Duration cpu, std::size_t resident) noexcept;
    // So much is left.
    void gave_back(std::size_t resident) noexcept { low_ = resident; }

   private:
    std::optional<Duration> cpu_;
    int quiet_ = 0;
    int again_ = 0;        // after so many looks; 0: not
    int since_ = 0;        // the last time
    std::size_t low_ = 0;  // after it
  };

  // `before`: called a moment before pages go back, to have each other thread that lives long call
  // renew_thread_cache().
  FreeMemory(boost::asio::io_context& io, std::function<void()> before);
  FreeMemory(const FreeMemory&) = delete;
  FreeMemory& operator=(const FreeMemory&) = delete;

  void stop();

  // Once, before there are threads.
  static void set_up_allocator() noexcept;
  // The allocator keeps the last blocks that a thread freed, seven of each size up to a KiB, for
  // that thread alone. After many connections each may be the one thing on its page: 1.5 MiB. Puts
  // neighbours in their place.
  static void renew_thread_cache() noexcept;

 private:
  void wait();
  void look();
  void give_back();
  // Nothing: it cannot be told.
  [[nodiscard]] std::optional<std::size_t> resident() const noexcept;

  static constexpr std::chrono::milliseconds kMoment{50};

  boost::asio::steady_timer timer_;
  const std::function<void()> before_;
  Fd statm_;
  Rule rule_;
  bool due_ = false;  // in a moment
};

}  // namespace bottle
