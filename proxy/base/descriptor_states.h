#pragma once

#include <cstddef>
#include <utility>

#include "proxy/base/awaitable.h"

namespace bottle {

// Asio never frees what it keeps about a descriptor: the next one gets it. Allocated one at a time,
// between the memory of their connections, they would each keep a page from going back to the
// system after many connections at once. So they are made in rows, ahead of need. One event loop's;
// its thread.
class DescriptorStates {
 public:
  static constexpr std::size_t kRow = 64;

  explicit DescriptorStates(Executor executor) noexcept : executor_(std::move(executor)) {}
  DescriptorStates(const DescriptorStates&) = delete;
  DescriptorStates& operator=(const DescriptorStates&) = delete;

  // So many connections are about to be open. Takes about 100 µs for a row, and descriptors for a
  // moment; without them nothing is made, and the connections come nevertheless.
  void expect(std::size_t connections) noexcept;
  [[nodiscard]] std::size_t made() const noexcept { return made_; }

 private:
  const Executor executor_;
  std::size_t made_ = 0;
};

}  // namespace bottle
