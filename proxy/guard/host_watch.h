#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <unordered_set>

#include "proxy/base/result.h"
#include "proxy/guard/new_names.h"

namespace bottle {

// Watches the names that only a wildcard allows, or no entry at all: the name servers of x.y see
// each name below it, so a name is a way to send data out. Any thread; no I/O, the time is passed
// in. Remembers in `names`, which outlives it, and goes on with those of a watch before it.
class HostWatch {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit HostWatch(NewNames& names);
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;

  // `host` is canonical and below `parent`, the wildcard without "*."; empty: it is any host. A
  // name that was let through is let through again. Failures (Denied): "host_name_suspicious" for
  // one that looks like data, "too_many_names" beyond kMaxNewNames in kWindow below one parent.
  [[nodiscard]] Result<void> look(std::string_view host, std::string_view parent, TimePoint now);

  static constexpr std::size_t kMaxNewNames = NewNames::kNewOfParent;
  static constexpr std::chrono::minutes kWindow{10};
  // Of all parents together; the oldest is forgotten, and counts as new when it comes again.
  static constexpr std::size_t kMaxNames = NewNames::kNames;

 private:
  NewNames::Parent& parent_of(std::string_view parent) noexcept;
  void remember(std::uint64_t name);

  std::mutex mutex_;
  NewNames& names_;
  std::unordered_set<std::uint64_t> known_;  // those of names_, to find one
};

// True if the labels below a wildcard look like encoded data: a run of more than 40 letters and
// digits without a word in it, or more than 300 bits in all. Names that services make pass: bucket
// and branch names, UUIDs, 128-bit hashes.
[[nodiscard]] bool looks_like_data(std::string_view labels) noexcept;

}  // namespace bottle
