#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "proxy/base/byte_stream.h"
#include "proxy/http/body.h"
#include "proxy/http/h1_parser.h"
#include "proxy/http/h1_server_machine.h"
#include "proxy/http/h1_writer.h"
#include "proxy/http/least_rate.h"
#include "proxy/http/session.h"

namespace bottle {

// How a session on the proxy's own port ended: the client wants a tunnel, or it is over.
struct Http1End {
  struct Connect {
    Destination destination;
    bool http10;
    Bytes early;  // bytes that came behind the CONNECT's head
  };
  std::optional<Connect> connect;
  // The last answer's body broke, and its end would have been the connection's: close with a reset
  // (TLS: without close_notify), or the client takes it for whole.
  bool reset = false;
};

// The server's half of one HTTP/1.x connection (RFC 9112): requests one after another, pipelined
// ones wait in the buffer. Two coroutines: one reads ahead, so that a client that hangs up is
// noticed while its answer is awaited; one serves. Which step is next is H1ServerMachine's to say.
// Owned by the connection's coroutine, which owns the stream too and closes it afterwards.
class Http1Session {
 public:
  using Arrival = H1RequestParser::Arrival;

  // In Arrival::Listener the context's destination is not used: each request names its own. In
  // Arrival::Server each request's Host names it; if the context's destination has a host (what SNI
  // named), they must be the same, whatever the port (Misdirected).
  Http1Session(ByteStream& stream, const SessionContext& context, Arrival arrival);
  Http1Session(const Http1Session&) = delete;
  Http1Session& operator=(const Http1Session&) = delete;
  ~Http1Session();

  // Runs until the connection is done. `already_read` comes before what the stream brings. Only
  // once. A CONNECT ends the session only as the connection's first request that the context's
  // doorkeeper lets in; other clients are answered 407, and may try again a few times.
  awaitable<Http1End> run(Bytes already_read);

 private:
  using State = H1ServerMachine::State;
  using Move = H1ServerMachine::Move;
  class RequestBody;
  class TunnelBody;
  // The end of the connection that holds the most when memory is short.
  class Shed final : public Cancellable {
   public:
    explicit Shed(Http1Session& session) noexcept : session_(session) {}
    void cancel() noexcept override { session_.on_shed(); }

   private:
    Http1Session& session_;
  };

  // A request that gets an answer of the session's own.
  struct Refusal {
    Failure failure;
    Destination destination;
    RequestHead head;
  };
  // A request for the handler.
  struct Accepted {
    RequestHead head;
    Destination destination;
    Scheme scheme;
  };
  using Admitted = std::variant<Refusal, Accepted, Http1End::Connect>;
  // How an answer goes out, known before its first byte.
  struct AnswerPlan {
    Framing framing;
    bool request_read;
    bool keeps_connection;
    bool sends_body;
    bool judged;  // the client has to take the body at the least rate
  };

  // For an exchange one of whose children had no memory: it ends with the connection.
  class NoMemory final : public Cancellable {
   public:
    explicit NoMemory(Http1Session& session) noexcept : session_(session) {}
    void cancel() noexcept override {
      session_.stream_.close();
      session_.tasks_.cancel(session_.serving_);
    }

   private:
    Http1Session& session_;
  };

  void read_ahead();
  awaitable<void> watch_drain();
  awaitable<void> read_loop();
  awaitable<void> serve();
  awaitable<void> serve_next(Result<> got);
  awaitable<Result<>> read_head();
  Admitted admit(RequestHead head);
  Admitted admit_to_proxy(RequestHead head);
  [[nodiscard]] Refusal refusal(Failure failure, std::string method) const;
  Refusal turned_away(Failure failure, RequestHead head);
  awaitable<void> serve_request(Accepted request);
  Request request_for_handler(RequestHead& head, Exchange& exchange);
  awaitable<void> refuse(Refusal refusal);
  awaitable<Move> answer(Response response, Exchange& exchange, const RequestHead& head);
  [[nodiscard]] AnswerPlan plan_answer(Response& response, const RequestHead& head) const;
  awaitable<void> finish(Exchange& exchange, Move outcome);
  awaitable<bool> send_body(BodySource& body, Bytes out, const AnswerPlan& plan,
                            Exchange& exchange);
  awaitable<bool> write(ByteView data, LeastRate* rate = nullptr);
  awaitable<IoStatus> more_input();
  awaitable<void> send_continue();
  awaitable<void> write_end();
  awaitable<void> linger();
  void client_lost(SessionTrace& trace);
  void on_shed() noexcept;

  // False if that is our own defect: the machine has cut the connection then.
  bool go(Move move);
  [[nodiscard]] ByteView unparsed() const { return ByteView(in_).substr(in_at_); }
  void consume(std::size_t n);
  [[nodiscard]] bool closing() const { return context_.drain.draining(); }
  // The proxy's own port reads ahead only once it has a request: a CONNECT's tunnel reads itself.
  [[nodiscard]] bool reads_ahead() const {
    return arrival_ != Arrival::Listener || !machine_.first();
  }
  // A deadline cancels it to end a wait for input.
  [[nodiscard]] Cancellable& input();

  ByteStream& stream_;
  NoMemory no_memory_{*this};
  const SessionContext& context_;
  Arrival arrival_;
  H1ServerMachine machine_;
  std::unique_ptr<H1RequestParser> parser_;  // null between requests: an idle connection has none
  TaskGroup tasks_;
  Event arrived_;  // bytes came, or the input ended
  Event room_;     // bytes were parsed
  Event written_;  // an interim write is done
  Event drain_begun_;
  Bytes in_;
  std::size_t in_at_ = 0;
  MemoryHold in_memory_;           // of in_
  std::optional<IoStatus> ended_;  // how the input ended
  TaskGroup::TaskId serving_ = 0;
  TaskGroup::TaskId reader_ = 0;
  TaskGroup::TaskId drain_watch_ = 0;
  bool tunnel_ = false;  // is asked for: what follows the request's head is no HTTP
  bool let_in_ = false;  // by the doorkeeper, once
  int turned_away_ = 0;
  bool shed_ = false;  // ended for the sake of memory
  Shed shed_alarm_{*this};
  std::unique_ptr<const Failure> defect_;  // of our own, an illegal move; null: none
  Http1End end_;
};

}  // namespace bottle
