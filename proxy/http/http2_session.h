#pragma once

#include <unordered_map>

#include "proxy/base/byte_stream.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/task_group.h"
#include "proxy/http/h2_engine.h"
#include "proxy/http/h2_wire.h"
#include "proxy/http/least_rate.h"
#include "proxy/http/session.h"

namespace bottle {

// One client's HTTP/2 connection, from the end of the handshake to its end: a read loop that never
// pauses (memory is bounded by windows and FloodGuard), a write loop that puts what many streams
// have to say into one write, and a coroutine for each exchange. Response bytes are read from
// upstream only when the client has room for them; request bytes become window again only when
// upstream has read them.
// Lives in the frame of the connection's coroutine; `stream` outlives it.
class Http2Session final : private H2Listener {
 public:
  Http2Session(ByteStream& stream, const SessionContext& context, const H2Limits& limits = {});
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;
  ~Http2Session();

  // Once. Returns when the connection is closed and no exchange is left. Cancelling the caller ends
  // it at once; DrainSignal ends it in order: two GOAWAYs, then what was begun may finish.
  awaitable<void> run();

 private:
  class Stream;
  class RequestBody;
  struct EndsConnection;
  // A Deadline's way to say something to the session.
  class Alarm final : public Cancellable {
   public:
    using Action = void (Http2Session::*)() noexcept;
    Alarm(Http2Session& session, Action action) noexcept : session_(session), action_(action) {}
    void cancel() noexcept override { (session_.*action_)(); }

   private:
    Http2Session& session_;
    Action action_;
  };

  awaitable<void> watch_drain();
  awaitable<void> serve(H2Request request);
  awaitable<Response> respond(Stream& stream, Exchange& exchange, H2Request request);
  awaitable<void> answer(Stream& stream, Exchange& exchange, Response response);
  enum class Until : std::uint8_t { Room, Sent };
  awaitable<bool> wait_for_client(Stream& stream, Exchange& exchange, Until until, LeastRate* rate);

  void dispatch() override;
  void start(H2Request request);
  void lose_streams(Code why);
  void exchange_ended();

  void on_idle() noexcept;
  void on_settings_late() noexcept;
  void on_drain_over() noexcept;
  void on_evicted() noexcept;
  void on_shed() noexcept;
  // After bytes of the client came or went.
  void count() noexcept { memory_.set(unread_ + engine_.queued() + engine_.held_heads()); }

  ByteStream& stream_;
  ClosesStream closes_;  // for an exchange that has no memory
  SessionContext context_;
  H2Engine engine_;
  H2Wire<H2Engine> wire_;
  std::unordered_map<StreamId, Stream*> streams_;  // they live in the frames of serve()
  TaskGroup exchanges_;
  TaskGroup loops_;
  Event drain_event_;
  Alarm idle_alarm_{*this, &Http2Session::on_idle};
  Alarm settings_alarm_{*this, &Http2Session::on_settings_late};
  Alarm drain_alarm_{*this, &Http2Session::on_drain_over};
  Alarm evicted_alarm_{*this, &Http2Session::on_evicted};
  Alarm shed_alarm_{*this, &Http2Session::on_shed};
  Deadline idle_;
  Deadline settings_ack_;
  Deadline drain_;
  Deadline last_words_;  // of a connection whose place another one takes
  MemoryHold memory_;
  std::size_t unread_ = 0;  // bytes of requests' bodies
  int waiting_ = 0;         // streams whose answers wait for the client
  bool greeted_ = false;    // the client has said something
};

}  // namespace bottle
