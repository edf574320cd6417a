#include "proxy/http/framing_rules.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

using test::judge;
using test::show;

const Destination kHost{"h", 443, HostKind::Name};
const std::string kBad = "400 client_bad";

std::string get(const std::string& lines, const std::string& target = "/") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}

// The fields of `lines` that check_request leaves, or the failure.
std::string kept(const std::string& lines) {
  const std::string out = judge(get(lines), kHost);
  return out.starts_with("ok GET / ") ? out.substr(9) : out == "ok GET /" ? "" : out;
}

std::string target(const std::string& wanted, const std::string& method = "GET") {
  const std::string out =
      judge(method + " " + wanted + " HTTP/1.1\r\nHost: h\r\n\r\n", kHost, Scheme::Https);
  return out.starts_with("ok " + method + " ") ? out.substr(4 + method.size()) : out;
}

// ---- methods ----

// [T02, T06]
TEST(FramingRules, OnlyListedMethodsPass) {
  const auto method = [](const std::string& name, const RequestRules& rules = {}) {
    return judge(name + " / HTTP/1.1\r\nHost: h\r\n\r\n", kHost, Scheme::Https, rules);
  };
  for (const char* name : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    EXPECT_EQ(method(name), "ok " + std::string(name) + " /");
  }
  for (const char* name : {"TRACE", "TRACK", "CONNECT", "get", "Get", "PROPFIND", "LINK",
                           "c2VjcmV0", "QUERY", "GETS"}) {
    EXPECT_EQ(method(name), "501 not_supported") << name;
  }
  EXPECT_EQ(method("PRI"), kBad);  // llhttp takes it for HTTP/2's preface
  RequestRules rules;
  OriginRule& extra = rules.origins.rules.emplace_back(*parse_methods("*=PROPFIND"));
  extra.methods = {"PROPFIND", "REPORT", "TRACE", "CONNECT", "PRI", "TRACK"};
  EXPECT_EQ(method("PROPFIND", rules), "ok PROPFIND /");
  EXPECT_EQ(method("REPORT", rules), "ok REPORT /");
  EXPECT_EQ(method("propfind", rules), "501 not_supported");
  EXPECT_EQ(method("TRACE", rules), "501 not_supported");
  EXPECT_EQ(method("CONNECT", rules), "501 not_supported");
  EXPECT_EQ(method("TRACK", rules), "501 not_supported");
}

// [T06]
TEST(FramingRules, MethodsOfOneHostPassToItAlone) {
  RequestRules rules;
  rules.origins.rules.push_back(*parse_methods("h=PROPFIND,REPORT"));
  const auto method = [&rules](const std::string& name, const Destination& to) {
    return judge(name + " / HTTP/1.1\r\nHost: " + to.host + "\r\n\r\n", to, Scheme::Https, rules);
  };
  const Destination other{"other", 443, HostKind::Name};
  EXPECT_EQ(method("PROPFIND", kHost), "ok PROPFIND /");
  EXPECT_EQ(method("REPORT", kHost), "ok REPORT /");
  EXPECT_EQ(method("MKCOL", kHost), "501 not_supported");
  EXPECT_EQ(method("PROPFIND", other), "501 not_supported");
  // A rule that was not made by its parser changes nothing about these.
  rules.origins.rules.front().methods = {"TRACE", "CONNECT"};
  EXPECT_EQ(method("TRACE", kHost), "501 not_supported");
  EXPECT_EQ(method("CONNECT", kHost), "501 not_supported");
}

// ---- field names and values ----

// [T07, T35]
TEST(FramingRules, OtherNamesThanPlainOnesAreRefused) {
  EXPECT_EQ(kept("X-Foo-1: a\r\n"), "[X-Foo-1: a]");
  for (const char* name : {"a_b", "a.b", "a!b", "a~b", "a|b", "x_pipelock_agent", "a'b", "#"}) {
    EXPECT_EQ(kept(std::string(name) + ": v\r\n"), kBad) << name;
  }
  RequestRules rules;
  rules.extra_names = {"x_trace", "a.b"};
  EXPECT_EQ(judge(get("X_Trace: 1\r\nA.B: 2\r\n"), kHost, Scheme::Https, rules),
            "ok GET / [X_Trace: 1] [A.B: 2]");
  EXPECT_EQ(judge(get("x_other: 1\r\n"), kHost, Scheme::Https, rules), kBad);
}

