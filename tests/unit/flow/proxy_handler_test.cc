#include "proxy/flow/proxy_handler.h"

#include "tests/unit/flow/flow_bench.h"

namespace bottle {
namespace {

using namespace test;
using nlohmann::json;

class ProxyHandlers : public FlowBench {
 protected:
  static Request request(RequestHead head) {
    Request made;
    made.head = std::move(head);
    return made;
  }
  Request upload(std::vector<Bytes> pieces, PiecesSource::Notes& notes) {
    Request made;
    made.head = head_of("/up", "POST");
    made.head.has_body = true;
    made.body = std::make_unique<PiecesSource>(std::move(pieces), notes);
    return made;
  }
};

TEST_F(ProxyHandlers, LetsThroughWhatMayGo) {
  RequestHead head = head_of("/p?key=abc");
  head.fields.add("Accept", "*/*");
  Response response = serve(request(head));
  EXPECT_EQ(response.head.status, 200);
  EXPECT_TRUE(response.head.keep_alive) << "the upstream's connection is nothing to the client";
  EXPECT_EQ(upstream.asked, 1);
  EXPECT_EQ(upstream.head.target, "/p?key=abc");
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "allowed");
  EXPECT_EQ(line["path"], "/p?key=*");
  EXPECT_EQ(line["host"], "a.test");
  EXPECT_EQ(line["port"], 443);
  EXPECT_EQ(line["method"], "GET");
  EXPECT_EQ(line["route"], "scan");
  EXPECT_EQ(line["client_protocol"], "http/1.1");
  EXPECT_EQ(line["upstream_protocol"], "http/1.1");
  EXPECT_EQ(line["status"], 200);
  EXPECT_TRUE(line["reason"].is_null());
  EXPECT_TRUE(line["by"].is_null());
  EXPECT_TRUE(line["scanned"].empty()) << "there was no body";
}

TEST_F(ProxyHandlers, IdsAreNeverTheSame) {
  EXPECT_EQ(handler->next_id(), "t-1");
  EXPECT_EQ(handler->next_id(), "t-2");
}

TEST_F(ProxyHandlers, PolicyComesBeforeEverything) {
  PiecesSource::Notes notes;
  Response response = serve(upload({"x"}, notes), "evil.test");
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "host_not_allowed");
  EXPECT_EQ(upstream.asked, 0);
  EXPECT_EQ(notes.pieces_read, 0U);
  EXPECT_EQ(notes.stopped, Code::Denied);
  const json problem = json::parse(text_of(response));
  EXPECT_EQ(problem["code"], "host_not_allowed");
  EXPECT_EQ(problem["request_id"], "t-1");
  const json line = this->line();
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["by"], "policy");
  EXPECT_EQ(line["reason"], "host_not_allowed");
  EXPECT_EQ(line["route"], "deny");
  EXPECT_EQ(line["status"], 403);
  EXPECT_TRUE(line["upstream_protocol"].is_null());
}

TEST_F(ProxyHandlers, AHostThatIsLearnedIsMarked) {
  PolicySpec spec;
  spec.allow = {"a.test"};
  spec.learning = Learning::NamesAndAddresses;
  policy->take(std::make_shared<const Policy>(std::move(*Policy::make(std::move(spec)))));
  EXPECT_EQ(serve(request(head_of()), "new.test").head.status, 200);
  const json marked = line();
  EXPECT_EQ(marked["learned"], true);
  EXPECT_EQ(marked["route"], "scan");
  clear_log();
  EXPECT_EQ(serve(request(head_of())).head.status, 200);
  EXPECT_FALSE(line().contains("learned"));
  // Its name is seen by its name servers.
  clear_log();
  const std::string data = "k7qw2zxr9tlmb4vn8cypd3sf6hj1gt5ae0uwq8rz4k7";
  EXPECT_EQ(serve(request(head_of()), data + ".test").head.fields.find("x-bottle-deny"),
            "host_name_suspicious");
  std::string refused;
  for (int i = 0; i < 101 && refused.empty(); ++i) {
    Response response = serve(request(head_of()), "host" + std::to_string(i) + ".test");
    refused = response.head.fields.find("x-bottle-deny").value_or("");
  }
  EXPECT_EQ(refused, "too_many_names");
}

