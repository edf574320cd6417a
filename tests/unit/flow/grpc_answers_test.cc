#include "proxy/http/grpc.h"
#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;
using nlohmann::json;

// An answer's body that gives what it has and then breaks, if it is to.
class BreakingSource final : public BodySource {
 public:
  BreakingSource(Bytes bytes, std::optional<Failure> failure, bool& stopped)
      : bytes_(std::move(bytes)), failure_(std::move(failure)), stopped_(stopped) {}
  awaitable<Result<Chunk>> read(std::size_t) override {
    Chunk chunk;
    if (!std::exchange(given_, true)) {
      chunk.data = bytes_;
      co_return chunk;
    }
    if (failure_) co_return *failure_;
    chunk.end = true;
    chunk.trailers.emplace();
    chunk.trailers->add("grpc-status", "0");
    co_return chunk;
  }
  void stop(Failure) noexcept override { stopped_ = true; }

 private:
  Bytes bytes_;
  std::optional<Failure> failure_;
  bool& stopped_;
  bool given_ = false;
};

class GrpcAnswers : public FlowBench {
 protected:
  static RequestHead call() {
    RequestHead head = head_of("/pkg.Service/Method", "POST");
    head.version = Version::Http2;
    head.fields.add("content-type", "application/grpc");
    head.fields.add("x-note", "plain");
    return head;
  }
  Response make_call(RequestHead head, std::string host = "a.test") {
    Request made;
    made.head = std::move(head);
    of_ = exchange(made.head, std::move(host));
    of_->is_grpc = is_grpc_call(made.head);
    Response response = handle(std::move(made), *of_);
    of_->trace.status = response.head.status;
    return response;
  }
  struct Whole {
    Bytes bytes;
    std::optional<Fields> trailers;
    std::optional<Failure> failure;
  };
  Whole read(Response& response) {
    Whole whole;
    run(io, read_into(*response.body, whole));
    return whole;
  }
  std::unique_ptr<Exchange> of_;

 private:
  static awaitable<void> read_into(BodySource& body, Whole& whole) {
    for (;;) {
      auto chunk = co_await body.read(64 * 1024);
      if (!chunk) {
        whole.failure = chunk.error();
        co_return;
      }
      whole.bytes += chunk->data;
      if (!chunk->end) continue;
      whole.trailers = std::move(chunk->trailers);
      co_return;
    }
  }
};

void expect_status(const Response& response, std::string_view status, std::string_view word) {
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(response.body, nullptr);
  EXPECT_FALSE(response.head.has_body);
  EXPECT_EQ(response.head.fields.find("content-type"), "application/grpc");
  EXPECT_EQ(response.head.fields.find("grpc-status"), status);
  const auto message = response.head.fields.find("grpc-message").value_or("");
  EXPECT_NE(message.find(word), std::string_view::npos) << message;
}

TEST_F(GrpcAnswers, EveryRefusalOfOursIsAStatus) {
  const Response denied = make_call(call(), "evil.test");
  expect_status(denied, "7", "host_not_allowed");
  EXPECT_EQ(denied.head.fields.find("x-bottle-deny"), "host_not_allowed");
  EXPECT_NE(denied.head.fields.find("grpc-message")->find("Refused by policy: evil.test"),
            std::string_view::npos);
  RequestHead leaks = call();
  leaks.fields.add("x-token", kSecret);
  expect_status(make_call(std::move(leaks)), "7", "secret_in_header");
  for (const FailureTraits& row : all_failure_traits()) {
    upstream.failure = Failure{row.code, "why"};
    const Response response = make_call(call());
    if (row.status == 0) {
      EXPECT_EQ(response.head.status, 0);
      continue;
    }
    expect_status(response, std::to_string(static_cast<int>(row.grpc)), row.word);
  }
}

