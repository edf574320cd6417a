#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"
#include "proxy/tls/client_hello.h"

namespace bottle {

// Bounds the bytes that come in before a client's hello is complete; the first of them has to be a
// TLS record's. No I/O.
class HelloGate {
 public:
  enum class State : std::uint8_t {
    Open,     // nothing is looked at, or no longer
    Awaited,  // no byte came yet
    Begun,
    NotTls,
    TooLarge,
  };

  HelloGate() = default;
  // With no bytes allowed it is open from the start.
  explicit HelloGate(std::size_t bytes) noexcept
      : state_(bytes == 0 ? State::Open : State::Awaited), room_(bytes) {}

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool refuses() const noexcept {
    return state_ == State::NotTls || state_ == State::TooLarge;
  }
  // How much of `wanted` may be read. 0: the hello is too large.
  [[nodiscard]] std::size_t allow(std::size_t wanted) noexcept {
    if (state_ != State::Awaited && state_ != State::Begun) return wanted;
    if (room_ == 0) state_ = State::TooLarge;
    return std::min(wanted, room_);
  }
  void came(ByteView bytes) noexcept {
    if (bytes.empty() || (state_ != State::Awaited && state_ != State::Begun)) return;
    const bool tls = state_ == State::Begun || looks_like_tls(bytes.front());
    state_ = !tls ? State::NotTls : bytes.size() > room_ ? State::TooLarge : State::Begun;
    room_ -= std::min(room_, bytes.size());
  }
  void complete() noexcept { state_ = State::Open; }

 private:
  State state_ = State::Open;
  std::size_t room_ = 0;
};

}  // namespace bottle
