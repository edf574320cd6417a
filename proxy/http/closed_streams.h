#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bottle {

// How the streams of one HTTP/2 connection ended, as far back as it matters: a frame that comes on
// a closed stream is a mistake, or was on its way when we reset the stream (RFC 9113 section 5.1).
// The library remembers no closed stream. Owned by H2Core.
class ClosedStreams {
 public:
  using StreamId = std::int32_t;
  enum class How : std::uint8_t {
    Ended,      // in both directions
    PeerReset,  // the peer sent RST_STREAM
    WeReset,    // we did, before the peer had ended: its frames may still come
    Unused,     // no such stream was opened since the oldest that is remembered
    Forgotten,  // too long ago
  };

  // A stream is over; once for each. Without memory the oldest one that is remembered gives way.
  void add(StreamId id, How how) noexcept;
  [[nodiscard]] How find(StreamId id) const noexcept;

 private:
  static constexpr std::size_t kRemembered = 256;  // more than twice what can be open at once

  // The id (ids of one peer differ by two, so its lowest bit says nothing) with How in two bits.
  [[nodiscard]] static std::uint32_t pack(StreamId id, How how) noexcept;

  std::vector<std::uint32_t> ring_;
  std::size_t next_ = 0;
  StreamId forgotten_ = 0;  // the highest id that was dropped from the ring
};

}  // namespace bottle
