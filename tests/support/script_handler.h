#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/event.h"
#include "proxy/http/handler.h"

namespace bottle::test {

// The host that request_fields() of h2_frames.h asks for.
inline Destination a_test() { return Destination{"a.test", 443, HostKind::Name}; }

// A body of `total` bytes that comes as fast as it is read; counts what was read.
class PatternSource final : public BodySource {
 public:
  PatternSource(std::size_t total, std::size_t& read_bytes) : left_(total), read_(read_bytes) {}
  awaitable<Result<Chunk>> read(std::size_t max) override {
    Chunk chunk;
    const std::size_t n = std::min(max, left_);
    chunk.data.assign(n, 'x');
    left_ -= n;
    read_ += n;
    chunk.end = left_ == 0;
    co_return chunk;
  }
  void stop(Failure) noexcept override {}

 private:
  std::size_t left_;
  std::size_t& read_;
};

// Gives the pieces it is told, when it is told; then ends, fails, or waits for ever.
struct LiveFeed {
  explicit LiveFeed(const Executor& executor) : news(executor) {}
  Event news;
  std::vector<Bytes> pieces;
  std::size_t next = 0;
  bool end = false;
  std::optional<Fields> trailers;
  std::optional<Failure> failure;
  std::optional<Failure> stopped;  // the Failure given to stop()
  bool cancelled = false;          // a read was cancelled

  void push(Bytes piece) {
    pieces.push_back(std::move(piece));
    news.set_later();
  }
  void finish() {
    end = true;
    news.set_later();
  }
  void fail(Failure why) {
    failure = std::move(why);
    news.set_later();
  }
};

class LiveSource final : public BodySource {
 public:
  explicit LiveSource(LiveFeed& feed) : feed_(feed) {}
  awaitable<Result<Chunk>> read(std::size_t max) override {
    for (;;) {
      if (feed_.next < feed_.pieces.size()) {
        Bytes& piece = feed_.pieces[feed_.next];
        Chunk chunk;
        chunk.data = piece.substr(0, max);
        piece.erase(0, max);
        if (piece.empty()) ++feed_.next;
        co_return chunk;
      }
      if (feed_.failure) co_return *feed_.failure;
      if (feed_.end) {
        Chunk chunk;
        chunk.end = true;
        chunk.trailers = std::move(feed_.trailers);
        co_return chunk;
      }
      const bool happened = co_await feed_.news.wait();
      if (!happened) {
        feed_.cancelled = true;
        co_return Failure{Code::Cancelled, "the read was cancelled"};
      }
    }
  }
  void stop(Failure why) noexcept override { feed_.stopped = std::move(why); }

 private:
  LiveFeed& feed_;
};

// The whole of a body, or why there is not one.
inline awaitable<Result<Bytes>> read_all(BodySource& body) {
  Bytes all;
  for (;;) {
    auto chunk = co_await body.read(64 * 1024);
    if (!chunk) co_return chunk.error();
    all += chunk->data;
    if (chunk->end) co_return all;
  }
}

struct Finished {
  std::string target;
  int status = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::optional<Code> failure;
};

// Answers by the request's path:
//   /hello   200 "hello"          /echo    200, the request's body when it is complete
//   /big     200, `big` bytes     /live    200, the feed's pieces
//   /hints   103, then 200        /never   no answer until cancelled
//   /early   200 "no" without reading the body      /gone  no client to answer
//   /talk    200 at once, and the request's body as it comes
class ScriptHandler final : public Handler {
 public:
  explicit ScriptHandler(const Executor& executor) : feed(executor), never_(executor) {}

  std::string next_id() override { return "x" + std::to_string(++ids_); }
  awaitable<Response> handle(Request request, Exchange& exchange) override {
    ++handled;
    heads.push_back(request.head);
    hosts.push_back(exchange.destination().host_port());
    Response response;
    response.head.status = 200;
    const std::string target = request.head.target;
    if (target == "/never") {
      const bool happened = co_await never_.wait();
      cancelled += happened ? 0 : 1;
      response.head.status = 0;
    } else if (target == "/gone") {
      response.head.status = 0;
    } else if (target == "/talk") {
      response.head.has_body = true;
      response.body = std::move(request.body);
    } else if (target == "/big") {
      response.head.content_length = big;
      response.head.has_body = true;
      response.body = std::make_unique<PatternSource>(big, big_read);
    } else if (target == "/live") {
      response.head.has_body = true;
      response.body = std::make_unique<LiveSource>(feed);
    } else if (target == "/echo") {
      Bytes all;
      if (request.body) {
        auto body = co_await read_all(*request.body);
        if (!body) {
          body_failure = body.error().code;
          co_return refuse(body.error(), exchange);
        }
        all = std::move(*body);
      }
      response.head.has_body = true;
      response.head.content_length = all.size();
      response.body = std::make_unique<BytesSource>(std::move(all));
    } else {
      if (target == "/hints") {
        ResponseHead hints;
        hints.status = 103;
        hints.fields.add("Link", "</a.css>");
        static_cast<void>(exchange.interim(hints));
      }
      const Bytes text = target == "/early" ? "no" : "hello";
      response.head.fields.add("X-Path", target);
      response.head.has_body = true;
      response.head.content_length = text.size();
      response.body = std::make_unique<BytesSource>(text);
      if (target == "/early" && request.body) {
        request.body->stop(Failure{Code::Denied, "not wanted"});
      }
    }
    co_return response;
  }
  Response refuse(const Failure& failure, Exchange& exchange) override {
    exchange.trace.failure = failure;
    Response response;
    response.head.status = traits(failure.code).status;
    const Bytes text(word(failure));
    response.head.content_length = text.size();
    response.head.has_body = true;
    response.body = std::make_unique<BytesSource>(text);
    return response;
  }
  void finished(const Exchange& exchange) noexcept override {
    Finished line;
    line.target = exchange.trace.target;
    line.status = exchange.trace.status;
    line.bytes_in = exchange.trace.bytes_in;
    line.bytes_out = exchange.trace.bytes_out;
    if (exchange.trace.failure) line.failure = exchange.trace.failure->code;
    log.push_back(std::move(line));
  }

  LiveFeed feed;
  std::size_t big = 0;
  std::size_t big_read = 0;
  int handled = 0;
  int cancelled = 0;
  std::optional<Code> body_failure;
  std::vector<RequestHead> heads;
  std::vector<std::string> hosts;  // the destinations
  std::vector<Finished> log;

 private:
  Event never_;
  int ids_ = 0;
};

}  // namespace bottle::test
