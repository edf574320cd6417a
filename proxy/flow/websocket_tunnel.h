#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/result.h"
#include "proxy/body/decode_space.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/http/websocket/handshake.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

class Guard;

// docs/limits.md has the reasons.
struct WebsocketLimits {
  std::size_t tunnels = 1024;                // open at a time, of one worker
  std::uint64_t message_bytes = 256u << 20;  // of one message, without its compression
  std::size_t deflate_bytes = 64u << 20;     // windows of all tunnels of one worker
  std::chrono::milliseconds close{5'000};    // for the peer's close frame, and for the end after it
  std::chrono::milliseconds broken_close{300};  // the same, if a client broke the protocol
};

// Shared by the tunnels of one worker. One thread; outlives them.
class WebsocketSpace {
 public:
  explicit WebsocketSpace(const WebsocketLimits& limits, MemoryBudget* memory = nullptr)
      : limits_(limits), deflate_(limits.deflate_bytes, memory) {}
  WebsocketSpace(const WebsocketSpace&) = delete;
  WebsocketSpace& operator=(const WebsocketSpace&) = delete;

  [[nodiscard]] const WebsocketLimits& limits() const noexcept { return limits_; }
  [[nodiscard]] DecodeSpace& deflate() noexcept { return deflate_; }
  [[nodiscard]] std::size_t open() const noexcept { return open_; }

 private:
  friend class WebsocketTunnel;
  const WebsocketLimits limits_;
  DecodeSpace deflate_;
  std::size_t open_ = 0;
};

// An exchange that becomes a WebSocket: between the client's byte stream and the origin's, every
// frame is read, its message is looked at by the guard, and a frame is written anew (RFC 6455, RFC
// 7692). No byte of either side reaches the other one as it came.
//
//   WebsocketTunnel tunnel(guard, space, exchange, passage);
//   auto begun = tunnel.begin(request);              // a Failure: refuse the request
//   auto sent = co_await upstream.send(std::move(request), exchange, passage);
//   if (sent) auto opened = tunnel.open(*sent);      // a Failure: the client gets a refusal
//
// A local of the handler's coroutine; its end does not end what it opened. If it ends without an
// open tunnel (the origin refused, or could not be reached), the request's body ends with
// Cancelled. Guard, space, exchange and passage outlive the two bodies, which fill in the passage's
// findings and the exchange's trace.
//
// The two bodies: the upstream's sender reads the request's, the client's session reads the
// response's. Each one reads its own side with a child of the exchange, one piece (16 KiB) at a
// time and only when it is asked for more, so a slow reader slows its sender. A message streams
// through: its pieces go on as soon as they were looked at. Ping, pong and close pass. A side that
// has closed still gets what the other one sends until that has closed, too.
//
// The ends:
//  - Both sent a close frame, and a byte stream ends: the other one ends, too (`end`).
//  - A byte stream ends without a close frame: a Failure, which the transport must show as a cut
//    (ClientGone, UpstreamBroken, or the source's own).
//  - The guard refuses a message of the client's, or blocks one of the origin's: nothing of the
//    piece goes on; both sides get a close frame 1008 between two frames, then `end`. trace.failure
//    and trace.by say why, the passage has the finding.
//  - A side breaks the protocol: it gets a close frame 1002, 1007 or 1009. The client is told 1014
//    of an origin that did; an origin gets 1002 if the client did, and what it says to the messages
//    before that still goes to the client.
//  - Memory is short: both get 1013.
class WebsocketTunnel {
 public:
  WebsocketTunnel(Guard& guard, WebsocketSpace& space, Exchange& exchange, Passage& passage);
  ~WebsocketTunnel();
  WebsocketTunnel(const WebsocketTunnel&) = delete;
  WebsocketTunnel& operator=(const WebsocketTunnel&) = delete;

  // Once, and first: after the guard has looked at the head (Guard::look_out()). Vets the client's
  // handshake, makes the head the origin's, and wraps the body, whose reader waits until open().
  // Failures: Handshake::of()'s, Overloaded (too many tunnels).
  [[nodiscard]] Result<> begin(Request& request);

  // With the answer, whatever it is. Status 101: checks it, makes the head the client's and wraps
  // the body; the tunnel is open. Any other answer is left as it is, an ordinary one. A Failure
  // (UpstreamBroken): the answer's body was stopped.
  [[nodiscard]] Result<> open(Response& response);

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace bottle
