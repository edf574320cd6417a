#include "proxy/http/flood_guard.h"

#include <algorithm>
#include <string>

namespace bottle {
namespace {

// RFC 9113 section 6; no nghttp2 here.
enum FrameType : std::uint8_t {
  kData = 0x0,
  kHeaders = 0x1,
  kRstStream = 0x3,
  kSettings = 0x4,
  kPing = 0x6,
  kWindowUpdate = 0x8,
  kContinuation = 0x9,
};
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kPadded = 0x8;
constexpr std::uint64_t kMilli = 1000;
constexpr std::size_t kLeastRefill = 4096;

}  // namespace

FloodGuard::Bucket::Bucket(FloodLimits::Bucket limit, TimePoint now) noexcept
    : capacity_(limit.burst * kMilli),
      per_second_(limit.per_second),
      level_(capacity_),
      filled_(now) {}

bool FloodGuard::Bucket::take(TimePoint now) noexcept {
  if (now > filled_) {
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - filled_);
    // A day is more than any bucket needs to be full, and keeps the product small.
    const auto ms = static_cast<std::uint64_t>(std::min<std::int64_t>(passed.count(), 86'400'000));
    level_ = std::min(capacity_, level_ + ms * per_second_);
    filled_ += passed;  // what is left of a millisecond counts next time
  }
  if (level_ < kMilli) return false;
  level_ -= kMilli;
  return true;
}

void FloodGuard::Bucket::earn(std::uint32_t tokens) noexcept {
  level_ = std::min(capacity_, level_ + tokens * kMilli);
}

FloodGuard::FloodGuard(const FloodLimits& limits, std::size_t preface, TimePoint now)
    : peer_resets_(limits.peer_resets, now),
      our_resets_(limits.our_resets, now),
      control_(limits.control_frames, now),
      ping_settings_(limits.ping_settings, now),
      window_updates_limit_(limits.window_updates),
      continuations_limit_(limits.continuations),
      empty_data_limit_(limits.empty_data),
      skip_(preface) {}

std::size_t FloodGuard::inspect(ByteView in, TimePoint now) {
  if (tripped_) return 0;
  std::size_t at = 0;
  // What of the current frame's header came in an earlier call is already with the library.
  std::size_t frame_start = 0;
  while (at < in.size()) {
    if (padded_length_ > 0) {
      // The pad length: DATA without bytes can hide behind padding.
      const std::uint32_t padding = static_cast<std::uint8_t>(in[at]);
      const bool nothing = padding + 1 >= padded_length_;
      padded_length_ = 0;
      if (nothing ? !empty_data() : false) return frame_start;
      if (!nothing) empty_run_ = 0;
      continue;
    }
    if (skip_ > 0) {
      const std::size_t n = std::min(skip_, in.size() - at);
      skip_ -= n;
      at += n;
      continue;
    }
    if (header_size_ == 0) frame_start = at;
    const std::size_t n = std::min(kFrameHeader - header_size_, in.size() - at);
    std::copy_n(in.data() + at, n, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += n;
    at += n;
    if (header_size_ < kFrameHeader) break;
    header_size_ = 0;
    const std::uint32_t length = static_cast<std::uint32_t>(header_[0]) << 16U |
                                 static_cast<std::uint32_t>(header_[1]) << 8U | header_[2];
    skip_ = length;
    if (!frame(header_[3], header_[4], length, now)) return frame_start;
  }
  return in.size();
}

bool FloodGuard::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t length, TimePoint now) {
  if (type != kContinuation) continuations_ = 0;
  switch (type) {
    case kData: {
      const bool padded = (flags & kPadded) != 0 && length > 0;
      if (length > 0 && !padded) {
        empty_run_ = 0;
        progress(length);
        return true;
      }
      if ((flags & kEndStream) != 0) return true;
      if (padded) {
        padded_length_ = length;
        return true;
      }
      return empty_data();
    }
    case kHeaders:
      // A request earns nothing and costs nothing here: streams, resets and header limits bound it.
      return true;
    case kContinuation:
      if (++continuations_ > continuations_limit_) return trip("too many CONTINUATION frames");
      return true;
    case kRstStream:
      if (!peer_resets_.take(now)) return trip("too many streams were reset");
      return true;
    case kPing:
    case kSettings:
      if ((flags & kAck) == 0 && !ping_settings_.take(now)) {
        return trip("too many PING or SETTINGS frames");
      }
      break;
    case kWindowUpdate:
      if (window_updates_ > 0) {
        --window_updates_;
        return true;
      }
      break;
    default:
      break;
  }
  if (!control_.take(now)) return trip("too many control frames");
  return true;
}

bool FloodGuard::empty_data() {
  if (++empty_run_ > empty_data_limit_) return trip("too many empty DATA frames");
  return true;
}

void FloodGuard::our_reset(TimePoint now) {
  if (!our_resets_.take(now)) trip("too many streams had to be reset");
}

void FloodGuard::progress(std::size_t bytes) noexcept {
  // A receiver sends up to two WINDOW_UPDATE for each piece that it reads: Go's client does so from
  // 4 KiB on, whatever the DATA frame's size. One that measures the way pings.
  const auto earned = 2 * (static_cast<std::uint32_t>(bytes / kLeastRefill) + 1);
  window_updates_ += std::min(earned, window_updates_limit_ - window_updates_);
  control_.earn(1);
  ping_settings_.earn(1);
}

void FloodGuard::answered() noexcept { peer_resets_.earn(1); }

bool FloodGuard::trip(const char* what) {
  if (!tripped_) {
    tripped_ = Failure{Code::ClientFlood, what, "", "Send fewer frames that carry no data."};
  }
  return false;
}

}  // namespace bottle