TEST_F(ProxyHandlers, RouteDenyIsARefusal) {
  Response response = serve(request(head_of()), "closed.test");
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "route_deny");
  EXPECT_EQ(line()["by"], "policy");
}

TEST_F(ProxyHandlers, SecretInTheUrlGoesNowhere) {
  for (const std::string& target :
       {std::string("/") + kSecret, std::string("/p?x=") + kSecret, std::string("/p?") + kSecret,
        std::string("/S3cr3t%2DValue-0123456789")}) {
    clear_log();
    Response response = serve(request(head_of(target)));
    EXPECT_EQ(response.head.status, 403) << target;
    EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "secret_in_url");
    const json line = this->line();
    EXPECT_EQ(line["path"], "[redacted]");
    EXPECT_EQ(line["by"], "guard");
    EXPECT_EQ(line["verdict"], "refused");
    EXPECT_EQ(line["reason"], "secret_in_url");
  }
  EXPECT_EQ(upstream.asked, 0);
}

TEST_F(ProxyHandlers, SecretInAFieldGoesNowhere) {
  RequestHead head = head_of();
  head.fields.add("X-Note", std::string("a ") + kSecret);
  Response response = serve(request(head));
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "secret_in_header");
  EXPECT_EQ(upstream.asked, 0);
  const json line = this->line();
  EXPECT_EQ(line["path"], "/p");
  EXPECT_EQ(line["by"], "guard");
}

TEST_F(ProxyHandlers, NameThatLooksLikeDataIsRefusedBelowAWildcard) {
  serve(request(head_of()), "a.wild.test");
  EXPECT_EQ(upstream.asked, 1);
  Response response =
      serve(request(head_of()), "ge3tqnzxha4tsobzgi2dmmrtgu2tknjvgq2timrxha.wild.test");
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "host_name_suspicious");
  EXPECT_EQ(upstream.asked, 1);
  const json line = json::parse(lines().back());
  EXPECT_EQ(line["by"], "guard");
  EXPECT_EQ(line["findings"][0]["kind"], "host_name");
  EXPECT_EQ(line["findings"][0]["action"], "refused");
}

TEST_F(ProxyHandlers, ManyNewNamesBelowAWildcardAreRefused) {
  for (std::size_t n = 0; n < HostWatch::kMaxNewNames; ++n) {
    serve(request(head_of()), "n" + std::to_string(n) + ".wild.test");
  }
  Response response = serve(request(head_of()), "one-more.wild.test");
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "too_many_names");
  EXPECT_EQ(serve(request(head_of()), "n3.wild.test").head.status, 200);
}

TEST_F(ProxyHandlers, SecretInTheHostsNameIsInNoLine) {
  // In the target too: a scan that ends with its first hit has not looked at it.
  Response response =
      serve(request(head_of(std::string("/") + kSecret)), "s3cr3t-value-0123456789.a.test");
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "secret_in_host");
  const json line = this->line();
  EXPECT_EQ(line["host"], "[redacted]");
  EXPECT_EQ(line["path"], "[redacted]");
  EXPECT_EQ(upstream.asked, 0);
}

TEST_F(ProxyHandlers, WhatPolicyRefusesLeavesNoSecretInTheLog) {
  serve(request(head_of(std::string("/") + kSecret)), "s3cr3t-value-0123456789.evil.test");
  const json line = this->line();
  EXPECT_EQ(line["reason"], "host_not_allowed");
  EXPECT_EQ(line["host"], "[redacted]");
  EXPECT_EQ(line["path"], "[redacted]");
  EXPECT_TRUE(line["detail"].is_null()) << "it names the host";
}