TEST_F(GrpcAnswers, ARefusalBeforeItWasARequestIsAStatusToo) {
  const RequestHead head = call();
  of_ = exchange(head);
  of_->is_grpc = true;
  expect_status(handler->refuse(Failure{Code::HeadTooLarge, "too large"}, *of_), "8",
                "head_too_large");
}

TEST_F(GrpcAnswers, TheLogHasWhatItWouldHaveOfAnyRequest) {
  make_call(call(), "evil.test");
  handler->finished(*of_);
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["by"], "policy");
  EXPECT_EQ(line["status"], 200) << "what went out";
  EXPECT_EQ(line["reason"], "host_not_allowed");
}

TEST_F(GrpcAnswers, AHostThatIsASecretIsNotRepeated) {
  const Response response = make_call(call(), "s3cr3t-value-0123456789.a.test");
  expect_status(response, "7", "secret_in_host");
  EXPECT_EQ(response.head.fields.find("grpc-message")->find("s3cr3t"), std::string_view::npos);
}

TEST_F(GrpcAnswers, TheScannersRefusalIsAStatus) {
  bool stopped = false;
  upstream.status = 403;
  upstream.scanners_word =
      Failure{Code::UpstreamDenied, "blocked: request body contains secret", "secret_in_body", ""};
  upstream.answer = std::make_unique<BreakingSource>("blocked\n", std::nullopt, stopped);
  const Response response = make_call(call());
  expect_status(response, "7", "blocked: request body contains secret");
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "secret_in_body");
  EXPECT_TRUE(stopped);
  EXPECT_EQ(of_->trace.by, DecidedBy::Pipelock);
}

TEST_F(GrpcAnswers, AnAnswerThatBreaksEndsWithAStatus) {
  bool stopped = false;
  upstream.type = "application/grpc+proto";
  upstream.answer = std::make_unique<BreakingSource>(
      "half", Failure{Code::Denied, "the body has a secret", "secret_in_body", ""}, stopped);
  Response response = make_call(call());
  ASSERT_NE(response.body, nullptr);
  const Whole whole = read(response);
  EXPECT_EQ(whole.bytes, "half");
  ASSERT_TRUE(whole.trailers);
  EXPECT_EQ(whole.trailers->find("grpc-status"), "7");
  EXPECT_EQ(whole.trailers->find("x-bottle-deny"), "secret_in_body");
  handler->finished(*of_);
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "cut");
  EXPECT_EQ(line["reason"], "secret_in_body");
  EXPECT_EQ(line["by"], "guard");
}

TEST_F(GrpcAnswers, AnAnswerThatIsWholeStaysAsItIs) {
  bool stopped = false;
  upstream.type = "application/grpc";
  upstream.answer = std::make_unique<BreakingSource>("all", std::nullopt, stopped);
  Response response = make_call(call());
  const Whole whole = read(response);
  EXPECT_EQ(whole.bytes, "all");
  EXPECT_EQ(whole.trailers->find("grpc-status"), "0");
  EXPECT_FALSE(whole.trailers->has("x-bottle-deny"));
  EXPECT_FALSE(of_->trace.failure);
}

TEST_F(GrpcAnswers, ABreakStaysABreakWhereNoTrailersFit) {
  struct Case {
    const char* type;
    std::optional<std::uint64_t> declared;
    Code code;
  };
  for (const Case& row : {Case{"application/grpc", std::nullopt, Code::Cancelled},
                          Case{"application/grpc", 100, Code::UpstreamTruncated},
                          Case{"text/html", std::nullopt, Code::UpstreamTruncated}}) {
    bool stopped = false;
    const Code code = row.code;
    upstream.type = row.type;
    upstream.answer = std::make_unique<BreakingSource>("half", Failure{code, "gone"}, stopped);
    upstream.declared = row.declared;
    Response response = make_call(call());
    const Whole whole = read(response);
    EXPECT_FALSE(whole.trailers);
    ASSERT_TRUE(whole.failure);
    EXPECT_EQ(whole.failure->code, code);
  }
}

}  // namespace
}  // namespace bottle
