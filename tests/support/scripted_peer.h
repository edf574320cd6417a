#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/base/task_group.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/upstream.h"
#include "tests/support/interim_log.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"

// The other end of an upstream connection, played from a list of steps, and one exchange that is
// driven against it.
namespace bottle::test {

struct Step {
  enum class Kind : unsigned char {
    Head,     // reads up to and with the empty line
    Read,     // reads `size` bytes
    Say,      // writes `text`
    Pause,    // `time` passes
    Fin,      // ends its direction properly
    Close,    // is gone: the other end sees a reset
    Drain,    // reads until the other end has gone
    AskAgain  // back to the first step
  };
  Kind kind = Kind::Head;
  std::string text;
  std::size_t size = 0;
  std::chrono::milliseconds time{0};
};
using Script = std::vector<Step>;

inline Step head() { return Step{Step::Kind::Head, {}, 0, {}}; }
inline Step read(std::size_t size) { return Step{Step::Kind::Read, {}, size, {}}; }
inline Step say(std::string text) { return Step{Step::Kind::Say, std::move(text), 0, {}}; }
inline Step pause(std::chrono::milliseconds time) { return Step{Step::Kind::Pause, {}, 0, time}; }
inline Step fin() { return Step{Step::Kind::Fin, {}, 0, {}}; }
inline Step gone() { return Step{Step::Kind::Close, {}, 0, {}}; }
inline Step drain() { return Step{Step::Kind::Drain, {}, 0, {}}; }
inline Step again() { return Step{Step::Kind::AskAgain, {}, 0, {}}; }

// An answer that has nothing to say.
inline const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

struct PeerRecord {
  std::string received;
  bool other_end_gone = false;
  bool finished = false;  // the script was played to its end
};

inline awaitable<bool> receive_more(ByteStream& stream, PeerRecord& record) {
  std::string room(4096, '\0');
  const IoResult got = co_await stream.read_some(room);
  record.received.append(room, 0, got.n);
  if (!got.ok()) record.other_end_gone = true;
  co_return got.ok();
}

inline awaitable<void> play(std::unique_ptr<ByteStream> stream, Script script, PeerRecord& record) {
  std::size_t parsed = 0;
  for (std::size_t i = 0; i < script.size(); ++i) {
    const Step& step = script[i];
    switch (step.kind) {
      case Step::Kind::Head: {
        std::size_t end = record.received.find("\r\n\r\n", parsed);
        while (end == std::string::npos) {
          const bool more = co_await receive_more(*stream, record);
          if (!more) co_return;
          end = record.received.find("\r\n\r\n", parsed);
        }
        parsed = end + 4;
        break;
      }
      case Step::Kind::Read: {
        while (record.received.size() < parsed + step.size) {
          const bool more = co_await receive_more(*stream, record);
          if (!more) co_return;
        }
        parsed += step.size;
        break;
      }
      case Step::Kind::Say: {
        const IoResult wrote = co_await stream->write_all(step.text);
        if (!wrote.ok()) co_return;
        break;
      }
      case Step::Kind::Pause: {
        const bool slept = co_await sleep_for(step.time);
        if (!slept) co_return;
        break;
      }
      case Step::Kind::Fin:
        co_await stream->shutdown();
        break;
      case Step::Kind::Close:
        stream->close();
        break;
      case Step::Kind::Drain: {
        bool more = true;
        while (more) {
          const bool got = co_await receive_more(*stream, record);
          more = got;
        }
        break;
      }
      case Step::Kind::AskAgain:
        i = static_cast<std::size_t>(-1);
        break;
    }
  }
  record.finished = true;
  // Kept open: what the other end does next is its own decision.
  bool more = !record.other_end_gone;
  while (more) {
    const bool got = co_await receive_more(*stream, record);
    more = got;
  }
}

// Gives each dial a pipe whose other end plays the next script; fails when there is none left.
class PipeDialer final : public Dialer {
 public:
  PipeDialer(Executor executor, TaskGroup& peers) : executor_(std::move(executor)), peers_(peers) {}

  PeerRecord& will_play(Script script, std::size_t capacity = 256 * 1024) {
    records_.push_back(std::make_unique<PeerRecord>());
    scripts_.push_back(Planned{std::move(script), records_.back().get(), capacity});
    return *records_.back();
  }

  awaitable<Result<Connection>> dial(const Destination& destination, Scheme,
                                     std::uint64_t) override {
    ++dials;
    asked_for = destination;
    if (delay.count() > 0) {
      const bool slept = co_await sleep_for(delay);
      if (!slept) co_return Failure{Code::Cancelled, "cancelled"};
    }
    if (scripts_.empty()) co_return Failure{Code::ConnectFailed, "nobody there"};
    Planned next = std::move(scripts_.front());
    scripts_.pop_front();
    pipes_.push_back(std::make_unique<MemoryPipe>(executor_, next.capacity));
    peers_.spawn(play(pipes_.back()->take_b(), std::move(next.script), *next.record));
    Connection connection;
    connection.stream = pipes_.back()->take_a();
    connection.protocol = protocol;
    co_return connection;
  }