TEST(FramingRules, ValuesAreTrimmedAndKeptByteForByte) {
  EXPECT_EQ(kept("A: \t b  c\t \r\nB:\r\nC: \xc3\xa9\r\n"), "[A: b  c] [B: ] [C: \xc3\xa9]");
}

// [T35]
TEST(FramingRules, SingletonsMustNotRepeat) {
  for (const char* name : {"Content-Type", "Authorization", "Content-Encoding", "User-Agent",
                           "Range", "If-Range", "Referer", "Origin", "X-Api-Key"}) {
    const std::string n = name;
    EXPECT_EQ(kept(n + ": a\r\n"), "[" + n + ": a]");
    EXPECT_EQ(kept(n + ": a\r\nX: y\r\n" + to_lower(n) + ": a\r\n"), kBad) << name;
  }
  EXPECT_EQ(kept("Accept: a\r\nAccept: b\r\n"), "[Accept: a] [Accept: b]");
}

// ---- hop-by-hop and control fields ----

TEST(FramingRules, HopByHopFieldsEndHere) {
  EXPECT_EQ(
      kept("Connection: close, X-A\r\nX-A: 1\r\nx-a: 2\r\nX-B: 3\r\nKeep-Alive: 1\r\n"
           "TE: trailers\r\nTrailer: X\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"
           "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic x\r\nProxy-Foo: 1\r\n"),
      "[X-B: 3] [Trailer: X]");
  EXPECT_EQ(kept("Connection: X-B, TE, Upgrade\r\nX-B: 3\r\n"), "");
  std::string list = "Connection: a";
  for (int i = 0; i < 31; ++i) list += ",b";
  EXPECT_EQ(kept(list + "\r\n"), "");
  EXPECT_EQ(kept(list + ",c\r\n"), kBad);
}

// Such a field would tell here how to read the request, and then not go on with it.
TEST(FramingRules, ConnectionHidesNoFieldThatIsReadHere) {
  for (const char* name :
       {"content-encoding", "Content-Encoding", "CONTENT-TYPE", "content-length", "host",
        "transfer-encoding", "expect", "authorization", "x-api-key", "range", "user-agent"}) {
    const std::string n = name;
    EXPECT_EQ(kept("Connection: " + n + "\r\n"), kBad) << name << ", absent";
    EXPECT_EQ(kept("Connection: close , " + n + "\r\n"), kBad) << name;
    EXPECT_EQ(kept("Connection: close\r\nConnection: x-a, " + n + " ,x-b\r\n"), kBad) << name;
  }
  EXPECT_EQ(kept("Connection: content-encoding\r\nContent-Encoding: gzip\r\n"), kBad);
  EXPECT_EQ(kept("Connection: x-content-encoding, close\r\nA: b\r\n"), "[A: b]");
}

// "tunnel", "plain", or the reason of the refusal.
std::string asks_for(std::string_view method, std::vector<std::pair<std::string, std::string>> more,
                     WebSocketHeads websockets = WebSocketHeads::Tunnel) {
  RequestHead head;
  head.method = method;
  head.target = "/";
  head.fields.add("Host", "h");
  for (const auto& [name, value] : more) head.fields.add(name, value);
  const auto destination = parse_host("h", 443);
  RequestRules rules;
  rules.websockets = websockets;
  const auto checked = check_request(head, {*destination, Scheme::Https, rules});
  if (!checked) return std::string(checked.error().reason);
  EXPECT_FALSE(head.fields.has("upgrade"));
  EXPECT_FALSE(head.fields.has("connection"));
  if (head.protocol.empty()) return "plain";
  EXPECT_EQ(head.protocol, "websocket");
  EXPECT_TRUE(head.has_body);
  return "tunnel";
}

