#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/base/result.h"

namespace bottle {

// Watches the names that only a wildcard allows, or no entry at all: the name servers of x.y see
// each name below it, so a name is a way to send data out. Any thread; no I/O, the time is passed
// in.
class HostWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  HostWatch() = default;
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;

  // `host` is canonical and below `parent`, the wildcard without "*."; empty: it is any host. A
  // name that was let through is let through again. Failures (Denied): "host_name_suspicious" for
  // one that looks like data, "too_many_names" beyond kMaxNewNames in kWindow below one parent.
  [[nodiscard]] Result<void> look(std::string_view host, std::string_view parent, TimePoint now);

  static constexpr std::size_t kMaxNewNames = 100;
  static constexpr std::chrono::minutes kWindow{10};
  // Of all parents together; the oldest is forgotten, and counts as new when it comes again.
  static constexpr std::size_t kMaxNames = 8192;

 private:
  struct Parent {
    std::set<std::string, std::less<>> names;  // let through
    std::deque<TimePoint> recent;              // when, of those within kWindow
  };
  using Names = std::set<std::string, std::less<>>;

  void remember(Parent& parent, std::string_view host);

  std::mutex mutex_;
  std::map<std::string, Parent, std::less<>> parents_;  // as many as the allowlists had wildcards
  std::deque<std::pair<Names*, Names::iterator>> order_;
};

// True if the labels below a wildcard look like encoded data: a run of more than 40 letters and
// digits without a word in it, or more than 300 bits in all. Names that services make pass: bucket
// and branch names, UUIDs, 128-bit hashes.
[[nodiscard]] bool looks_like_data(std::string_view labels) noexcept;

}  // namespace bottle
