// Requests through the engines of HTTP/2, HPACK included. The connection is warm: repeated fields
// are in the tables of both sides.
#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <utility>
#include <variant>

#include "bench/micro/samples.h"
#include "proxy/http/chunk.h"
#include "proxy/http/h2_client_engine.h"
#include "proxy/http/h2_engine.h"

namespace bottle::micro {
namespace {

// A client and a server, and the bytes between them.
class Connection {
 public:
  Connection() {
    request_ = vetted_request(kUsualRequest);
    request_.authority = "api.example.com";
    response_ = vetted_response(kUsualResponse);
    response_.content_length.reset();
    while (client_.wants_write() || server_.wants_write()) {
      server_.receive(said_by(client_), now_).value();
      client_.receive(said_by(server_), now_).value();
    }
    take_events(client_);
    take_events(server_);
  }

  // The bytes of a request that has no body, good until the next call.
  [[nodiscard]] ByteView request() {
    tick();
    (void)client_.request(request_, true).value();
    return said_by(client_);
  }

  // The server takes a request and answers it with a body of so many bytes. Returns the answer's
  // bytes, none if no good request came.
  [[nodiscard]] ByteView answer(ByteView request, std::size_t body) {
    server_.receive(request, now_).value();
    bool answered = false;
    while (const auto event = server_.next_event()) {
      const auto* asked = std::get_if<H2Request>(&*event);
      if (asked == nullptr || asked->refused) continue;
      answered = true;
      server_.respond(asked->stream, response_, body == 0).value();
      server_.release(asked->held);
      if (body == 0) continue;
      Chunk chunk;
      chunk.data = Bytes(body, 'x');
      chunk.end = true;
      server_.offer(asked->stream, std::move(chunk));
    }
    return answered ? said_by(server_) : ByteView();
  }

  // True if that was a whole answer.
  [[nodiscard]] bool take(ByteView answer) {
    client_.receive(answer, now_).value();
    return take_events(client_);
  }

  // The flood guards allow so much in a time, and this clock is theirs.
  void tick() { now_ += std::chrono::milliseconds(1); }

  // At the server.
  [[nodiscard]] std::size_t open_streams() const { return server_.open_streams(); }

 private:
  ByteView said_by(H2Endpoint& engine) {
    return {buffer_.data(), engine.fill(ByteSpan(buffer_), now_)};
  }

  // True if a stream came to its end.
  static bool take_events(H2Endpoint& engine) {
    bool closed = false;
    while (const auto event = engine.next_event()) {
      if (const auto* data = std::get_if<H2Data>(&*event)) {
        engine.consumed(data->stream, data->data.size());
      }
      closed = closed || std::holds_alternative<H2Closed>(*event);
    }
    return closed;
  }

  H2Endpoint::TimePoint now_{};
  H2ClientEngine client_{H2Limits{}, now_};
  H2Engine server_{H2Limits{}, now_};
  RequestHead request_;
  ResponseHead response_;
  std::array<char, 64 * 1024> buffer_{};
};

// The server's side: a head comes, and one goes.
void h2_server_request(benchmark::State& state) {
  Connection connection;
  // The first one fills the tables; from the second on all have the same bytes.
  for (int i = 0; i < 2; ++i) (void)connection.take(connection.answer(connection.request(), 0));
  Bytes request(connection.request());
  std::uint32_t stream = 5;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 4; ++i) {
      request[5 + i] = static_cast<char>(stream >> (24 - 8 * i));  // RFC 9113 section 4.1
    }
    stream += 2;
    connection.tick();
    if (connection.answer(request, 0).empty()) return state.SkipWithError("no answer");
  }
  if (connection.open_streams() != 0) state.SkipWithError("streams are left");
}
BENCHMARK(h2_server_request);

// Both sides: the request, and its answer with a body.
void h2_exchange(benchmark::State& state) {
  Connection connection;
  for (auto _ : state) {
    const ByteView request = connection.request();
    if (!connection.take(connection.answer(request, 1024))) {
      return state.SkipWithError("no whole answer");
    }
  }
}
BENCHMARK(h2_exchange);

}  // namespace
}  // namespace bottle::micro
