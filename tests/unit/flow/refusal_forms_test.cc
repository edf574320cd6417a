#include <nlohmann/json.hpp>

#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;
using nlohmann::json;

class RefusalForms : public FlowBench {
 protected:
  static RequestHead post(std::string target) {
    RequestHead head = head_of(std::move(target), "POST");
    head.fields.add("Content-Type", "application/json");
    head.has_body = true;
    return head;
  }
  // As a session makes it.
  Response ask(RequestHead head, std::vector<Bytes> pieces, std::string host = "a.test") {
    Request made;
    made.head = std::move(head);
    of_ = exchange(made.head, std::move(host));
    of_->form = refusal_form(made.head);
    if (!pieces.empty()) made.body = std::make_unique<PiecesSource>(std::move(pieces), notes);
    Response response = handle(std::move(made), *of_);
    of_->trace.status = response.head.status;
    return response;
  }
  json document(Response& response) {
    Bytes bytes;
    run(io, read_into(*response.body, bytes));
    return json::parse(bytes);
  }

  PiecesSource::Notes notes;
  std::unique_ptr<Exchange> of_;

 private:
  static awaitable<void> read_into(BodySource& body, Bytes& bytes) {
    auto chunk = co_await body.read(64 * 1024);
    if (chunk) bytes = std::move(chunk->data);
  }
};

// MCP's SDKs write the id behind the parameters.
constexpr const char* kCallBegins = R"({"method":"tools/call","params":{"x":")";
constexpr const char* kCallEnds = R"("},"jsonrpc":"2.0","id":12})";

TEST_F(RefusalForms, ACallToARefusedHostIsReadForItsId) {
  Response response = ask(post("/mcp"), {kCallBegins, kCallEnds}, "evil.test");
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "host_not_allowed");
  const json call = document(response);
  EXPECT_EQ(call["id"], 12);
  EXPECT_EQ(call["error"]["data"]["code"], "host_not_allowed");
  EXPECT_EQ(notes.stopped, std::nullopt) << "it was read to its end";
  handler->finished(*of_);
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["by"], "policy");
  EXPECT_EQ(line["status"], 200) << "what went out";
}

TEST_F(RefusalForms, ACallThatTheGuardStopsIsReadOnForItsId) {
  Response response = ask(post("/mcp"), {std::string(kCallBegins) + kSecret + " ", kCallEnds});
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(document(response)["id"], 12);
  EXPECT_EQ(upstream.got.find(kSecret), Bytes::npos);
}

TEST_F(RefusalForms, ReadingForAnIdIsBoundedAndThenTheBodyIsStopped) {
  const std::vector<Bytes> pieces(100, " ");
  Response response = ask(post("/mcp"), pieces, "evil.test");
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(notes.pieces_read, 8U);
  EXPECT_EQ(notes.stopped, Code::Denied);
  EXPECT_EQ(document(response)["code"], "host_not_allowed");
}

TEST_F(RefusalForms, AClientThatWaitsForTheWordToSendIsNotReadForAnId) {
  RequestHead head = post("/mcp");
  head.expects_continue = true;
  Response response = ask(std::move(head), {std::string(kCallBegins) + kCallEnds}, "evil.test");
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(notes.pieces_read, 0U);
  EXPECT_EQ(notes.stopped, Code::Denied);
}

TEST_F(RefusalForms, OnlyWhatMayBeACallIsReadForAnId) {
  RequestHead head = head_of("/upload", "PUT");
  head.has_body = true;
  ask(std::move(head), {"bytes"}, "evil.test");
  EXPECT_EQ(notes.pieces_read, 0U);
  EXPECT_EQ(notes.stopped, Code::Denied);
  ask(post("/v1/messages"), {"{}"}, "evil.test");
  EXPECT_EQ(notes.pieces_read, 0U);
}

TEST_F(RefusalForms, ACallThatPassesLosesNothing) {
  const Response response = ask(post("/mcp"), {kCallBegins, "a", kCallEnds});
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(upstream.got, std::string(kCallBegins) + "a" + kCallEnds);
  EXPECT_FALSE(of_->trace.failure);
}

TEST_F(RefusalForms, TheScannersRefusalTakesTheFormAndKeepsItsStatus) {
  upstream.refused_by_scanner = true;
  upstream.status = 403;
  upstream.scanners_word = Failure{Code::UpstreamDenied, "blocked: request body contains secret",
                                   "secret_in_body", "Take the secret out."};
  Response refused = ask(post("/v1/messages"), {"{}"});
  EXPECT_EQ(refused.head.status, 400);
  EXPECT_EQ(refused.head.fields.find("x-bottle-deny"), "secret_in_body");
  EXPECT_NE(document(refused)["error"]["message"].get<std::string>().find(
                "Refused by the scanner: a.test (secret_in_body): blocked: request body contains "
                "secret. Take the secret out."),
            std::string::npos);
  EXPECT_EQ(of_->trace.by, DecidedBy::Pipelock);
  Response plain = ask(head_of("/p"), {});
  EXPECT_EQ(plain.head.status, 403);
  EXPECT_EQ(document(plain)["detail"], "blocked: request body contains secret");
  upstream.status = 429;
  EXPECT_EQ(ask(post("/v1/messages"), {"{}"}).head.status, 429) << "to be tried again later";
}

// A changed answer may still be of use.
TEST_F(RefusalForms, AnAnswerThatTheScannerChangedStays) {
  upstream.status = 200;
  upstream.scanners_word = Failure{Code::UpstreamDenied, "changed", "changed_by_scanner", ""};
  upstream.answer = std::make_unique<BytesSource>("{}");
  Response response = ask(post("/v1/messages"), {"{}"});
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(document(response), json::object());
}

TEST_F(RefusalForms, HeadHasNoBodyInAnyForm) {
  for (const char* target : {"/v2/", "/v1/messages", "/"}) {
    const Response response = ask(head_of(target, "HEAD"), {}, "evil.test");
    EXPECT_EQ(response.body, nullptr) << target;
    EXPECT_FALSE(response.head.has_body);
  }
}

}  // namespace
}  // namespace bottle
