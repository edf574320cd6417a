#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "proxy/flow/trace.h"
#include "proxy/flow/websocket_tunnel.h"
#include "tests/support/run_until.h"
#include "tests/support/script_handler.h"
#include "tests/support/websocket_frames.h"
#include "tests/unit/flow/flow_bench.h"

namespace bottle::test {

// A tunnel between two byte streams that a test plays: `client` and `origin` say something, and
// `at_origin` and `at_client` is what came there.
class WebsocketBench : public FlowBench {
 protected:
  struct Heard {
    Bytes bytes;
    bool ended = false;
    std::optional<Failure> failure;
  };

  void TearDown() override {
    end_all();
    EXPECT_EQ(websockets().open(), 0U);
    EXPECT_EQ(websockets().deflate().taken(), 0U);
  }

  void end_all() {
    if (!made) return;
    cancel_tasks(io, made->tasks());
    settle();
    run_until_done(io, made->tasks().join());
    back.reset();
    out.reset();
    tunnel.reset();
    made.reset();
  }
  // Another tunnel with other streams.
  void again() {
    end_all();
    client.pieces.clear();
    origin.pieces.clear();
    client.next = origin.next = 0;
    for (LiveFeed* const feed : {&client, &origin}) {
      feed->end = false;
      feed->failure.reset();
      feed->stopped.reset();
      feed->cancelled = false;
      feed->news.reset();
    }
    at_origin = {};
    at_client = {};
  }

  WebsocketSpace& websockets() { return own_space ? *own_space : FlowBench::websockets; }
  Guard& used_guard() { return own_guard ? *own_guard : guard; }
  // Guard and limits of the test's own; before open().
  void redacts() {
    settings.rules.push_back(*parse_on_secret("a.test=redact"));
    limits.redact.body_bytes = 4096;
    own_guard = std::make_unique<Guard>(secrets, settings, limits, decode, answer_set());
  }
  void looks_back(const char* rule) { settings.rules.push_back(*parse_responses(rule)); }

  static RequestHead head_of_handshake(Version version = Version::Http11) {
    RequestHead head = head_of("/chat");
    head.version = version;
    head.protocol = "websocket";
    head.fields.add("Sec-WebSocket-Version", "13");
    if (version == Version::Http11)
      head.fields.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    return head;
  }

  Result<> begin(RequestHead head = head_of_handshake()) {
    made = exchange(head);
    request.head = std::move(head);
    request.body = std::make_unique<LiveSource>(client);
    tunnel.emplace(used_guard(), websockets(), *made, passage());
    auto begun = tunnel->begin(request);
    out = std::move(request.body);
    return begun;
  }
  Result<> answer(int status = 101, std::string extensions = "") {
    Response response;
    response.head.status = status;
    const auto key = request.head.fields.find("sec-websocket-key");
    if (status == 101) {
      response.head.fields.add("Sec-WebSocket-Accept", websocket::accept_for(key.value_or("")));
    }
    if (!extensions.empty()) response.head.fields.add("Sec-WebSocket-Extensions", extensions);
    response.body = std::make_unique<LiveSource>(origin);
    auto opened = tunnel->open(response);
    answered = std::move(response.head);
    back = std::move(response.body);
    return opened;
  }
  // Open, with a reader on each side.
  void open(RequestHead head = head_of_handshake(), std::string extensions = "") {
    ASSERT_TRUE(begin(std::move(head)));
    made->tasks().spawn(listen(*out, at_origin));
    settle();
    EXPECT_TRUE(at_origin.bytes.empty());
    const auto opened = answer(101, std::move(extensions));
    ASSERT_TRUE(opened) << opened.error().detail;
    tunnel.reset();
    made->tasks().spawn(listen(*back, at_client));
    settle();
  }

  Passage& passage() { return trace_of(*made).passage; }
  std::optional<Failure> failure() const { return made->trace.failure; }

  // Everything that can happen without waiting for time.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      io.restart();
      io.poll();
    }
  }
  void wait(std::chrono::milliseconds time) {
    io.restart();
    io.run_for(time);
  }
  void client_says(Bytes bytes) {
    client.push(std::move(bytes));
    settle();
  }
  void origin_says(Bytes bytes) {
    origin.push(std::move(bytes));
    settle();
  }
  GotFrames origin_got() const { return read_frames(at_origin.bytes, websocket::Sender::Client); }
  GotFrames client_got() const { return read_frames(at_client.bytes, websocket::Sender::Server); }

  static awaitable<void> read_some(BodySource& body, Heard& heard) {
    auto chunk = co_await body.read(1000);
    if (chunk) heard.bytes = chunk->data;
  }
  static awaitable<void> listen(BodySource& body, Heard& heard) {
    for (;;) {
      auto chunk = co_await body.read(1000);
      if (!chunk) {
        heard.failure = chunk.error();
        co_return;
      }
      heard.bytes += chunk->data;
      heard.ended = chunk->end;
      if (heard.ended) co_return;
    }
  }

  Guard::Limits limits;
  std::unique_ptr<Guard> own_guard;
  std::unique_ptr<WebsocketSpace> own_space;
  std::unique_ptr<Exchange> made;
  LiveFeed client{io.get_executor()};
  LiveFeed origin{io.get_executor()};
  Request request;
  std::optional<WebsocketTunnel> tunnel;
  ResponseHead answered;
  std::unique_ptr<BodySource> out;
  std::unique_ptr<BodySource> back;
  Heard at_origin;
  Heard at_client;
};

}  // namespace bottle::test
