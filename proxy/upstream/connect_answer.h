#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

// The request for a tunnel (RFC 9110 section 9.3.6). `authority` is HOST:PORT, `authorization` the
// value of Proxy-Authorization; empty: no such field. Both hold no CR and no LF.
[[nodiscard]] Bytes connect_request(ByteView authority, ByteView authorization);

// Reads the head of the answer to a CONNECT, and not one byte more: what follows a 2xx is the
// destination's. 1xx heads are passed over.
class ConnectAnswer {
 public:
  enum class State : std::uint8_t { NeedMore, Complete, Malformed, TooLarge };

  explicit ConnectAnswer(std::size_t most_bytes) : room_(most_bytes) {}
  // How many of `bytes`, which follow those of the earlier calls, belong to the head. Less than
  // all of them only if the state is not NeedMore.
  [[nodiscard]] std::size_t take(ByteView bytes);
  [[nodiscard]] State state() const noexcept { return state_; }
  // Of a complete answer.
  [[nodiscard]] int status() const noexcept { return status_; }

 private:
  void end_line();

  std::size_t room_;  // for all heads together
  Bytes line_;
  bool at_status_line_ = true;
  State state_ = State::NeedMore;
  int status_ = 0;
};

// The first line of an error's body, with its unprintable bytes taken out: for a person.
[[nodiscard]] Bytes first_words(ByteView body);

}  // namespace bottle
