#include "proxy/http/flood_guard.h"

#include <algorithm>
#include <string>

namespace bottle {
namespace {

// RFC 9113 section 6; no nghttp2 here.
enum FrameType : std::uint8_t {
  kData = 0x0,
  kHeaders = 0x1,
  kPriority = 0x2,
  kRstStream = 0x3,
  kSettings = 0x4,
  kPing = 0x6,
  kWindowUpdate = 0x8,
  kContinuation = 0x9,
};
constexpr std::uint8_t kEndStream = 0x1;
constexpr std::uint8_t kAck = 0x1;
constexpr std::uint8_t kPadded = 0x8;
constexpr std::uint32_t kDependency = 4;  // bytes, of a PRIORITY frame
constexpr std::uint64_t kMilli = 1000;
constexpr std::size_t kLeastRefill = 4096;
constexpr std::uint32_t kResetsOnTheWay = 100;  // as many as can have been open at once

}  // namespace

FloodGuard::Bucket::Bucket(FloodLimits::Bucket limit, TimePoint now) noexcept
    : capacity_(limit.burst * kMilli),
      per_second_(limit.per_second),
      level_(capacity_),
      filled_(now) {}

bool FloodGuard::Bucket::take(TimePoint now, std::uint64_t tokens) noexcept {
  if (now > filled_) {
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - filled_);
    // A day is more than any bucket needs to be full, and keeps the product small.
    const auto ms = static_cast<std::uint64_t>(std::min<std::int64_t>(passed.count(), 86'400'000));
    level_ = std::min(capacity_, level_ + ms * per_second_);
    filled_ += passed;  // the rest of a millisecond counts next time
  }
  if (level_ < tokens * kMilli) return false;
  level_ -= tokens * kMilli;
  return true;
}

void FloodGuard::Bucket::earn(std::uint32_t tokens) noexcept {
  level_ = std::min(capacity_, level_ + tokens * kMilli);
}

FloodGuard::FloodGuard(const FloodLimits& limits, std::size_t preface, TimePoint now)
    : peer_resets_(limits.peer_resets, now),
      begun_resets_(limits.begun_resets, now),
      request_frames_limit_(limits.request_frames),
      our_resets_(limits.our_resets, now),
      control_(limits.control_frames, now),
      ping_settings_(limits.ping_settings, now),
      discarded_(limits.discarded_kib, now),
      late_data_limit_(limits.late_data),
      late_heads_limit_(limits.late_heads),
      window_updates_limit_(limits.window_updates),
      continuations_limit_(limits.continuations),
      empty_data_limit_(limits.empty_data),
      skip_(preface) {}

std::size_t FloodGuard::inspect(ByteView in, TimePoint now) { return walk(in, now, Pace{}); }

std::size_t FloodGuard::bite(ByteView in, TimePoint now, Judge& judge) {
  return walk(in, now, Pace{&judge, kBiteFrames, kBiteHeads});
}

std::size_t FloodGuard::walk(ByteView in, TimePoint now, Pace pace) {
  if (tripped_) return 0;
  std::size_t at = 0;
  // The library already has the part of this frame's header that came in an earlier call.
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
    if (dependency_left_ > 0) {
      dependency_ = dependency_ << 8U | static_cast<std::uint8_t>(in[at]);
      ++at;
      --skip_;
      const bool whole = --dependency_left_ == 0;
      const auto named = static_cast<std::int32_t>(dependency_ & 0x7fffffffU);
      if (whole && named == stream_id() && pace.judge != nullptr) {
        pace.judge->depends_on_itself();
        return at;
      }
      continue;
    }
    if (skip_ > 0) {
      std::size_t n = std::min(skip_, in.size() - at);
      if (in_head_) {
        n = std::min(n, pace.heads);
        pace.heads -= n;
        if (n == 0) return at;
      }
      skip_ -= n;
      at += n;
      continue;
    }
    if (header_size_ == 0) {
      if (pace.frames == 0) return at;
      frame_start = at;
    }
    const std::size_t n = std::min(kFrameHeader - header_size_, in.size() - at);
    std::copy_n(in.data() + at, n, header_.begin() + static_cast<std::ptrdiff_t>(header_size_));
    header_size_ += n;
    at += n;
    if (header_size_ < kFrameHeader) break;
    header_size_ = 0;
    // With a part of this frame's header fed, everything before it has been.
    const Worth worth = judged(pace.judge, frame_start == 0);
    // Unknown: the same header is read again in the next call, as its first.
    if (worth == Worth::Unknown || worth == Worth::Refused) return frame_start;
    if (pace.frames != SIZE_MAX) {
      // Frames behind a reset are judged when the library has seen it.
      pace.frames = header_[3] == kRstStream ? 0 : pace.frames - 1;
    }
    if (!frame(worth, pace.judge, now)) return frame_start;
  }
  return in.size();
}