  int dials = 0;
  Destination asked_for;
  std::chrono::milliseconds delay{0};
  Version protocol = Version::Http11;

 private:
  struct Planned {
    Script script;
    PeerRecord* record;
    std::size_t capacity;
  };
  Executor executor_;
  TaskGroup& peers_;
  std::deque<Planned> scripts_;
  std::vector<std::unique_ptr<PeerRecord>> records_;
  std::vector<std::unique_ptr<MemoryPipe>> pipes_;
};

// An exchange as a client would have seen it.
struct Outcome {
  std::optional<Failure> failure;  // instead of a response
  ResponseHead head;
  bool has_body = false;
  Bytes body;
  bool ended = false;                   // properly
  std::optional<Failure> body_failure;  // instead of the end
  std::optional<Fields> trailers;
  std::vector<std::size_t> pieces;
  std::vector<int> interims;
  std::optional<Failure> traced;
  DecidedBy by = DecidedBy::None;
  DecidedBy cut_by = DecidedBy::None;
  bool scanned_response_body = false;
  std::string protocol;
};

struct Ask {
  Destination destination{"origin.test", 80, HostKind::Name};
  Scheme scheme = Scheme::Http;
  std::string id = "e1";
  std::size_t piece = 16 * 1024;       // the client takes so much at a time
  std::size_t leave_after = SIZE_MAX;  // and goes when it has so many bytes
  bool bypass_body = false;            // the response's body goes past the scanner
};

inline Request get(std::string target = "/") {
  Request request;
  request.head.method = "GET";
  request.head.target = std::move(target);
  request.head.authority = "origin.test";
  request.head.scheme = Scheme::Http;
  return request;
}
inline Request post(Bytes body) {
  Request request = get();
  request.head.method = "POST";
  request.head.has_body = true;
  request.head.content_length = body.size();
  request.body = std::make_unique<BytesSource>(std::move(body));
  return request;
}

inline awaitable<void> drive(Upstream& upstream, Request request, TimerWheel& wheel, Ask ask,
                             Outcome& out) {
  InterimLog interims;
  request.head.scheme = ask.scheme;
  request.head.authority = ask.destination.authority(ask.scheme);
  Exchange exchange(wheel.executor(), wheel, ask.id, ask.destination, ask.scheme, Version::Http2,
                    &interims);
  Passage passage;
  passage.bypass_body = ask.bypass_body;
  auto response = co_await upstream.send(std::move(request), exchange, passage);
  if (!response) {
    out.failure = response.error();
  } else {
    out.head = std::move(response->head);
    out.has_body = response->body != nullptr;
    out.ended = !out.has_body;
    while (!out.ended && !out.body_failure) {
      auto chunk = co_await response->body->read(ask.piece);
      if (!chunk) {
        out.body_failure = chunk.error();
        break;
      }
      out.pieces.push_back(chunk->data.size());
      out.body += chunk->data;
      out.ended = chunk->end;
      out.trailers = std::move(chunk->trailers);
      if (out.body.size() >= ask.leave_after && !out.ended) {
        response->body->stop(Failure{Code::ClientGone, "left"});
        break;
      }
    }
    response->body.reset();
  }
  exchange.tasks().cancel();
  co_await exchange.tasks().join();
  out.interims = interims.statuses;
  out.traced = exchange.trace.failure;
  out.by = exchange.trace.by;
  out.cut_by = passage.cut_by;
  out.scanned_response_body = passage.scanned_response_body;
  out.protocol = passage.protocol;
}

// A worker's surroundings with the network in memory.
struct PipeWorld {
  explicit PipeWorld(PoolLimits limits = {})
      : wheel(io.get_executor()),
        peers(io.get_executor()),
        dialer(io.get_executor(), peers),
        pool(wheel, limits) {}
  ~PipeWorld() { finish(); }

  // Plays until nothing happens any more, connections closed.
  void finish() {
    pool.close();
    run_until_done(io, end_peers());
  }
  awaitable<void> end_peers() {
    peers.cancel();
    co_await peers.join();
  }
  Outcome ask(Upstream& upstream, Request request, Ask how = {}) {
    Outcome out;
    run_until_done(io, drive(upstream, std::move(request), wheel, std::move(how), out));
    return out;
  }
  // Runs what is due already, without waiting for more.
  void settle() {
    io.restart();
    io.poll();
  }

  asio::io_context io{1};
  TimerWheel wheel;
  TaskGroup peers;
  PipeDialer dialer;
  Pool pool;
};

}  // namespace bottle::test
