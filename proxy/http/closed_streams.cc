#include "proxy/http/closed_streams.h"

#include <algorithm>
#include <new>

namespace bottle {
namespace {

constexpr unsigned kHowBits = 2;
constexpr std::uint32_t kHowMask = 3;

}  // namespace

std::uint32_t ClosedStreams::pack(StreamId id, How how) noexcept {
  return (static_cast<std::uint32_t>(id) >> 1U) << kHowBits | static_cast<std::uint32_t>(how);
}

void ClosedStreams::add(StreamId id, How how) noexcept {
  const std::uint32_t entry = pack(id, how);
  if (ring_.size() < kRemembered) {
    try {
      ring_.push_back(entry);
      return;
    } catch (const std::bad_alloc&) {
    }
    if (ring_.empty()) {
      forgotten_ = std::max(forgotten_, id);
      return;
    }
    next_ %= ring_.size();
  }
  const auto dropped = static_cast<StreamId>((ring_[next_] >> kHowBits) << 1U | 1U);
  forgotten_ = std::max(forgotten_, dropped);
  ring_[next_] = entry;
  next_ = (next_ + 1) % ring_.size();
}

ClosedStreams::How ClosedStreams::find(StreamId id) const noexcept {
  const std::uint32_t wanted = static_cast<std::uint32_t>(id) >> 1U;
  for (const std::uint32_t entry : ring_) {
    if (entry >> kHowBits == wanted) return static_cast<How>(entry & kHowMask);
  }
  return id <= forgotten_ ? How::Forgotten : How::Unused;
}

}  // namespace bottle
