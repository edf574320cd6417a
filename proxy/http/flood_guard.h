#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/base/failure.h"

namespace bottle {

// How much useless work one HTTP/2 connection's peer may cause. A bucket holds
// `burst` and refills `per_second`.
struct FloodLimits {
  struct Bucket {
    std::uint32_t burst;
    std::uint32_t per_second;
  };
  Bucket peer_resets{100, 10};     // rapid reset (CVE-2023-44487): 100 per 10 s
  Bucket begun_resets{1000, 100};  // of streams whose request's bytes were taken
  // A stream that was open for so long is cancelled, not reset at once: a peer has few such
  // streams.
  std::chrono::milliseconds reset_free_after{1'000};
  std::uint32_t request_frames = 1U << 20U;  // that the peer may reset, saved up at most
  Bucket our_resets{100, 10};                // MadeYouReset (CVE-2025-8671), malformed requests
  Bucket control_frames{1000, 100};          // every frame but DATA and a request's HEADERS
  Bucket ping_settings{100, 10};             // each one costs an answer of ours
  // KiB of requests that go on after their answer: read and thrown away, of all streams together.
  Bucket discarded_kib{64 * 1024, 8 * 1024};
  std::uint32_t late_data = 256;             // frames on a stream that we reset: a window of 1 KiB
  std::uint32_t late_heads = 2;              // ... a head and trailers; beyond it: control_frames
  std::uint32_t window_updates = 1U << 20U;  // that moved data has earned, saved up at most
  std::uint32_t continuations = 8;           // of one header block (CVE-2024-28182)
  std::uint32_t empty_data = 10;             // DATA without bytes and without END_STREAM, in a row
};

// Watches the frames that one peer sends, before the HTTP/2 library sees them, because the library
// does not count most of them. Sans-I/O: time comes in as an argument. One for each connection and
// role; owned by its engine. After it has tripped nothing more may be fed.
//
// A peer that moves data needs control frames (WINDOW_UPDATE, BDP pings): progress() earns them,
// so the bounds hold per unit of useful work and a fast download is no flood. Credit of
// WINDOW_UPDATE is saved up: a client may take a whole window (Go: 4 MiB a stream) and give it back
// later, in one go, in pieces of 4 KiB.
class FloodGuard {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `preface`: bytes to let through before the first frame (24 for a server, RFC 9113 section 3.4).
  FloodGuard(const FloodLimits& limits, std::size_t preface, TimePoint now);

  // The worth of a HEADERS or DATA frame, by the stream it is on (0: there is none).
  enum class Worth : std::uint8_t {
    Useful,   // moves something
    Nothing,  // goes on after its answer: bounded by discard()
    Late,     // on a closed stream: costs
    Unknown,  // that cannot be said before the library has seen what comes before it
    Refused,  // ends the connection; the judge knows why
  };
  // The price of a RST_STREAM, by how far its stream has come.
  enum class ResetPrice : std::uint8_t {
    Full,   // nothing was done on it: rapid reset
    Begun,  // its request's body was taken: a call that is cancelled early
    None,   // it was being answered, or open for long
  };
  class Judge {
   public:
    // `first`: the library has seen everything that comes before this frame.
    virtual Worth judge(std::int32_t stream, bool first) = 0;
    // A RST_STREAM comes on this stream: asked once for each, before the library sees it.
    virtual ResetPrice price_of_reset(std::int32_t stream) = 0;
    // A PRIORITY frame makes a stream depend on itself: what comes after it is not fed.
    virtual void depends_on_itself() = 0;

   protected:
    ~Judge() = default;
  };
  static constexpr std::size_t kBiteFrames = 32;
  static constexpr std::size_t kBiteHeads = 2048;  // bytes of header blocks: decoding is what costs

