#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/flow/proxy_handler.h"
#include "tests/support/run.h"

namespace bottle::test {

// A request's body in the pieces it is given; notes how it was left.
class PiecesSource final : public BodySource {
 public:
  struct Notes {
    std::size_t pieces_read = 0;
    std::optional<Code> stopped;
  };
  PiecesSource(std::vector<Bytes> pieces, Notes& notes)
      : pieces_(std::move(pieces)), notes_(notes) {}
  awaitable<Result<Chunk>> read(std::size_t) override {
    Chunk chunk;
    if (next_ < pieces_.size()) chunk.data = pieces_[next_++];
    chunk.end = next_ == pieces_.size();
    ++notes_.pieces_read;
    co_return chunk;
  }
  void stop(Failure why) noexcept override { notes_.stopped = why.code; }

 private:
  std::vector<Bytes> pieces_;
  std::size_t next_ = 0;
  Notes& notes_;
};

// Reads the request as a real upstream would and answers as it is told.
class FakeUpstream final : public Upstream {
 public:
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override {
    ++asked;
    head = request.head;
    passage.protocol = "http/1.1";
    passage.target_has_secret = target_has_secret;
    passage.refused_by_scanner = refused_by_scanner;
    if (failure) co_return *failure;
    if (request.body && !head.protocol.empty()) {
      // It goes into the tunnel, and none is opened here.
      request.body->stop(Failure{Code::Cancelled, "no tunnel"});
    } else if (request.body) {
      for (;;) {
        auto chunk = co_await request.body->read(64 * 1024);
        if (!chunk) co_return chunk.error();
        got += chunk->data;
        if (chunk->end) break;
      }
    }
    Response response;
    response.head.status = status;
    response.head.keep_alive = false;
    if (scanners_word) {
      exchange.trace.failure = *scanners_word;
      exchange.trace.by = DecidedBy::Pipelock;
    }
    if (!type.empty()) response.head.fields.add("content-type", type);
    if (!coding.empty()) response.head.fields.add("content-encoding", coding);
    response.body = std::move(answer);
    response.head.has_body = response.body != nullptr;
    response.head.content_length = declared;
    co_return response;
  }

  std::optional<Failure> failure;  // instead of an answer
  bool target_has_secret = false;  // so the scanner says
  bool refused_by_scanner = false;
  int status = 200;
  std::optional<Failure> scanners_word;  // the answer is the scanner's refusal
  std::unique_ptr<BodySource> answer;
  std::optional<std::uint64_t> declared;
  std::string type;
  std::string coding;
  int asked = 0;
  RequestHead head;
  Bytes got;  // the body as it left
};

inline constexpr const char* kSecret = "S3cr3t-Value-0123456789";

// Made once: compiling the patterns takes long under the sanitizers.
inline std::shared_ptr<const SecretSet> secret_set() {
  static const std::shared_ptr<const SecretSet> set = [] {
    SecretSpec secret;
    secret.name = "TOKEN";
    secret.value = kSecret;
    auto made = SecretSet::make({secret});
    EXPECT_TRUE(made);
    return std::move(*made);
  }();
  return set;
}

// A handler with a policy that allows a.test, the exact value kSecret, and an audit file.
class FlowBench : public testing::Test {
 protected:
  FlowBench() : wheel(io.get_executor()) {
    std::string name = testing::TempDir() + "/flow-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    file = directory_ + "/audit.jsonl";
    PolicySpec spec;
    spec.allow = {"a.test", "*.wild.test", "closed.test",
                  std::string("s3cr3t-value-0123456789") + ".a.test"};
    spec.routes = {"closed.test=deny"};
    auto made = Policy::make(std::move(spec));
    EXPECT_TRUE(made);
    policy = std::make_unique<LivePolicy>(std::make_shared<const Policy>(std::move(*made)));
    open_audit(file);
  }
  ~FlowBench() override {
    for (const std::string& part : audit_files(file)) ::unlink(part.c_str());
    ::rmdir(directory_.c_str());
  }