std::int32_t FloodGuard::stream_id() const noexcept {
  return static_cast<std::int32_t>((static_cast<std::uint32_t>(header_[5]) & 0x7fU) << 24U |
                                   static_cast<std::uint32_t>(header_[6]) << 16U |
                                   static_cast<std::uint32_t>(header_[7]) << 8U | header_[8]);
}

FloodGuard::Worth FloodGuard::judged(Judge* judge, bool first) {
  const std::uint8_t type = header_[3];
  if (judge == nullptr) return Worth::Useful;
  const std::int32_t stream = stream_id();
  // The library passes over PRIORITY, also where it may not be (RFC 9113 section 6.3).
  const bool misplaced = type == kPriority && stream == 0;
  if (type != kData && type != kHeaders && !misplaced) return Worth::Useful;
  return judge->judge(stream, first);
}

bool FloodGuard::frame(Worth worth, Judge* judge, TimePoint now) {
  const std::uint8_t type = header_[3];
  const std::uint8_t flags = header_[4];
  const std::uint32_t length = static_cast<std::uint32_t>(header_[0]) << 16U |
                               static_cast<std::uint32_t>(header_[1]) << 8U | header_[2];
  skip_ = length;
  in_head_ = type == kHeaders || type == kContinuation;
  if (type != kContinuation) continuations_ = 0;
  // The library passes over it too, and a stream that depends on itself is an error nevertheless
  // (RFC 7540 section 5.3.1).
  dependency_left_ = type == kPriority && length >= kDependency ? kDependency : 0;
  switch (type) {
    case kData:
      return data(worth, length, now);
    case kHeaders:
      // A request earns nothing and costs nothing here: streams, resets and header limits bound it.
      return worth != Worth::Late || late(late_heads_, now);
    case kContinuation:
      if (++continuations_ > continuations_limit_) return trip("too many CONTINUATION frames");
      return true;
    case kRstStream:
      return reset(judge == nullptr ? ResetPrice::Full : judge->price_of_reset(stream_id()), now);
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

bool FloodGuard::reset(ResetPrice price, TimePoint now) {
  if (price == ResetPrice::None) return true;
  if (request_frames_ > 0) {
    --request_frames_;
    return true;
  }
  if (price == ResetPrice::Begun && begun_resets_.take(now)) return true;
  if (!peer_resets_.take(now)) return trip("too many streams were reset");
  return true;
}

bool FloodGuard::data(Worth worth, std::uint32_t length, TimePoint now) {
  const std::uint8_t flags = header_[4];
  const bool padded = (flags & kPadded) != 0 && length > 0;
  if (worth == Worth::Late && !late(late_data_, now)) return false;
  if (length > 0 && !padded) {
    empty_run_ = 0;
    if (worth == Worth::Useful) progress(length);
    return true;
  }
  if ((flags & kEndStream) != 0) return true;
  if (padded) {
    padded_length_ = length;
    return true;
  }
  return empty_data();
}

// A frame on a closed stream does nothing but cost: what a reset accounts for is free.
bool FloodGuard::late(std::uint32_t& allowed, TimePoint now) {
  if (allowed > 0) {
    --allowed;
    return true;
  }
  if (!control_.take(now)) return trip("too many frames on closed streams");
  return true;
}

bool FloodGuard::empty_data() {
  if (++empty_run_ > empty_data_limit_) return trip("too many empty DATA frames");
  return true;
}

void FloodGuard::our_reset(TimePoint now) {
  if (!our_resets_.take(now)) trip("too many streams had to be reset");
}

void FloodGuard::reset_early() noexcept {
  late_data_ = std::min(late_data_ + late_data_limit_, kResetsOnTheWay * late_data_limit_);
  late_heads_ = std::min(late_heads_ + late_heads_limit_, kResetsOnTheWay * late_heads_limit_);
}

bool FloodGuard::discard(std::size_t bytes, TimePoint now) noexcept {
  // The rest of a KiB waits for the next piece.
  const std::size_t all = discarded_rest_ + bytes;
  if (!discarded_.take(now, all / 1024)) return false;
  discarded_rest_ = all % 1024;
  return true;
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

void FloodGuard::requested() noexcept {
  if (request_frames_ < request_frames_limit_) ++request_frames_;
}

bool FloodGuard::trip(const char* what) {
  if (!tripped_) {
    tripped_ = Failure{Code::ClientFlood, what, "", "Send fewer frames that carry no data."};
  }
  return false;
}

}  // namespace bottle