  // Looks at the peer's next bytes, split anywhere. Returns how many of them may be fed to the
  // library: all, or those before the frame that was too much (then tripped() says why).
  std::size_t inspect(ByteView in, TimePoint now);
  // The same for as much as is to be fed in one go: fewer bytes than all are no sign of anything,
  // none is one (tripped(), or the judge refused).
  std::size_t bite(ByteView in, TimePoint now, Judge& judge);
  // We sent a RST_STREAM because of what the peer did.
  void our_reset(TimePoint now);
  // We reset a stream that the peer had not ended: what was on its way still comes.
  void reset_early() noexcept;
  // Bytes came for an exchange that is over. False: too many in this time; they do not count, and
  // may be tried again later.
  [[nodiscard]] bool discard(std::size_t bytes, TimePoint now) noexcept;
  // Useful work was done: a DATA frame with so many bytes that we sent, or one that came.
  void progress(std::size_t bytes) noexcept;
  // A stream's last frame went out. Clients that stop reading where Content-Length says reset a
  // stream whose empty last DATA frame is still on its way: after a whole answer that costs
  // nothing, so each one pays for a reset.
  void answered() noexcept;
  // A frame of a request of ours went out: HEADERS or DATA. An origin that answers early resets the
  // stream, and, like Go's, once more for each frame that was on its way.
  void requested() noexcept;

  // ClientFlood (the name of the failure; an origin may be the flooder too), once a limit is
  // exceeded.
  [[nodiscard]] const std::optional<Failure>& tripped() const noexcept { return tripped_; }

 private:
  class Bucket {
   public:
    Bucket(FloodLimits::Bucket limit, TimePoint now) noexcept;
    bool take(TimePoint now, std::uint64_t tokens = 1) noexcept;
    void earn(std::uint32_t tokens) noexcept;

   private:
    std::uint64_t capacity_;    // in thousandths of a token
    std::uint64_t per_second_;  // tokens
    std::uint64_t level_;
    TimePoint filled_;
  };

  // The frames that one call of inspect() or bite() may take.
  struct Pace {
    Judge* judge = nullptr;
    std::size_t frames = SIZE_MAX;
    std::size_t heads = SIZE_MAX;
  };
  std::size_t walk(ByteView in, TimePoint now, Pace pace);
  [[nodiscard]] std::int32_t stream_id() const noexcept;
  Worth judged(Judge* judge, bool first);
  bool frame(Worth worth, Judge* judge, TimePoint now);
  bool reset(ResetPrice price, TimePoint now);
  bool data(Worth worth, std::uint32_t length, TimePoint now);
  bool late(std::uint32_t& allowed, TimePoint now);
  bool empty_data();
  bool trip(const char* what);

  static constexpr std::size_t kFrameHeader = 9;

  Bucket peer_resets_;
  Bucket begun_resets_;
  const std::uint32_t request_frames_limit_;
  std::uint32_t request_frames_ = 0;  // each pays for one reset; beyond it: peer_resets_
  Bucket our_resets_;
  Bucket control_;
  Bucket ping_settings_;
  Bucket discarded_;
  const std::uint32_t late_data_limit_;
  const std::uint32_t late_heads_limit_;
  std::uint32_t late_data_ = 0;
  std::uint32_t late_heads_ = 0;
  std::uint32_t window_updates_limit_;
  std::uint32_t window_updates_ = 0;  // earned; what goes beyond is paid from control_
  std::uint32_t continuations_limit_;
  std::uint32_t empty_data_limit_;
  std::uint32_t continuations_ = 0;
  std::uint32_t empty_run_ = 0;
  std::size_t discarded_rest_ = 0;
  std::size_t skip_;                   // bytes until the next frame header
  bool in_head_ = false;               // ... which are of a header block
  std::uint32_t dependency_left_ = 0;  // bytes of a PRIORITY frame's dependency that come next
  std::uint32_t dependency_ = 0;
  std::uint32_t padded_length_ = 0;  // of a padded DATA frame whose pad length comes next
  std::size_t header_size_ = 0;      // how much of header_ is there
  std::array<std::uint8_t, kFrameHeader> header_{};
  std::optional<Failure> tripped_;
};

}  // namespace bottle
