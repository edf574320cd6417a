#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "proxy/base/deadline.h"
#include "proxy/base/failure.h"
#include "proxy/base/memory_account.h"
#include "proxy/base/result.h"
#include "proxy/base/task_group.h"
#include "proxy/contract/decided_by.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"
#include "proxy/http/refusal_form.h"

namespace bottle {

// The facts about an exchange that its session knows. `failure` and `by` are also set by the parts
// that answer it.
struct SessionTrace {
  std::chrono::system_clock::time_point started;  // wall clock, for the log
  Clock::time_point begin;
  std::optional<Clock::time_point> first_byte;  // the final head was handed to the client's writer
  std::string method;
  std::string target;
  bool anonymous = false;  // on a port that wants to know who asks, and this client was not let in
  int status = 0;          // of the final head; 0 = none was sent
  std::uint64_t bytes_in = 0;      // body bytes from the client
  std::uint64_t bytes_out = 0;     // body bytes to the client
  std::optional<Failure> failure;  // why it did not go the way the client wanted
  DecidedBy by = DecidedBy::None;  // the party that decided that
};

// The facts that a handler keeps about an exchange: the handler alone knows them.
struct ExchangeNotes {
  ExchangeNotes() = default;
  ExchangeNotes(const ExchangeNotes&) = delete;
  ExchangeNotes& operator=(const ExchangeNotes&) = delete;
  virtual ~ExchangeNotes() = default;
};

// Takes 1xx heads (never 100 or 101) while an exchange waits for its final head.
class InterimSink {
 public:
  virtual ~InterimSink() = default;
  virtual void interim(const ResponseHead& head) = 0;
};

class Exchange;

// Told before anything of an exchange leaves. Outlives it.
class SendWitness {
 public:
  virtual ~SendWitness() = default;
  // A Failure: nothing may be sent.
  [[nodiscard]] virtual Result<void> begins_to_send(const Exchange& exchange) = 0;
};

// One request with its response, while it lasts. Born in a session when a head has been vetted,
// lives in the frame of the exchange's coroutine, ends with it. Its owner joins tasks().
class Exchange {
 public:
  // An estimate of what each takes while it lasts, with its connection to the origin.
  static constexpr std::size_t kMemory = 48 * 1024;
  // So many heads may precede a response: clients made with Go before 1.23 take no more.
  static constexpr int kMaxInterim = 5;

  Exchange(Executor executor, TimerWheel& wheel, std::string id, Destination destination,
           Scheme scheme, Version client_version, InterimSink* sink)
      : wheel_(wheel),
        tasks_(std::move(executor)),
        id_(std::move(id)),
        destination_(std::move(destination)),
        scheme_(scheme),
        client_version_(client_version),
        sink_(sink) {
    trace.started = std::chrono::system_clock::now();
    trace.begin = Clock::now();
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] const std::string& id() const noexcept { return id_; }
  [[nodiscard]] const Destination& destination() const noexcept { return destination_; }
  [[nodiscard]] Scheme scheme() const noexcept { return scheme_; }
  [[nodiscard]] Version client_version() const noexcept { return client_version_; }
  [[nodiscard]] TimerWheel& wheel() noexcept { return wheel_; }
  // Children that end with the exchange, such as the sender of a request body.
  [[nodiscard]] TaskGroup& tasks() noexcept { return tasks_; }

  // A 1xx head other than 100 and 101, already vetted. h1 sessions have no sink: some h1 clients
  // take a 103 for the answer. False if there were too many: the upstream is broken then.
  [[nodiscard]] bool interim(const ResponseHead& head) {
    if (++interims_ > kMaxInterim) return false;
    if (sink_ != nullptr) sink_->interim(head);
    return true;
  }
  // False if there is no listener for them: then they need not come at once.
  [[nodiscard]] bool wants_interims() const noexcept { return sink_ != nullptr; }
  void set_witness(SendWitness* witness) noexcept { witness_ = witness; }
  // An upstream calls this once it has a connection, before the first byte of the request leaves. A
  // Failure: it sends nothing. Telling twice, for a second try, is one time.
  [[nodiscard]] Result<void> begin_to_send() {
    if (begun_ || witness_ == nullptr) return {};
    auto told = witness_->begins_to_send(*this);
    begun_ = told.has_value();
    return told;
  }
  [[nodiscard]] bool begun() const noexcept { return begun_; }

  // The place that the request was admitted for, which may have another port than it names itself.
  void goes_to(Destination destination) { destination_ = std::move(destination); }

  // Another taker of 1xx heads than the session; outlives the exchange.
  void set_interim_sink(InterimSink* sink) noexcept { sink_ = sink; }
  // Null: there is none.
  [[nodiscard]] InterimSink* interim_sink() const noexcept { return sink_; }

  SessionTrace trace;
  std::unique_ptr<ExchangeNotes> notes;
  bool is_grpc = false;                     // a gRPC call: what goes wrong is told in gRPC's way
  RefusalForm form = RefusalForm::Problem;  // how a refusal is told in all other cases
  // The client's connection that it came on, as a number: where requests wait, connections take
  // turns.
  std::uint64_t client = 0;
  // That connection's. Null: its memory is not counted.
  std::shared_ptr<MemoryAccount> memory;

 private:
  TimerWheel& wheel_;
  TaskGroup tasks_;
  std::string id_;
  Destination destination_;
  Scheme scheme_;
  Version client_version_;
  InterimSink* sink_;
  SendWitness* witness_ = nullptr;
  bool begun_ = false;
  int interims_ = 0;
};

}  // namespace bottle