TEST_F(ProxyHandlers, WhatNeverWasARequestLeavesNoSecretInTheLog) {
  auto made = exchange(head_of(std::string("/p/") + kSecret, kSecret));
  Response response =
      handler->refuse(Failure{Code::Misdirected, std::string("not ") + kSecret}, *made);
  EXPECT_EQ(response.head.status, 421);
  made->trace.status = response.head.status;
  handler->finished(*made);
  const json line = this->line();
  EXPECT_EQ(line["path"], "[redacted]");
  EXPECT_TRUE(line["method"].is_null());
  EXPECT_TRUE(line["detail"].is_null());
  EXPECT_EQ(line["by"], "proxy");
  EXPECT_EQ(line["verdict"], "refused");
}

// A session that ran out of memory says so without asking the handler for an answer.
TEST_F(ProxyHandlers, WhatWasNeitherHandledNorRefusedHasALine) {
  auto made = exchange(head_of());
  made->trace.failure = Failure{Code::Internal, "out of memory"};
  handler->finished(*made);
  const json line = this->line();
  EXPECT_EQ(line["path"], "/p");
  EXPECT_EQ(line["verdict"], "failed");
  EXPECT_EQ(line["by"], "proxy");
  EXPECT_TRUE(line["route"].is_null());
}

TEST_F(ProxyHandlers, SecretInTheBodyStopsIt) {
  PiecesSource::Notes notes;
  const std::string secret = kSecret;
  Response response =
      serve(upload({"first ", secret.substr(0, 10), secret.substr(10) + " after", "last"}, notes));
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(response.head.fields.find("x-bottle-deny"), "secret_in_body");
  EXPECT_EQ(upstream.got.find(secret.substr(10)), Bytes::npos);
  EXPECT_EQ(upstream.got, "first " + secret.substr(0, 10)) << "the piece with the hit stays here";
  EXPECT_EQ(notes.pieces_read, 3U);
  EXPECT_EQ(notes.stopped, Code::Denied);
  const json line = this->line();
  EXPECT_EQ(line["by"], "guard");
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["scanned"], json({"request_body"}));
}

TEST_F(ProxyHandlers, UnknownCodingOfABodyIsRefused) {
  PiecesSource::Notes notes;
  Request made = upload({"x"}, notes);
  made.head.fields.add("Content-Encoding", "compress");
  Response response = serve(std::move(made));
  EXPECT_EQ(response.head.status, 501) << "nobody can look into it";
  EXPECT_EQ(upstream.asked, 0);
  EXPECT_TRUE(notes.stopped);
}

TEST_F(ProxyHandlers, WithoutAuditNothingGoes) {
  open_audit("/dev/full");
  serve(request(head_of()));  // its line is lost
  EXPECT_EQ(upstream.asked, 1);
  PiecesSource::Notes notes;
  Response response = serve(upload({"x"}, notes));
  EXPECT_EQ(response.head.status, 503);
  EXPECT_EQ(upstream.asked, 1);
  EXPECT_EQ(notes.stopped, Code::Overloaded);
  EXPECT_EQ(json::parse(text_of(response))["code"], "audit_unwritable");
}

TEST_F(ProxyHandlers, RefusalOfHeadHasNoBody) {
  Response response = serve(request(head_of("/", "HEAD")), "evil.test");
  EXPECT_EQ(response.head.status, 403);
  EXPECT_EQ(response.body, nullptr);
  EXPECT_FALSE(response.head.has_body);
}

TEST_F(ProxyHandlers, NobodyIsAnsweredWhenNobodyIsThere) {
  for (const Code code : {Code::ClientGone, Code::Cancelled}) {
    clear_log();
    upstream.failure = Failure{code, "gone"};
    Response response = serve(request(head_of()));
    EXPECT_EQ(response.head.status, 0);
    EXPECT_EQ(response.body, nullptr);
    const json line = this->line();
    EXPECT_EQ(line["by"], "client");
    EXPECT_EQ(line["verdict"], "failed");
    EXPECT_EQ(line["status"], 0);
  }
}

