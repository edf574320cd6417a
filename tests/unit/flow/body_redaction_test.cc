#include "proxy/flow/body_redaction.h"

#include "proxy/flow/guard.h"
#include "tests/unit/body/coders.h"
#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;
using nlohmann::json;

constexpr const char* kMark = "[bottle: TOKEN removed]";

// A handler whose guard redacts for a.test.
class BodyRedactions : public FlowBench {
 protected:
  BodyRedactions() {
    settings.rules.push_back(*parse_on_secret("a.test=redact"));
    limits.redact.body_bytes = 4096;
    use_limits();
  }
  void use_limits() {
    own_guard = std::make_unique<Guard>(secrets, settings, limits, decode, answer_set());
    handler = std::make_unique<ProxyHandler>(ProxyHandler::Services{
        *policy, upstream, UpstreamKind::Direct, *own_guard, *audit, host_watch, "t-", websockets});
  }
  Request upload(std::vector<Bytes> pieces, std::string type = "application/json") {
    Request made;
    made.head = head_of("/v1/messages", "POST");
    made.head.has_body = true;
    if (!type.empty()) made.head.fields.add("content-type", type);
    made.body = std::make_unique<PiecesSource>(std::move(pieces), notes);
    return made;
  }
  static std::string message(std::string text) {
    return R"({"messages":[{"content":[{"text":")" + std::move(text) + R"("}]}]})";
  }

  Guard::Limits limits;
  std::unique_ptr<Guard> own_guard;
  PiecesSource::Notes notes;
};

TEST_F(BodyRedactions, TheOriginGetsTheBodyWithoutTheSecret) {
  const std::string body = message(std::string("a ") + kSecret + " b");
  Request request = upload({body.substr(0, 50), body.substr(50)});
  request.head.content_length = body.size();
  Response response = serve(std::move(request));
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(upstream.got, message(std::string("a ") + kMark + " b"));
  EXPECT_EQ(upstream.head.content_length, upstream.got.size());
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "allowed");
  EXPECT_EQ(line["changed"], json::array({"request_body"}));
  ASSERT_EQ(line["findings"].size(), 1U);
  EXPECT_EQ(line["findings"][0]["name"], "TOKEN");
  EXPECT_EQ(line["findings"][0]["json_path"], "messages[0].content[0].text");
  EXPECT_EQ(line["findings"][0]["action"], "redacted");
}

TEST_F(BodyRedactions, ABodyWithoutASecretGoesAsItCame) {
  Request request = upload({message("a"), " "});
  Response response = serve(std::move(request));
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(upstream.got, message("a") + " ");
  EXPECT_FALSE(upstream.head.content_length) << "none was declared";
  const json line = this->line();
  EXPECT_FALSE(line.contains("changed"));
  EXPECT_EQ(line["scanned"], json::array({"request_body"}));
}

TEST_F(BodyRedactions, OtherHostsRefuse) {
  settings.rules.clear();
  Response response = serve(upload({message(kSecret)}));
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(upstream.head.content_length, std::nullopt);
  EXPECT_EQ(upstream.got, "");
}

TEST_F(BodyRedactions, HitsInTheHeadRefuse) {
  Request request = upload({message("a")});
  request.head.fields.add("x-key", kSecret);
  EXPECT_EQ(serve(std::move(request)).head.fields.find("x-bottle-deny"), "secret_in_header");
  request = upload({message("a")});
  request.head.target = std::string("/p?x=") + kSecret;
  EXPECT_EQ(serve(std::move(request)).head.fields.find("x-bottle-deny"), "secret_in_url");
  EXPECT_EQ(upstream.asked, 0);
}

TEST_F(BodyRedactions, WhatCannotBeRedactedRefuses) {
  for (const char* type : {"", "multipart/form-data; boundary=x", "application/octet-stream"}) {
    EXPECT_EQ(serve(upload({message(kSecret)}, type)).head.status, 403) << type;
  }
  upstream.asked = 0;
  EXPECT_EQ(serve(upload({"[\"", kSecret, "\""})).head.status, 403) << "no JSON";
  EXPECT_EQ(serve(upload({std::string("{\"") + kSecret + "\":1}"})).head.status, 403) << "a name";
  EXPECT_EQ(upstream.asked, 0) << "nothing of what is held leaves";
}

