#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "proxy/base/byte_stream.h"
#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/base/result.h"
#include "proxy/base/task_group.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/h2_client_engine.h"
#include "proxy/http/h2_wire.h"

namespace bottle {

// Of one shared HTTP/2 connection to an origin, and of each exchange on it.
struct H2ClientLimits {
  H2Limits h2;
  HeadLimits heads = HeadLimits::for_responses();
  std::chrono::milliseconds head{600'000};  // a model may think for minutes before its first token
  std::chrono::milliseconds response_stall{600'000};  // and between two of them
  std::chrono::milliseconds tunnel_idle{14'400'000};  // neither side of a tunnel says anything: 4 h
  std::chrono::milliseconds write_stall{60'000};      // the origin takes nothing of a request
  std::chrono::milliseconds settings_ack{10'000};     // RFC 9113 section 6.5.3
  std::chrono::milliseconds idle{90'000};             // without an exchange
  std::chrono::milliseconds close{1'000};

  H2ClientLimits() { h2.header_fields = heads.fields; }
};

// The result of one request. `untouched`: the stream or its connection broke before anything of a
// response came (not: no answer in time, or cancelled).
// `unprocessed`: the origin said besides that it did nothing with it (REFUSED_STREAM, GOAWAY), or
// it was never sent; then even a request that is not safe to repeat may go another way, as long as
// `body_untouched` (nothing of its body was read, or it has none).
struct H2Answer {
  Result<Response> response;
  bool untouched = false;
  bool unprocessed = false;
  bool body_untouched = false;
};

// One HTTP/2 connection to an origin, shared by many exchanges of one worker. Its owner spawns
// run() once, and destroys it when run() has returned.
//
// A request's body is read only as fast as the origin takes it, a response's bytes become window
// again only when they were read. An exchange that ends early resets its stream; when the
// connection dies every exchange on it fails (UpstreamBroken, or UpstreamTruncated within a body).
class H2Client final : private H2Listener {
 public:
  // Told when an exchange on it has ended, by the one that ended it: takes note and returns.
  class Owner {
   public:
    virtual void exchange_ended() noexcept = 0;

   protected:
    ~Owner() = default;
  };

  // Keeps the connection from being taken for an unused one. The client outlives it.
  class Hold {
   public:
    Hold() = default;
    explicit Hold(H2Client& client) noexcept : client_(&client) { ++client.holds_; }
    Hold(Hold&& other) noexcept : client_(std::exchange(other.client_, nullptr)) {}
    Hold& operator=(Hold&& other) noexcept {
      std::swap(client_, other.client_);
      return *this;
    }
    ~Hold() {
      if (client_ == nullptr) return;
      --client_->holds_;
      client_->stream_ended();
    }

   private:
    H2Client* client_ = nullptr;
  };

  // `owner` (or null) outlives it.
  H2Client(std::unique_ptr<ByteStream> stream, const Executor& executor, TimerWheel& wheel,
           const H2ClientLimits& limits = {}, Owner* owner = nullptr);
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;
  ~H2Client();

  // The connection's life: until it broke, was idle for too long, the origin sent GOAWAY and the
  // last exchange ended, or close() or a cancel ended it. Returns when no exchange refers to this
  // object any more.
  awaitable<void> run();

  // True if send() would find a free stream now. Does not change between this and a send() that
  // follows without a wait.
  [[nodiscard]] bool has_capacity() const;
  // Whether the origin takes requests for tunnels on it (RFC 8441): nothing until its SETTINGS
  // came.
  [[nodiscard]] std::optional<bool> takes_tunnels() const;
  // Waits for these SETTINGS, at most `limit`. False: none came, or the connection ended. Its
  // caller has a Hold.
  awaitable<bool> knows_tunnels(std::chrono::milliseconds limit);
  // No more requests; what is open goes on. run() returns after that.
  void drain() noexcept;
  // At once: open exchanges fail with Cancelled. run() returns soon.
  void close() noexcept;
  [[nodiscard]] std::size_t open_streams() const { return engine_.open_streams(); }
  // No exchange is on it.
  [[nodiscard]] bool unused() const noexcept {
    return streams_.empty() && uploads_.empty() && holds_ == 0;
  }
  // An earlier request was sent on it: the origin may have closed it in the meantime.
  [[nodiscard]] bool used() const noexcept { return used_; }

  // Sends a vetted request whose authority, scheme and target are set; gives the vetted final head
  // (check_response). 1xx heads go to exchange.interim(). The request's body is sent by a child in
  // exchange.tasks(); if it cannot be read, the stream is reset and its Failure is the result, or
  // that of the response's body. The body of a request for a tunnel goes once the origin has opened
  // that; Internal if it takes none.
  // Failures: Overloaded (no stream is free), UpstreamBroken, UpstreamTimeout (head, stall),
  // Cancelled, Internal, and the request body's own.
  awaitable<H2Answer> send(Request request, Exchange& exchange);

 private:
  class Stream;
  class ResponseBody;
  struct Upload;
  // A Deadline's way to say something to the connection.
  class Alarm final : public Cancellable {
   public:
    using Action = void (H2Client::*)() noexcept;
    Alarm(H2Client& client, Action action) noexcept : client_(client), action_(action) {}
    void cancel() noexcept override { (client_.*action_)(); }

   private:
    H2Client& client_;
    Action action_;
  };

  Result<std::unique_ptr<Stream>> open_stream(const RequestHead& head, bool end,
                                              const Exchange& exchange);
  awaitable<void> upload(StreamId id, std::unique_ptr<BodySource> body,
                         std::optional<std::uint64_t> length, TimerWheel& wheel);
  awaitable<void> upload_all(Upload& self, std::unique_ptr<BodySource> body,
                             std::optional<std::uint64_t> length, TimerWheel& wheel);
  awaitable<std::optional<Failure>> wait_for_room(Upload& self, TimerWheel& wheel);
  awaitable<std::optional<Failure>> wait_for_head(Stream& stream, Exchange& exchange);

  void dispatch() override;
  void tell_settings_waiters();  // SETTINGS came, or never will
  void lose(const Failure& why) noexcept;
  void fail_upload(StreamId id);
  void abandon(StreamId id, const Failure& why);
  void stream_ended();
  void on_idle() noexcept { drain(); }
  void on_settings_late() noexcept;

  std::unique_ptr<ByteStream> stream_;
  const H2ClientLimits limits_;
  H2ClientEngine engine_;
  H2Wire<H2ClientEngine> wire_;
  std::unordered_map<StreamId, Stream*> streams_;  // owned by send() or by the response's body
  std::unordered_map<StreamId, Upload*> uploads_;  // in the frames of upload()
  TaskGroup loops_;
  Event unused_;
  std::vector<Event*> settings_waiters_;  // in the frames of knows_tunnels()
  Executor executor_;
  TimerWheel& wheel_;
  Owner* const owner_;
  Alarm idle_alarm_{*this, &H2Client::on_idle};
  Alarm settings_alarm_{*this, &H2Client::on_settings_late};
  Deadline idle_;
  Deadline settings_ack_;
  std::size_t holds_ = 0;
  bool used_ = false;
  bool closed_ = false;  // no request is taken any more
};

}  // namespace bottle
