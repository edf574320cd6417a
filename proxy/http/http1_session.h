#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/base/byte_stream.h"
#include "proxy/http/body.h"
#include "proxy/http/h1_parser.h"
#include "proxy/http/h1_writer.h"
#include "proxy/http/session.h"

namespace bottle {

// How a session on the proxy's own port ended: the client wants a tunnel, or it is over.
struct Http1End {
  struct Connect {
    Destination destination;
    bool http10;
    Bytes early;  // what came behind the CONNECT's head
  };
  std::optional<Connect> connect;
  // The last answer's body broke, and its end would have been the connection's: close with a reset
  // (TLS: without close_notify), or the client takes it for whole.
  bool reset = false;
};

// The server's half of one HTTP/1.x connection (RFC 9112): requests one after another, pipelined
// ones wait in the buffer. Two coroutines: one reads ahead, so that a client that hangs up is
// noticed while its answer is awaited; one serves. Owned by the connection's coroutine, which owns
// the stream too and closes it afterwards.
class Http1Session {
 public:
  using Place = H1RequestParser::Place;

  // In Place::Listener the context's destination is not used: each request names its own. In
  // Place::Server each request's Host names it; if the context's destination has a host (what SNI
  // named), they must be the same, whatever the port (Misdirected).
  Http1Session(ByteStream& stream, const SessionContext& context, Place place);
  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;
  ~Http1Session();

  // Runs until the connection is done. `already_read` comes before what the stream brings. Only
  // once. A CONNECT ends the session only as the connection's first request that the context's
  // doorkeeper lets in; other clients are answered 407, and may try again a few times.
  awaitable<Http1End> run(Bytes already_read);

 private:
  class RequestBody;
  friend class RequestBody;

  void read_ahead();
  awaitable<void> watch_drain();
  awaitable<void> read_loop();
  awaitable<void> serve();
  awaitable<Result<bool>> read_head();
  awaitable<bool> serve_one();
  awaitable<bool> serve_exchange(Exchange& exchange, RequestHead head);
  awaitable<bool> refuse(Failure failure, std::string method);
  awaitable<bool> turn_away(Failure failure, RequestHead head);
  awaitable<bool> answer_locally(Failure failure, Destination destination, RequestHead head);
  awaitable<bool> answer(Response response, Exchange& exchange, const RequestHead& head);
  awaitable<void> finish(Exchange& exchange, bool again);
  awaitable<bool> send_body(BodySource& body, Bytes out, Framing framing, Exchange& exchange);
  awaitable<bool> write(ByteView data);
  awaitable<IoStatus> more_input(bool idle);
  awaitable<void> send_continue();
  awaitable<void> say_goodbye();
  awaitable<void> linger();
  void client_lost(SessionTrace& trace);

  [[nodiscard]] ByteView unparsed() const { return ByteView(in_).substr(in_at_); }
  void consume(std::size_t n);
  [[nodiscard]] bool closing() const { return context_.drain.draining(); }

  ByteStream& stream_;
  const SessionContext& context_;
  Place place_;
  H1RequestParser parser_;
  TaskGroup tasks_;
  Event arrived_;  // bytes came, or the input ended
  Event room_;     // bytes were parsed
  Event written_;  // an interim write is done
  Event drain_begun_;
  Bytes in_;
  std::size_t in_at_ = 0;
  std::optional<IoStatus> ended_;  // how the input ended
  TaskGroup::TaskId serving_ = 0;
  TaskGroup::TaskId reader_ = 0;
  TaskGroup::TaskId drain_watch_ = 0;
  bool reading_ahead_ = false;
  bool in_exchange_ = false;
  bool answering_ = false;  // the final head is on its way: no 100 any more
  bool writing_continue_ = false;
  bool client_left_ = false;    // in the middle of an exchange
  bool write_stalled_ = false;  // the client took nothing for too long
  bool cut_ = false;            // what was written last is incomplete: nothing may follow it
  bool said_goodbye_ = false;
  bool first_request_ = true;
  bool let_in_ = false;  // by the doorkeeper, once
  int turned_away_ = 0;
  bool wants_linger_ = false;  // answered before the request was read
  std::optional<RequestHead> head_;
  Http1End end_;
};

}  // namespace bottle
