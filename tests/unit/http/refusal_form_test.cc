#include "proxy/http/refusal_form.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace bottle {
namespace {

using enum RefusalForm;
using nlohmann::json;

RequestHead head_of(std::string method, std::string target,
                    const std::vector<std::pair<std::string, std::string>>& fields = {}) {
  RequestHead head;
  head.method = std::move(method);
  head.target = std::move(target);
  for (const auto& [name, value] : fields) head.fields.add(name, value);
  return head;
}

RefusalForm get(std::string target, std::string agent = "x/1") {
  return refusal_form(head_of("GET", std::move(target), {{"User-Agent", std::move(agent)}}));
}
RefusalForm post(std::string target, std::string type = "application/json") {
  return refusal_form(head_of("POST", std::move(target), {{"Content-Type", std::move(type)}}));
}
RefusalForm with(std::string name, std::string value) {
  return refusal_form(head_of("GET", "/", {{std::move(name), std::move(value)}}));
}

TEST(RefusalForm, ApisAreKnownByTheirPathsAndFields) {
  EXPECT_EQ(post("/v1/messages"), Anthropic);
  EXPECT_EQ(post("/v1/messages?beta=true"), Anthropic);
  EXPECT_EQ(post("/gateway/v1/messages/count_tokens"), Anthropic);
  EXPECT_EQ(with("Anthropic-Version", "2023-06-01"), Anthropic);
  EXPECT_EQ(post("/v1/responses"), OpenAi);
  EXPECT_EQ(post("/backend-api/codex/responses"), OpenAi);
  EXPECT_EQ(post("/api/v1/chat/completions"), OpenAi);
  EXPECT_EQ(post("/openai/deployments/d/chat/completions?api-version=1"), OpenAi);
  EXPECT_EQ(post("/v1/embeddings"), OpenAi);
  EXPECT_EQ(get("/v1/models", "codex_cli_rs/0.1"), OpenAi);
  EXPECT_EQ(get("/v1/models", "OpenAI/Python 1.0"), OpenAi);
  EXPECT_EQ(with("OpenAI-Beta", "x"), OpenAi);
  EXPECT_EQ(post("/surveys/1/responses"), JsonPost) << "another API's word";
  EXPECT_EQ(post("/v1/messagesX"), JsonPost);
}

TEST(RefusalForm, CallsAreKnownByTheirFieldsOrMayBeOnes) {
  EXPECT_EQ(with("Mcp-Session-Id", "1"), JsonRpc);
  EXPECT_EQ(with("mcp-protocol-version", "2025-06-18"), JsonRpc);
  EXPECT_EQ(post("/mcp"), JsonPost);
  EXPECT_EQ(post("/mcp", "application/json; charset=utf-8"), JsonPost);
  EXPECT_EQ(post("/mcp", "text/plain"), Problem);
  EXPECT_EQ(get("/mcp"), Problem);
}

TEST(RefusalForm, ProgramsAreKnownByTheirAgent) {
  EXPECT_EQ(get("/r.git/info/refs?service=git-upload-pack"), Text);
  EXPECT_EQ(post("/r.git/git-receive-pack", "application/x-git-receive-pack-request"), Text);
  EXPECT_EQ(get("/", "git/2.39.5"), Text);
  for (const char* agent :
       {"pip/23.0.1 {}", "uv/0.4", "cargo/1.83.0", "cargo 1.70.0", "Debian APT-HTTP/1.3 (2.6.1)",
        "Ruby, RubyGems/3.3", "Apache-Maven/3.8"}) {
    EXPECT_EQ(get("/x", agent), Text) << agent;
  }
  EXPECT_EQ(get("/example.test/m/@v/list", "Go-http-client/2.0"), Text);
  EXPECT_EQ(get("/m?go-get=1", "Go-http-client/2.0"), Text);
  EXPECT_EQ(get("/x", "npm/10.8.2 node/v20 linux x64"), JsonError);
  EXPECT_EQ(get("/x", "git-lfs/3.5"), JsonError);
  EXPECT_EQ(get("/token?service=r", "docker/24.0.7 go/go1.20"), Oci);
  EXPECT_EQ(get("/v2/"), Oci);
  EXPECT_EQ(get("/v2/library/alpine/manifests/latest"), Oci);
  EXPECT_EQ(get("/v2/things"), Problem) << "the second version of anything";
  EXPECT_EQ(get("/", "curl/8"), Problem);
  EXPECT_EQ(refusal_form(RequestHead()), Problem);
}

TEST(RefusalForm, ABrowserAsksForAPageFirst) {
  EXPECT_EQ(with("Accept", "text/html,application/xhtml+xml;q=0.9"), Html);
  EXPECT_EQ(with("Accept", "*/*, text/html"), Problem);
  EXPECT_EQ(refusal_form(head_of("GET", "/simple/x/",
                                 {{"User-Agent", "pip/20.0"}, {"Accept", "text/html"}})),
            Text);
}

const Failure kDenied{Code::Denied, "host registry.example.test is not in the allowlist",
                      "host_not_allowed",
                      "Use a host that is allowed, or ask the person who runs the bottle to add "
                      "--allow registry.example.test."};

RefusalFacts facts() {
  RefusalFacts facts;
  facts.request_id = "1-2";
  facts.host = "registry.example.test";
  return facts;
}

void expect_says_it_early(std::string_view text) {
  const std::string_view shown = text.substr(0, 200);
  for (const char* part : {"Refused by policy", "registry.example.test", "host_not_allowed",
                           "Use a host that is allowed, or ask"}) {
    EXPECT_NE(shown.find(part), std::string_view::npos) << part << " in " << shown;
  }
}

TEST(RefusalForm, EachDocumentSaysItWhereItsClientLooks) {
  const LocalAnswer anthropic = refusal_answer(Anthropic, kDenied, facts());
  EXPECT_EQ(anthropic.head.status, 400);
  EXPECT_EQ(anthropic.head.reason, "Bad Request");
  const json a = json::parse(anthropic.body);
  EXPECT_EQ(a["type"], "error");
  EXPECT_EQ(a["error"]["type"], "invalid_request_error");
  expect_says_it_early(a["error"]["message"].get<std::string>());

  const LocalAnswer openai = refusal_answer(OpenAi, kDenied, facts());
  EXPECT_EQ(openai.head.status, 400);
  const json o = json::parse(openai.body);
  EXPECT_EQ(o["error"]["type"], "invalid_request_error");
  EXPECT_EQ(o["error"]["code"], "host_not_allowed");
  EXPECT_TRUE(o["error"]["param"].is_null());
  expect_says_it_early(o["error"]["message"].get<std::string>());

  const LocalAnswer oci = refusal_answer(Oci, kDenied, facts());
  EXPECT_EQ(oci.head.status, 403);
  const json c = json::parse(oci.body);
  EXPECT_EQ(c["errors"][0]["code"], "DENIED");
  expect_says_it_early(c["errors"][0]["message"].get<std::string>());

  const LocalAnswer npm = refusal_answer(JsonError, kDenied, facts());
  EXPECT_EQ(npm.head.status, 403);
  expect_says_it_early(json::parse(npm.body)["error"].get<std::string>());

  const LocalAnswer text = refusal_answer(Text, kDenied, facts());
  EXPECT_EQ(text.head.status, 403);
  EXPECT_EQ(text.head.fields.find("content-type"), "text/plain; charset=utf-8");
  expect_says_it_early(text.body);
  EXPECT_EQ(text.head.reason + "\n", text.body) << "what apt and pip show";

  const LocalAnswer problem = refusal_answer(Problem, kDenied, facts());
  EXPECT_EQ(problem.head.status, 403);
  EXPECT_EQ(problem.head.fields.find("content-type"), "application/problem+json");
  expect_says_it_early(problem.body);

  const LocalAnswer html = refusal_answer(Html, kDenied, facts());
  EXPECT_EQ(html.head.status, 403);
  EXPECT_EQ(html.head.fields.find("content-type"), "text/html; charset=utf-8");
  EXPECT_TRUE(html.head.fields.has("content-security-policy"));
  EXPECT_NE(html.body.find("<h1>Refused by policy: registry.example.test</h1>"), std::string::npos);
}

TEST(RefusalForm, ACallIsAnsweredWithItsId) {
  RefusalFacts call = facts();
  call.is_call = true;
  call.call_id = "17";
  for (const RefusalForm form : {JsonRpc, JsonPost}) {
    const LocalAnswer answer = refusal_answer(form, kDenied, call);
    EXPECT_EQ(answer.head.status, 200);
    const json doc = json::parse(answer.body);
    EXPECT_EQ(doc["jsonrpc"], "2.0");
    EXPECT_EQ(doc["id"], 17);
    EXPECT_EQ(doc["error"]["code"], -32003);
    EXPECT_EQ(doc["error"]["data"]["code"], "host_not_allowed");
    EXPECT_EQ(doc["error"]["data"]["hint"], kDenied.hint);
    expect_says_it_early(doc["error"]["message"].get<std::string>());
  }
  call.call_id = {};
  const LocalAnswer unknown = refusal_answer(JsonRpc, kDenied, call);
  EXPECT_EQ(unknown.head.status, 403) << "an answer without an id would be waited for";
  EXPECT_TRUE(json::parse(unknown.body)["id"].is_null());
  EXPECT_EQ(refusal_answer(JsonPost, kDenied, facts()).head.fields.find("content-type"),
            "application/problem+json");
}

TEST(RefusalForm, EveryFormKeepsWhatProxiesAndLogsRead) {
  for (const RefusalForm form :
       {Problem, Anthropic, OpenAi, JsonRpc, JsonPost, Oci, JsonError, Text, Html}) {
    for (const FailureTraits& row : all_failure_traits()) {
      const Failure failure{row.code, "why"};
      const LocalAnswer plain = problem_answer(failure, "1-2", "a.test");
      const LocalAnswer answer = refusal_answer(form, failure, facts());
      EXPECT_EQ(answer.head.content_length, answer.body.size());
      EXPECT_TRUE(answer.head.has_body);
      EXPECT_EQ(answer.head.keep_alive, plain.head.keep_alive);
      for (const char* name : {"x-bottle-deny", "retry-after", "proxy-authenticate", "upgrade",
                               "cache-control", "x-content-type-options"}) {
        EXPECT_EQ(answer.head.fields.find(name), plain.head.fields.find(name)) << name;
      }
      if (row.status != 403) {
        EXPECT_EQ(answer.head.status, plain.head.status) << "it says whether to try again";
      }
      EXPECT_EQ(answer.head.fields.count("content-type"), 1U);
      EXPECT_NE(answer.body.find(row.word), std::string::npos);
    }
  }
}

TEST(RefusalForm, AStatusThatIsGivenStays) {
  RefusalFacts limited = facts();
  limited.status = 429;
  const Failure failure{Code::UpstreamDenied, "too many requests", "rate_limited", "Wait."};
  for (const RefusalForm form : {Problem, Anthropic, OpenAi, Text, Oci}) {
    EXPECT_EQ(refusal_answer(form, failure, limited).head.status, 429);
  }
  EXPECT_EQ(json::parse(refusal_answer(Anthropic, failure, limited).body)["error"]["type"],
            "rate_limit_error");
}

TEST(RefusalForm, ModelClientsAreToldNotToTryWhatIsNeverSupported) {
  const Failure coding{Code::NotSupported, "a coding", "coding_not_scannable", "Send it plain."};
  EXPECT_EQ(refusal_answer(Anthropic, coding, facts()).head.fields.find("x-should-retry"), "false");
  EXPECT_EQ(refusal_answer(OpenAi, coding, facts()).head.fields.find("x-should-retry"), "false");
  EXPECT_FALSE(refusal_answer(Text, coding, facts()).head.fields.has("x-should-retry"));
}

TEST(RefusalForm, ALongDetailLeavesRoomForTheNextStep) {
  const Failure failure{Code::Denied, std::string(600, 'd'), "secret_in_body",
                        "Take the secret (GitHub token) out of the body. If this host is where it "
                        "belongs, ask."};
  const std::string text = refusal_answer(Text, failure, facts()).body;
  EXPECT_NE(text.substr(0, 200).find("Take the secret (GitHub token) out of the body."),
            std::string::npos)
      << text;
  RefusalFacts far = facts();
  const std::string host = std::string(200, 'a') + ".example.test";
  far.host = host;
  const std::string cut = refusal_answer(Text, kDenied, far).body;
  EXPECT_NE(cut.find("aaa.example.test (host_not_allowed)"), std::string::npos) << cut;
  EXPECT_LT(cut.find("(host_not_allowed)"), 130U);
}

// [T42]
TEST(RefusalForm, PeersBytesDoNoHarmInAnyForm) {
  RefusalFacts hostile = facts();
  hostile.host = "a\r\nX-Evil: 1\"<script>";
  const Failure failure{Code::Denied, "\"}\r\n\r\n<script>&'\x1b[31m\xff", "b\r\nad", "\"<b>\x01"};
  for (const RefusalForm form : {Problem, Anthropic, OpenAi, JsonRpc, Oci, JsonError, Text, Html}) {
    const LocalAnswer answer = refusal_answer(form, failure, hostile);
    if (form != Text) {
      EXPECT_EQ(answer.body.find("<script>"), std::string::npos) << answer.body;
    }
    EXPECT_EQ(answer.body.find('\x1b'), std::string::npos);
    EXPECT_EQ(answer.body.find('\r'), std::string::npos);
    EXPECT_EQ(answer.head.reason.find('\n'), std::string::npos);
    if (form != Text && form != Html) {
      EXPECT_TRUE(json::accept(answer.body)) << answer.body;
    }
  }
}

}  // namespace
}  // namespace bottle