struct Blamed {
  Code code;
  const char* direct;
  const char* behind_pipelock;
  const char* verdict;
};
constexpr Blamed kBlamed[] = {
    {Code::ClientBad, "proxy", "proxy", "failed"},
    {Code::NotSupported, "proxy", "proxy", "failed"},
    {Code::UpgradeRefused, "proxy", "proxy", "failed"},
    {Code::ExpectationFailed, "proxy", "proxy", "failed"},
    {Code::HeadTooLarge, "proxy", "proxy", "failed"},
    {Code::BodyTooLarge, "proxy", "proxy", "failed"},
    {Code::ClientSlow, "proxy", "proxy", "failed"},
    {Code::ClientGone, "client", "client", "failed"},
    {Code::ClientFlood, "proxy", "proxy", "failed"},
    {Code::Denied, "guard", "guard", "refused"},
    {Code::ProxyAuth, "proxy", "proxy", "refused"},
    {Code::Misdirected, "proxy", "proxy", "refused"},
    {Code::DnsFailed, "origin", "pipelock", "failed"},
    {Code::ConnectFailed, "origin", "pipelock", "failed"},
    {Code::UpstreamTlsFailed, "origin", "pipelock", "failed"},
    {Code::ScannerUnavailable, "pipelock", "pipelock", "failed"},
    {Code::UpstreamTimeout, "origin", "pipelock", "failed"},
    {Code::UpstreamBroken, "origin", "pipelock", "failed"},
    {Code::UpstreamTruncated, "origin", "pipelock", "failed"},
    {Code::UpstreamDenied, "pipelock", "pipelock", "refused"},
    {Code::Overloaded, "proxy", "proxy", "failed"},
    {Code::ShuttingDown, "proxy", "proxy", "failed"},
    {Code::Cancelled, "client", "client", "failed"},
    {Code::Internal, "proxy", "proxy", "failed"},
};

TEST_F(ProxyHandlers, EveryFailureHasItsMakerAndVerdict) {
  EXPECT_EQ(std::size(kBlamed), all_failure_traits().size());
  for (const Blamed& row : kBlamed) {
    for (const UpstreamKind kind : {UpstreamKind::Direct, UpstreamKind::Pipelock}) {
      clear_log();
      remake(kind);
      upstream.failure = Failure{row.code, "why"};
      Response response = serve(request(head_of()));
      EXPECT_EQ(response.head.status, traits(row.code).status);
      const json line = this->line();
      EXPECT_EQ(line["by"], kind == UpstreamKind::Direct ? row.direct : row.behind_pipelock)
          << traits(row.code).word;
      EXPECT_EQ(line["verdict"], row.verdict) << traits(row.code).word;
      EXPECT_EQ(line["reason"], traits(row.code).word);
      EXPECT_EQ(line["detail"], "why");
    }
  }
}

// Clients without access would otherwise turn the log over.
TEST_F(ProxyHandlers, LinesAboutStrangersAreBounded) {
  const auto refuse_some = [this](bool anonymous, int times) {
    for (int i = 0; i < times; ++i) {
      Exchange exchange(io.get_executor(), wheel, handler->next_id(), Destination{}, Scheme::Http,
                        Version::Http11, nullptr);
      exchange.trace.anonymous = anonymous;
      const Response response = handler->refuse(Failure{Code::ProxyAuth, "who?"}, exchange);
      EXPECT_EQ(response.head.status, 407);
      handler->finished(exchange);
    }
  };
  constexpr int kStrangers = 500;
  refuse_some(true, kStrangers);
  EXPECT_LE(lines().size(), static_cast<std::size_t>(kLinesBeforeFolding) + 2);
  refuse_some(false, 3);
  EXPECT_LE(lines().size(), static_cast<std::size_t>(kLinesBeforeFolding) + 5);
  EXPECT_TRUE(audit->close());
  std::uint64_t told = 0;
  for (const std::string& line : lines()) {
    const json entry = json::parse(line);
    if (entry.value("kind", "") == to_string(AuditKind::LogEnd)) continue;
    told += entry.value("count", std::uint64_t{1});
  }
  EXPECT_EQ(told, kStrangers + 3u) << "each is told of";
}

