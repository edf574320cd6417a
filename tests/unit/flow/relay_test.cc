// The route relay, and the ways of WebSockets: who is asked, and what the log says.
#include "proxy/contract/problem_codes.h"
#include "proxy/flow/proxy_handler.h"
#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;
using nlohmann::json;

class Relays : public FlowBench {
 protected:
  Relays() { routes({"a.test=relay"}); }

  void routes(std::vector<std::string> list, bool scans_heads = false) {
    PolicySpec spec;
    spec.allow = {"a.test"};
    spec.routes = std::move(list);
    auto made = Policy::make(std::move(spec));
    ASSERT_TRUE(made);
    policy->take(std::make_shared<const Policy>(std::move(*made)));
    handler = std::make_unique<ProxyHandler>(
        ProxyHandler::Services{*policy, upstream, UpstreamKind::Pipelock, guard, *audit, host_watch,
                               "t-", websockets, &origins, scans_heads});
  }
  Request upload(std::string text) {
    Request made;
    made.head = head_of("/up", "POST");
    made.head.has_body = true;
    made.body = std::make_unique<PiecesSource>(std::vector<Bytes>{std::move(text)}, notes);
    return made;
  }
  Request websocket(std::string target = "/ws") {
    Request made;
    made.head = head_of(std::move(target));
    made.head.protocol = "websocket";
    made.head.has_body = true;
    made.head.fields.add("Sec-WebSocket-Version", "13");
    made.head.fields.add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    made.body = std::make_unique<PiecesSource>(std::vector<Bytes>{""}, notes);
    return made;
  }

  FakeUpstream origins;
  PiecesSource::Notes notes;
};

TEST_F(Relays, GoPastTheScanner) {
  Response response = serve(upload("hello"));
  EXPECT_EQ(response.head.status, 200);
  EXPECT_EQ(upstream.asked, 0) << "pipelock";
  EXPECT_EQ(origins.asked, 1);
  EXPECT_EQ(origins.got, "hello");
  const json line = this->line();
  EXPECT_EQ(line["route"], "relay");
  EXPECT_EQ(line["verdict"], "allowed");
}

TEST_F(Relays, AreReadByTheGuard) {
  Response response = serve(upload(std::string("x ") + kSecret));
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "secret_in_body");
  EXPECT_EQ(origins.got, "");
  EXPECT_EQ(line()["by"], "guard");
}

TEST_F(Relays, AFailureIsTheOrigins) {
  origins.failure = Failure{Code::ConnectFailed, "refused", problem_code::kConnectionRefused};
  Response response = serve(upload("hello"));
  EXPECT_EQ(response.head.status, 502);
  EXPECT_EQ(line()["by"], "origin");
}

TEST_F(Relays, APathHasTheRouteAndTheOthersAreScanned) {
  routes({"a.test/up=relay"});
  static_cast<void>(serve(upload("x")));
  EXPECT_EQ(origins.asked, 1);
  Request other;
  other.head = head_of("/other");
  static_cast<void>(serve(std::move(other)));
  EXPECT_EQ(upstream.asked, 1);
  EXPECT_EQ(origins.asked, 1);
  Request hidden;
  hidden.head = head_of("/up/../other");
  const Response refused = serve(std::move(hidden));
  EXPECT_EQ(refused.head.fields.find("x-bottle-deny"), "path_ambiguous");
  EXPECT_EQ(origins.asked, 1);
}

TEST_F(Relays, AWebSocketHasNoWayThroughAPipelockAlone) {
  routes({});
  Response response = serve(websocket());
  EXPECT_EQ(response.head.status, 426);
  EXPECT_EQ(upstream.asked + origins.asked, 0);
  EXPECT_NE(text_of(response).find("route relay"), std::string::npos);
  EXPECT_FALSE(handler->may_open_websocket(Route::Scan));
  EXPECT_TRUE(handler->may_open_websocket(Route::Relay));
}

TEST_F(Relays, PipelockIsAskedAboutTheHeadOfAWebSocket) {
  routes({}, true);
  origins.status = 403;  // the origin's own word
  Response response = serve(websocket("/ws?a=b"));
  EXPECT_EQ(upstream.asked, 1);
  EXPECT_EQ(upstream.head.protocol, "") << "an ordinary GET";
  EXPECT_EQ(upstream.head.target, "/ws?a=b");
  EXPECT_EQ(upstream.got, "");
  EXPECT_EQ(origins.asked, 1);
  EXPECT_EQ(origins.head.protocol, "websocket");
  EXPECT_NE(origins.head.fields.find("sec-websocket-key"), "dGhlIHNhbXBsZSBub25jZQ==")
      << "a key of our own";
  EXPECT_EQ(response.head.status, 403);
}

TEST_F(Relays, WhatPipelockRefusesOpensNoWebSocket) {
  routes({}, true);
  upstream.status = 403;
  upstream.refused_by_scanner = true;
  upstream.scanners_word = Failure{Code::UpstreamDenied, "no", problem_code::kScannerDenied};
  const Response response = serve(websocket());
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(origins.asked, 0);
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["by"], "pipelock");
}

TEST_F(Relays, ASecretInTheHandshakeIsTheGuards) {
  Request asks = websocket(std::string("/ws?t=") + kSecret);
  const Response response = serve(std::move(asks));
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(origins.asked, 0);
  EXPECT_EQ(line()["by"], "guard");
}

}  // namespace
}  // namespace bottle
