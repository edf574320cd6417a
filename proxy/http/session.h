#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/idle_list.h"
#include "proxy/base/memory_account.h"
#include "proxy/http/authority.h"
#include "proxy/http/doorkeeper.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/handler.h"

namespace bottle {

// Deadlines of a client-side session; docs/limits.md has the reasons.
struct SessionLimits {
  std::chrono::milliseconds first_byte{10'000};    // a new connection says something
  std::chrono::milliseconds request_head{15'000};  // from a head's first byte to its last
  std::chrono::milliseconds body_stall{60'000};    // between two pieces of a request body
  std::chrono::milliseconds write_stall{60'000};   // the client takes nothing of what is pending
  std::chrono::milliseconds idle{120'000};         // between two requests
  std::chrono::milliseconds settings_ack{10'000};  // RFC 9113 section 6.5.3
  std::chrono::milliseconds tls_close{1'000};
  // After an answer that came before the request's end, so long and so much is still taken: the
  // reset of a stream, or that of a close with unread bytes, would destroy the answer on its way.
  std::chrono::milliseconds linger{1'000};
  std::size_t linger_bytes = 1024 * 1024;
  // Bytes a second that a client has to send of a body, on an average of body_stall, and to take of
  // an answer, on an average of write_stall (T56, T57).
  std::size_t least_rate = 1024;
  std::chrono::milliseconds drain{30'000};  // exchanges that run may finish so long after the drain
  std::size_t write_buffer = 64 * 1024;     // bytes that are read ahead of the client, at most
  // h1: not read on while so much is unparsed. It also bounds how far a client may pipeline.
  std::size_t read_buffer = 16 * 1024;
};

// Tells sessions that no new request is to be taken. One a worker.
class DrainSignal {
 public:
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  void begin() noexcept;
  // Registered sessions are woken when the drain begins.
  void add(Event& event);
  void remove(Event& event) noexcept;

 private:
  bool draining_ = false;
  std::vector<Event*> listeners_;
};

// The arguments of a session. All references outlive it.
struct SessionContext {
  Executor executor;
  TimerWheel& wheel;
  Handler& handler;
  DrainSignal& drain;
  const SessionLimits& limits;
  const RequestRules& rules;
  Destination destination;  // the one place this session's requests may go to
  Scheme scheme = Scheme::Https;
  // Authenticates clients of the proxy's own port. Null: every client may use it.
  const Doorkeeper* doorkeeper = nullptr;
  // Requests of HTTP/2 may ask for a WebSocket: the destination's policy allows one. (HTTP/1.1
  // needs no offer; the handler refuses what is not allowed.)
  bool offers_websockets = false;
  // The connection's, among those that have nothing under way. Null: it has none.
  IdleList::Place* place = nullptr;
  // The connection's. Null: its memory is not counted.
  std::shared_ptr<MemoryAccount> memory = nullptr;
};

// An exchange that ended because its connection was the largest when memory was short.
[[nodiscard]] Failure memory_full();

}  // namespace bottle