TEST_F(ProxyHandlers, AddressThatANameLedToIsPolicys) {
  upstream.failure = Failure{Code::Denied, "a.test leads to 10.0.0.1", "address_not_allowed"};
  upstream.failure->by = DecidedBy::Policy;
  serve(request(head_of()));
  EXPECT_EQ(line()["by"], "policy");
}

// The status is the origin's own, even if a refusal of ours would have the same one.
TEST_F(ProxyHandlers, AnswerThatBreaksIsCut) {
  for (const int status : {200, 403, 502, 504}) {
    for (const Code code : {Code::UpstreamTruncated, Code::UpstreamTimeout, Code::Denied}) {
      clear_log();
      upstream.failure.reset();
      upstream.status = status;
      auto made = exchange(head_of());
      Response response = handle(request(head_of()), *made);
      made->trace.status = response.head.status;
      made->trace.failure = Failure{code, "broken"};
      handler->finished(*made);
      const json line = this->line();
      EXPECT_EQ(line["verdict"], "cut") << status;
      EXPECT_EQ(line["by"], code == Code::Denied ? "guard" : "origin");
    }
  }
}

TEST_F(ProxyHandlers, ClientThatLeavesInTheAnswerIsCut) {
  auto made = exchange(head_of());
  Response response = handle(request(head_of()), *made);
  made->trace.status = response.head.status;
  made->trace.failure = Failure{Code::ClientGone, "left"};
  made->trace.by = DecidedBy::Client;
  handler->finished(*made);
  EXPECT_EQ(line()["verdict"], "cut");
  EXPECT_EQ(line()["by"], "client");
}

TEST_F(ProxyHandlers, UrlThatTheScannerTookForASecretIsInNoLine) {
  remake(UpstreamKind::Pipelock);
  upstream.failure = Failure{Code::UpstreamDenied, "blocked", "secret_in_url"};
  upstream.target_has_secret = true;
  serve(request(head_of("/known-to-the-scanner-alone")));
  EXPECT_EQ(line()["path"], "[redacted]");
}

TEST_F(ProxyHandlers, RefusedConnectionHasALine) {
  Destination destination;
  destination.host = "evil.test";
  destination.port = 8443;
  handler->refused_connection(destination, Failure{Code::Denied, "no", "port_not_allowed"},
                              DecidedBy::Policy);
  const json line = this->line();
  EXPECT_EQ(line["kind"], "refused_connection");
  EXPECT_EQ(line["verdict"], "refused");
  EXPECT_EQ(line["host"], "evil.test");
  EXPECT_EQ(line["port"], 8443);
  EXPECT_EQ(line["reason"], "port_not_allowed");
  EXPECT_EQ(line["by"], "policy");
}

TEST_F(ProxyHandlers, ClientThatLeavesInTheHandshakeDidSoItself) {
  Destination destination;
  destination.host = "a.test";
  destination.port = 443;
  handler->refused_connection(destination, Failure{Code::ClientGone, "left"});
  EXPECT_EQ(line()["by"], "client");
  EXPECT_EQ(line()["verdict"], "failed");
  clear_log();
  handler->refused_connection(destination, Failure{Code::ClientBad, "refused", "tls_alert"});
  EXPECT_EQ(line()["by"], "proxy");
}

TEST_F(ProxyHandlers, RefusedConnectionLeavesNoSecretInTheLog) {
  Destination destination;
  destination.host = "s3cr3t-value-0123456789.evil.test";
  destination.port = 443;
  handler->refused_connection(destination,
                              Failure{Code::Denied, "host " + destination.host + " is not allowed"},
                              DecidedBy::Policy);
  const json line = this->line();
  EXPECT_EQ(line["host"], "[redacted]");
  EXPECT_TRUE(line["detail"].is_null());
}

}  // namespace
}  // namespace bottle