  void open_audit(const std::string& path) {
    auto opened = AuditSink::open(path);
    ASSERT_TRUE(opened);
    handler.reset();
    audit = std::move(*opened);
    remake(UpstreamKind::Direct);
  }
  void remake(UpstreamKind kind) { remake(kind, guard); }
  void remake(UpstreamKind kind, Guard& with) {
    handler = std::make_unique<ProxyHandler>(ProxyHandler::Services{
        *policy, upstream, kind, with, *audit, host_watch, "t-", websockets});
  }

  std::unique_ptr<Exchange> exchange(const RequestHead& head, std::string host = "a.test") {
    Destination destination;
    destination.host = std::move(host);
    destination.port = 443;
    auto made = std::make_unique<Exchange>(io.get_executor(), wheel, handler->next_id(),
                                           destination, Scheme::Https, Version::Http11, nullptr);
    made->trace.method = head.method;
    made->trace.target = head.target;
    return made;
  }
  static RequestHead head_of(std::string target = "/p", std::string method = "GET") {
    RequestHead head;
    head.method = std::move(method);
    head.target = std::move(target);
    head.authority = "a.test";
    return head;
  }

  // Plays a session: asks, notes the status, says that it is over.
  Response serve(Request request, std::string host = "a.test") {
    auto made = exchange(request.head, std::move(host));
    Response response = handle(std::move(request), *made);
    made->trace.status = response.head.status;
    handler->finished(*made);
    return response;
  }
  Response handle(Request request, Exchange& of) {
    Response response;
    run(io, handle_into(std::move(request), of, response));
    return response;
  }
  static Bytes text_of(Response& response) {
    if (!response.body) return Bytes();
    asio::io_context reading;
    Bytes text;
    run(reading, read_into(*response.body, text));
    return text;
  }

  // Of all parts of the log.
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const std::string& part : audit_files(file)) {
      std::ifstream in(part);
      for (std::string line; std::getline(in, line);) all.push_back(line);
    }
    return all;
  }
  void clear_log() const {
    for (const std::string& part : audit_files(file)) {
      std::error_code not_there;
      std::filesystem::resize_file(part, 0, not_there);
    }
  }
  // The only line, which must hold no secret in any spelling.
  nlohmann::json line() const {
    const auto all = lines();
    EXPECT_EQ(all.size(), 1U);
    if (all.size() != 1) return nlohmann::json::object();
    EXPECT_EQ(all[0].find("S3cr3t"), std::string::npos) << all[0];
    EXPECT_EQ(all[0].find("s3cr3t"), std::string::npos) << all[0];
    return nlohmann::json::parse(all[0]);
  }

  asio::io_context io{1};
  TimerWheel wheel;
  std::unique_ptr<LivePolicy> policy;
  std::shared_ptr<const SecretSet> secrets = secret_set();
  DecodeSpace decode{DecodeLimits{}.memory_bytes};
  GuardSettings settings;
  static const PendingAnswers& answer_set() {
    static const PendingAnswers set;
    return set;
  }
  Guard guard{secrets, settings, Guard::Limits{}, decode, answer_set()};
  std::unique_ptr<AuditSink> audit;
  NewNames names{};
  HostWatch host_watch{names};
  WebsocketSpace websockets{WebsocketLimits{}};
  FakeUpstream upstream;
  std::unique_ptr<ProxyHandler> handler;
  std::string file;

  awaitable<void> handle_into(Request request, Exchange& of, Response& response) {
    response = co_await handler->handle(std::move(request), of);
  }

 private:
  static awaitable<void> read_into(BodySource& body, Bytes& text) {
    for (;;) {
      auto chunk = co_await body.read(64 * 1024);
      if (!chunk) co_return;
      text += chunk->data;
      if (chunk->end) co_return;
    }
  }

  std::string directory_;
};

}  // namespace bottle::test