TEST(FramingRules, ARequestForAWebSocketIsOneForATunnel) {
  const auto get = [](const std::string& connection, const std::string& upgrade) {
    return asks_for("GET", {{"Connection", connection}, {"Upgrade", upgrade}});
  };
  EXPECT_EQ(get("Upgrade", "websocket"), "tunnel");
  EXPECT_EQ(get("keep-alive, upgrade", "WebSocket"), "tunnel");
  EXPECT_EQ(get("Upgrade", "h2c"), "plain");
  EXPECT_EQ(get("Upgrade", "websocket2"), "plain");
  EXPECT_EQ(get("Upgrade", "h2c, websocket"), "bad_upgrade");
  EXPECT_EQ(get("close", "websocket"), "bad_upgrade");
  EXPECT_EQ(asks_for("POST", {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}), "bad_upgrade");
  EXPECT_EQ(
      asks_for("GET",
               {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Content-Length", "3"}}),
      "bad_upgrade");
  EXPECT_EQ(asks_for("GET", {{"Connection", "Upgrade"},
                             {"Upgrade", "websocket"},
                             {"Transfer-Encoding", "chunked"}}),
            "bad_upgrade");
  EXPECT_EQ(
      asks_for("GET",
               {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Content-Length", "0"}}),
      "tunnel");
  EXPECT_EQ(
      asks_for("GET", {{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}, WebSocketHeads::Plain),
      "plain");
}

TEST(FramingRules, AnExtendedConnectIsARequestForATunnel) {
  struct Row {
    std::string method, protocol;
    bool body;
    std::string outcome;
  };
  for (const Row& row :
       {Row{"CONNECT", "websocket", true, "GET"}, Row{"CONNECT", "websocket", false, "bad_upgrade"},
        Row{"CONNECT", "connect-udp", true, "bad_upgrade"},
        Row{"GET", "websocket", true, "bad_upgrade"}, Row{"CONNECT", "", true, "bad_method"}}) {
    RequestHead head;
    head.version = Version::Http2;
    head.method = row.method;
    head.protocol = row.protocol;
    head.authority = "h";
    head.target = "/";
    head.has_body = row.body;
    const auto destination = parse_host("h", 443);
    const RequestRules rules;
    const auto checked = check_request(head, {*destination, Scheme::Https, rules});
    EXPECT_EQ(checked ? head.method : std::string(checked.error().reason), row.outcome)
        << row.method << " " << row.protocol;
  }
}

TEST(FramingRules, OnlyTheHeadThatOpensTheTunnelIsASwitch) {
  struct Row {
    Version version;
    int status;
    std::string connection, upgrade, protocol;
    int outcome;  // 0: refused
  };
  for (const Row& row : {Row{Version::Http11, 101, "Upgrade", "websocket", "websocket", 101},
                         Row{Version::Http11, 101, "Upgrade", "WebSocket", "websocket", 101},
                         Row{Version::Http11, 101, "Upgrade", "h2c", "websocket", 0},
                         Row{Version::Http11, 101, "close", "websocket", "websocket", 0},
                         Row{Version::Http11, 101, "Upgrade", "websocket", "", 0},
                         Row{Version::Http11, 200, "Upgrade", "websocket", "websocket", 200},
                         Row{Version::Http2, 200, "", "", "websocket", 101},
                         Row{Version::Http2, 204, "", "", "websocket", 101},
                         Row{Version::Http2, 403, "", "", "websocket", 403},
                         Row{Version::Http2, 200, "", "", "", 200},
                         Row{Version::Http2, 101, "", "", "websocket", 0}}) {
    ResponseHead head;
    head.version = row.version;
    head.status = row.status;
    head.has_body = true;
    if (!row.connection.empty()) head.fields.add("Connection", row.connection);
    if (!row.upgrade.empty()) head.fields.add("Upgrade", row.upgrade);
    const auto checked =
        check_response(head, "GET", ControlFields::Drop, HeadLimits::for_responses(), row.protocol);
    EXPECT_EQ(checked ? head.status : 0, row.outcome) << row.status << " " << row.upgrade;
  }
}

// RFC 9110 section 10.1.4: of one connection, but the next one is told too.
TEST(FramingRules, TrailersThatTheClientTakesAreRemembered) {
  const auto takes = [](Version version, std::vector<std::string> values) {
    RequestHead head;
    head.version = version;
    head.method = "GET";
    head.target = "/";
    head.authority = "h";
    head.fields.add("Host", "h");
    head.takes_trailers = true;  // of no peer's
    for (const std::string& value : values) head.fields.add("TE", value);
    const auto destination = parse_host("h", 443);
    const RequestRules rules;
    EXPECT_TRUE(check_request(head, {*destination, Scheme::Https, rules}));
    EXPECT_FALSE(head.fields.has("te"));
    return head.takes_trailers;
  };
  for (const Version version : {Version::Http11, Version::Http2}) {
    EXPECT_FALSE(takes(version, {}));
    EXPECT_TRUE(takes(version, {"trailers"}));
    EXPECT_TRUE(takes(version, {" Trailers "}));
  }
  EXPECT_TRUE(takes(Version::Http11, {"gzip;q=0.5, trailers"}));
  EXPECT_TRUE(takes(Version::Http11, {"gzip", "trailers"}));
  EXPECT_FALSE(takes(Version::Http10, {"trailers"}));
  EXPECT_FALSE(takes(Version::Http11, {"gzip", "trailers2"}));
}

TEST(FramingRules, FieldsThatSayWhoAsksAreFieldsLikeAllOthers) {
  for (const char* name : {"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
                           "X-Forwarded-Port", "X-Forwarded", "Forwarded", "Via", "X-Real-IP"}) {
    const std::string n = name;
    EXPECT_EQ(kept(n + ": a\r\nA: b\r\n" + n + ": c\r\n"), "[" + n + ": a] [A: b] [" + n + ": c]");
    EXPECT_EQ(kept("Connection: " + n + "\r\n" + n + ": a\r\nA: b\r\n"), "[A: b]") << name;
  }
}

// Only the proxy speaks to the scanner.
// [T08]
TEST(FramingRules, ControlFieldsAreTheProxysAlone) {
  for (const char* name : {"X-Pipelock-Agent", "x-pipelock-agent", "X-PIPELOCK-AGENT", "X-Pipelock",
                           "X-PipelockAgent", "Pipelock-Mediation", "pipelock-x", "PIPELOCK",
                           "X-Bottle-Exchange", "x-bottle-deny", "X-Bottle"}) {
    const std::string n = name;
    EXPECT_EQ(kept(n + ": evil\r\n"), "") << name;
    EXPECT_EQ(kept(n + ": a\r\nA: b\r\n" + n + ": c\r\n"), "[A: b]") << name;
    EXPECT_EQ(kept("Connection: " + n + "\r\nA: b\r\n"), "[A: b]") << name;
  }
}

TEST(FramingRules, APeerThatMayWriteControlFieldsKeepsThem) {
  RequestRules rules;
  rules.control_fields = ControlFields::Keep;
  EXPECT_EQ(judge(get("X-Bottle-Exchange: 1.a\r\nX-Pipelock-Agent: n\r\nX-Forwarded-For: ::1\r\n"
                      "Via: x\r\nProxy-Foo: 1\r\nA: b\r\n"),
                  kHost, Scheme::Https, rules),
            "ok GET / [X-Bottle-Exchange: 1.a] [X-Pipelock-Agent: n] [X-Forwarded-For: ::1] "
            "[Via: x] [A: b]");
  EXPECT_EQ(judge(get("Connection: X-Bottle-Exchange\r\nX-Bottle-Exchange: 1.a\r\n"), kHost,
                  Scheme::Https, rules),
            "ok GET /");
}

// [T08]
TEST(FramingRules, SignatureMembersOfTheScannerAreTakenOff) {
  EXPECT_EQ(kept("Signature: sig1=:abc=:, pipelock1=:x:\r\n"), "[Signature: sig1=:abc=:]");
  EXPECT_EQ(kept("Signature: pipelock=:x:\r\n"), "");
  EXPECT_EQ(kept("Signature: PipeLock-a=:x: , sig1=:y:\r\n"), "[Signature: sig1=:y:]");
  EXPECT_EQ(kept("Signature-Input: sig1=(\"@method\" \"a,pipelock\");created=1, "
                 "pipelock1=(\"x\");tag=\"a, b\"\r\n"),
            "[Signature-Input: sig1=(\"@method\" \"a,pipelock\");created=1]");
  EXPECT_EQ(kept("Signature-Input: a=\"\\\", pipelock=\", pipelock2=1\r\n"),
            "[Signature-Input: a=\"\\\", pipelock=\"]");
  EXPECT_EQ(kept("Signature: a\r\nSignature: pipelock=b\r\n"), "[Signature: a]");
}

// ---- Host, authority, target ----

// [T27]
TEST(FramingRules, ThereIsOneHostAndItIsCanonical) {
  const auto host = [](const std::string& lines) {
    return judge("GET / HTTP/1.1\r\n" + lines + "\r\n", kHost);
  };
  EXPECT_EQ(host("Host: h\r\n"), "ok GET /");
  EXPECT_EQ(host("Host: H:443\r\n"), "ok GET /");
  EXPECT_EQ(host("Host: h.\r\n"), "ok GET /");
  EXPECT_EQ(host(""), kBad);
  EXPECT_EQ(host("Host:\r\n"), kBad);
  EXPECT_EQ(host("Host: h\r\nHost: h\r\n"), kBad);
  EXPECT_EQ(host("Host: h\r\nhost: other\r\n"), kBad);
  for (const char* value : {"h, h", "u@h", "h h", "h:", "h:0", "h:443x", "h:+443", "h/", "h?", "h#",
                            "\xc3\xa9", "xn--", "-a", "h:65979", "[::1", "h,other"}) {
    EXPECT_EQ(host("Host: " + std::string(value) + "\r\n"), kBad) << value;
  }
  // HTTP/1.0 may leave it out: CONNECT named the host.
  EXPECT_EQ(judge("GET / HTTP/1.0\r\n\r\n", kHost), "ok GET /");
}

// Host or :authority against the connection's destination.
// [T09]
TEST(FramingRules, AnotherHostIsMisdirected) {
  const std::string misdirected = "421 misdirected";
  const auto host = [](const std::string& value, const std::string& target = "/") {
    return judge("GET " + target + " HTTP/1.1\r\nHost: " + value + "\r\n\r\n", kHost);
  };
  EXPECT_EQ(host("other"), misdirected);
  EXPECT_EQ(host("h:8443"), misdirected);
  EXPECT_EQ(host("h:80"), misdirected);
  EXPECT_EQ(host("127.0.0.1"), misdirected);
  // absolute-form: the URL wins, and Host has to say the same
  EXPECT_EQ(host("h", "https://h/a"), "ok GET /a");
  EXPECT_EQ(host("h:443", "HTTPS://H:443/a"), "ok GET /a");
  EXPECT_EQ(host("h", "https://h"), "ok GET /");
  EXPECT_EQ(host("h", "https://h?q"), "ok GET /?q");
  EXPECT_EQ(host("other", "https://h/a"), kBad);
  EXPECT_EQ(host("h", "https://other/a"), kBad);
  EXPECT_EQ(host("other", "https://other/a"), misdirected);
  EXPECT_EQ(host("h", "http://h/a"), kBad);
  EXPECT_EQ(host("h", "http://h:443/a"), kBad);
  EXPECT_EQ(host("h", "https://u@h/a"), kBad);
  EXPECT_EQ(host("h", "https://h:65616/"), kBad);
  EXPECT_EQ(host("h", "https:///x"), kBad);
}

TEST(FramingRules, PlainHttpOnTheListener) {
  const Destination plain{"h", 80, HostKind::Name};
  const auto listener = [&plain](const std::string& in) {
    return judge(in, plain, Scheme::Http, {}, H1RequestParser::Arrival::Listener);
  };
  EXPECT_EQ(listener("GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n"), "ok GET /a");
  EXPECT_EQ(listener("GET http://h/a HTTP/1.1\r\nHost: h:80\r\n\r\n"), "ok GET /a");
  EXPECT_EQ(listener("GET https://h/a HTTP/1.1\r\nHost: h\r\n\r\n"), kBad);
  EXPECT_EQ(listener("GET http://h/a HTTP/1.1\r\nHost: x\r\n\r\n"), kBad);
}

// [T28, T32]
TEST(FramingRules, TargetsHaveOneReading) {
  EXPECT_EQ(target("/a/../b//c/%2F%zz?x=1&y=%20;z"), "/a/../b//c/%2F%zz?x=1&y=%20;z");
  EXPECT_EQ(target("//evil/x"), "//evil/x");  // only ever sent behind our own authority
  EXPECT_EQ(target("/{a}|b^c`d?{e}"), "/%7Ba%7D%7Cb%5Ec%60d?%7Be%7D");
  EXPECT_EQ(target("/!$&'()*+,-./:;=?@[]_~"), "/!$&'()*+,-./:;=?@[]_~");
  for (const char* wanted : {"/#f", "/a#", "/\\x", "/a\"b", "/<", "/>", "/?q=\"", "*", "x"}) {
    EXPECT_EQ(target(wanted), kBad) << wanted;
  }
  EXPECT_EQ(target("*", "OPTIONS"), "*");
  EXPECT_EQ(target("https://h", "OPTIONS"), "*");
  EXPECT_EQ(target("https://h/", "OPTIONS"), "/");
}

TEST(FramingRules, TargetsAtTheirLimitAfterEncoding) {
  RequestHead head;
  head.fields.add("Host", "h");
  head.method = "GET";
  const RequestRules rules;
  const auto length = [&](std::size_t plain, std::size_t braces) {
    RequestHead copy = head;
    copy.target = "/" + std::string(plain, 'a') + std::string(braces, '{');
    const auto vetted = check_request(copy, RequestContext{kHost, Scheme::Https, rules});
    return vetted ? std::to_string(copy.target.size()) : show(vetted.error());
  };
  EXPECT_EQ(length(16383 - 3, 1), "16384");
  EXPECT_EQ(length(16383 - 4, 1), "16383");
  EXPECT_EQ(length(16383 - 2, 1), "431 head_too_large");
}

TEST(FramingRules, TheCanonicalHeadNamesTheDestination) {
  RequestHead head;
  head.method = "GET";
  head.target = "https://H:443/x";
  head.fields.add("Host", "h");
  head.scheme = Scheme::Http;  // the parser cannot know
  const RequestRules rules;
  ASSERT_TRUE(check_request(head, RequestContext{kHost, Scheme::Https, rules}));
  EXPECT_EQ(head.authority, "h");
  EXPECT_EQ(head.scheme, Scheme::Https);
  EXPECT_EQ(head.target, "/x");
  EXPECT_TRUE(head.fields.empty());
}

// ---- Expect ----

// [T25]
TEST(FramingRules, OnlyTheOneExpectationIsMet) {
  const auto expect = [](const std::string& lines, const std::string& version = "1.1") {
    return judge(
        "POST / HTTP/" + version + "\r\nHost: h\r\nContent-Length: 1\r\n" + lines + "\r\nx", kHost);
  };
  EXPECT_EQ(expect("Expect: 100-continue\r\n"), "ok POST / expects");
  EXPECT_EQ(expect("Expect: 100-Continue\r\n"), "ok POST / expects");
  EXPECT_EQ(expect("Expect: 100-continue\r\n", "1.0"), "ok POST /");
  EXPECT_EQ(kept("Expect: 100-continue\r\n"), "");  // no body, nothing to wait for
  for (const char* value : {"", "y 100-continue", "100-continue, x", "100-continue;q=1", "x",
                            "100-continued", "100 continue"}) {
    EXPECT_EQ(expect("Expect: " + std::string(value) + "\r\n"), "417 expectation_failed") << value;
  }
  EXPECT_EQ(expect("Expect: 100-continue\r\nExpect: 100-continue\r\n"), "417 expectation_failed");
}

// ---- cookies ----

// [T34]
TEST(FramingRules, CookieCrumbsBecomeOneField) {
  EXPECT_EQ(kept("Cookie: a=1\r\n"), "[Cookie: a=1]");
  EXPECT_EQ(kept("A: x\r\nCookie: a=1\r\nB: y\r\ncookie: b=2 \r\nCOOKIE: c=3\r\n"),
            "[A: x] [Cookie: a=1; b=2; c=3] [B: y]");
  // An empty crumb must not leave a separator at an end.
  EXPECT_EQ(kept("Cookie: a\r\nCookie: \r\nCookie:\r\n"), "[Cookie: a]");
  EXPECT_EQ(kept("Cookie:\r\nCookie: a\r\n"), "[Cookie: a]");
  EXPECT_EQ(kept("Connection: cookie\r\nCookie: a\r\nCookie: b\r\n"), "");
}

}  // namespace
}  // namespace bottle