TEST_F(BodyRedactions, ASignedBodyRefuses) {
  Request request = upload({message(kSecret)});
  request.head.fields.add("content-md5", "x");
  EXPECT_EQ(serve(std::move(request)).head.status, 403);
}

TEST_F(BodyRedactions, ACodingIsTakenOffWithASecret) {
  for (const Coding coding : {Coding::Gzip, Coding::Zstd, Coding::Brotli, Coding::Deflate}) {
    Request request = upload({encode(coding, message(kSecret))});
    request.head.fields.add("content-encoding", to_string(coding));
    upstream.got.clear();
    EXPECT_EQ(serve(std::move(request)).head.status, 200) << to_string(coding);
    EXPECT_EQ(upstream.got, message(kMark));
    EXPECT_FALSE(upstream.head.fields.has("content-encoding"));
    EXPECT_EQ(upstream.head.content_length, upstream.got.size());
  }
}

TEST_F(BodyRedactions, ACodingStaysWithoutASecret) {
  const Bytes coded = encode(Coding::Gzip, message("x"));
  Request request = upload({coded});
  request.head.fields.add("content-encoding", "gzip");
  EXPECT_EQ(serve(std::move(request)).head.status, 200);
  EXPECT_EQ(upstream.got, coded);
  EXPECT_TRUE(upstream.head.fields.has("content-encoding"));
}

TEST_F(BodyRedactions, ALongerBodyStreamsAndRefuses) {
  const std::string filler(3000, 'x');
  Response response = serve(upload({"[\"", filler, filler, "\"]"}));
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(upstream.got, "[\"" + filler + filler + "\"]");
  response = serve(upload({"[\"", filler, filler, kSecret, "\"]"}));
  EXPECT_EQ(response.head.status, 403) << "the hit is in what was streamed";
  response = serve(upload({"[\"", kSecret, filler, filler, "\"]"}));
  EXPECT_EQ(response.head.status, 403) << "the hit is in what was held";
  Request request = upload({"[\"", kSecret, "\"]"});
  request.head.content_length = 5000;
  EXPECT_EQ(serve(std::move(request)).head.status, 403) << "it says that it is longer";
}

TEST_F(BodyRedactions, WithoutMemoryItStreamsOrIsToldToComeAgain) {
  limits.redact.memory_bytes = 100;
  use_limits();
  const std::string filler(200, 'x');
  EXPECT_EQ(serve(upload({"[\"", filler, "\"]"})).head.status, 200);
  EXPECT_EQ(upstream.got, "[\"" + filler + "\"]");
  upstream.got.clear();
  Response response = serve(upload({message(kSecret)}));
  EXPECT_EQ(response.head.status, 503);
  EXPECT_EQ(json::parse(text_of(response))["code"], "redact_memory_full");
  EXPECT_EQ(upstream.got, "");
}

TEST_F(BodyRedactions, AFailureOfTheBodyIsTheAnswer) {
  class Broken final : public BodySource {
   public:
    awaitable<Result<Chunk>> read(std::size_t) override {
      co_return Failure{Code::ClientSlow, "the body stalled"};
    }
    void stop(Failure) noexcept override { ADD_FAILURE() << "it has ended by itself"; }
  };
  Request request = upload({});
  request.body = std::make_unique<Broken>();
  EXPECT_EQ(serve(std::move(request)).head.status, 408);
  EXPECT_EQ(upstream.asked, 0);
}

TEST_F(BodyRedactions, AConversationGoesOn) {
  std::string in = "[";
  std::string expected = "[";
  for (int turn = 0; turn < 3; ++turn) {
    in += std::string(turn ? "," : "") + "{\"text\":\"" + kSecret + "\"}";
    expected += std::string(turn ? "," : "") + "{\"text\":\"" + kMark + "\"}";
    upstream.got.clear();
    EXPECT_EQ(serve(upload({in + "]"})).head.status, 200);
    EXPECT_EQ(upstream.got, expected + "]");
  }
}

}  // namespace
}  // namespace bottle
