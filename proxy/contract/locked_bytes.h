#pragma once

#include <cstddef>
#include <span>

namespace bottle {

// A piece of memory for secrets, of one size for ever: its pages are locked (they go to no swap),
// left out of core dumps, zero in a process that is forked, and overwritten at the end. Throws
// std::bad_alloc.
class LockedBytes {
 public:
  explicit LockedBytes(std::size_t size);
  ~LockedBytes();
  LockedBytes(const LockedBytes&) = delete;
  LockedBytes& operator=(const LockedBytes&) = delete;

  [[nodiscard]] std::span<char> span() noexcept { return bytes_; }
  // False if the system did not lock the pages (RLIMIT_MEMLOCK).
  [[nodiscard]] bool locked() const noexcept { return locked_; }

 private:
  std::span<char> bytes_;
  std::size_t mapped_ = 0;
  bool locked_ = true;
};

}  // namespace bottle
