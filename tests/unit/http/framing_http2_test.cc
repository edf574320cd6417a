// The rules for requests of HTTP/2: what a library lets through is vetted like a head of HTTP/1.1.
#include <gtest/gtest.h>

#include <string>

#include "proxy/http/framing_rules.h"
#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

using test::show;

const Destination kHost{"h", 443, HostKind::Name};
const std::string kBad = "400 client_bad";

RequestHead h2_head(const std::string& path = "/") {
  RequestHead head;
  head.version = Version::Http2;
  head.method = "GET";
  head.authority = "h";
  head.target = path;
  return head;
}

std::string judge_h2(RequestHead head) {
  const RequestRules rules;
  const auto vetted = check_request(head, RequestContext{kHost, Scheme::Https, rules});
  if (!vetted) return show(vetted.error());
  return "ok " + head.method + " " + head.target + show(head.fields) +
         (head.expects_continue ? " expects" : "") +
         test::show_body(head.has_body, head.content_length);
}

// [T32]
TEST(FramingRules, WhatHttp2LibrariesLetThroughIsVetted) {
  EXPECT_EQ(judge_h2(h2_head("/a?b")), "ok GET /a?b body=no");
  const auto with = [](const std::string& name, const std::string& value) {
    RequestHead head = h2_head();
    head.fields.add(name, value);
    return judge_h2(head);
  };
  EXPECT_EQ(with("host", "h"), "ok GET / body=no");
  EXPECT_EQ(with("host", "H:443"), "ok GET / body=no");
  EXPECT_EQ(with("host", "other"), kBad);
  EXPECT_EQ(with("host", "h,h"), kBad);
  EXPECT_EQ(with("content-length", "003"), kBad);
  EXPECT_EQ(with("content-length", "3"), kBad);  // the stream ended with the head
  EXPECT_EQ(with("content-length", "0"), "ok GET / body=no");
  EXPECT_EQ(with("transfer_encoding", "chunked"), kBad);
  EXPECT_EQ(with("transfer-encoding", "chunked"), kBad);
  EXPECT_EQ(with("connection", "close"), kBad);
  EXPECT_EQ(with("keep-alive", "1"), kBad);
  EXPECT_EQ(with("upgrade", "h2c"), kBad);
  EXPECT_EQ(with("proxy-connection", "x"), kBad);
  EXPECT_EQ(with("te", "trailers"), "ok GET / body=no");
  EXPECT_EQ(with("te", "gzip"), kBad);
  EXPECT_EQ(with("http2-settings", "AA"), "ok GET / body=no");
  EXPECT_EQ(with("proxy-authorization", "x"), "ok GET / body=no");
  EXPECT_EQ(with("trailer", "x"), "ok GET / [trailer: x] body=no");
  EXPECT_EQ(with("expect", "100-continue"), "ok GET / body=no");
  EXPECT_EQ(with("expect", "x"), "417 expectation_failed");
  for (const char* path :
       {"", "a", "*", "/#", "/\\", "/\x80", "/\"", "/<", "https://h/", "/ ", "//h\x7f"}) {
    EXPECT_EQ(judge_h2(h2_head(path)), kBad) << path;
  }
  RequestHead star = h2_head("*");
  star.method = "OPTIONS";
  EXPECT_EQ(judge_h2(star), "ok OPTIONS * body=no");
  EXPECT_EQ(judge_h2(h2_head("/{}|^`")), "ok GET /%7B%7D%7C%5E%60 body=no");
  for (const char* authority : {"", "h,h", "u@h", "h:x", "h:0", "-a"}) {
    RequestHead head = h2_head();
    head.authority = authority;
    EXPECT_EQ(judge_h2(head), kBad) << authority;
  }
  RequestHead other = h2_head();
  other.authority = "other";
  EXPECT_EQ(judge_h2(other), "421 misdirected");
  other.fields.add("host", "h");
  EXPECT_EQ(judge_h2(other), kBad);
  RequestHead no_authority = h2_head();
  no_authority.authority = "";
  no_authority.fields.add("host", "h");
  EXPECT_EQ(judge_h2(no_authority), kBad);
  RequestHead scheme = h2_head();
  scheme.scheme = Scheme::Http;
  EXPECT_EQ(judge_h2(scheme), kBad);
  for (const char* method : {"CONNECT", "PRI", "get", "TRACE", "x"}) {
    RequestHead head = h2_head();
    head.method = method;
    EXPECT_EQ(judge_h2(head), "501 not_supported") << method;
  }
}

// [T31]
TEST(FramingRules, InjectionThroughHttp2FieldsIsRefused) {
  const auto with = [](std::string name, std::string value) {
    RequestHead head = h2_head();
    head.fields.add(name, value);
    return judge_h2(head);
  };
  EXPECT_EQ(with("a", "b\r\nc: d"), kBad);
  EXPECT_EQ(with("a", "b\nc"), kBad);
  EXPECT_EQ(with("a", std::string("b\0", 2)), kBad);
  EXPECT_EQ(with("a", "\x7f"), kBad);
  EXPECT_EQ(with("a: b\r\nc", "d"), kBad);
  EXPECT_EQ(with("a b", "c"), kBad);
  EXPECT_EQ(with("", "c"), kBad);
  EXPECT_EQ(with(":path", "/x"), kBad);
  EXPECT_EQ(with("\xc3\xa9", "c"), kBad);
  EXPECT_EQ(with("a", " b\t"), "ok GET / [a: b] body=no");
}

TEST(FramingRules, Http2BodiesAndLimits) {
  RequestHead head = h2_head();
  head.method = "POST";
  head.has_body = true;
  EXPECT_EQ(judge_h2(head), "ok POST / body=open");
  head.fields.add("expect", "100-continue");
  head.fields.add("content-length", "7");
  EXPECT_EQ(judge_h2(head), "ok POST / expects body=7");

  const auto many = [](std::size_t count, std::size_t value) {
    RequestHead h = h2_head();
    for (std::size_t i = 0; i < count; ++i) h.fields.add("a", std::string(value, 'v'));
    return judge_h2(h).substr(0, 3);
  };
  EXPECT_EQ(many(100, 1), "ok ");
  EXPECT_EQ(many(101, 1), "431");
  EXPECT_EQ(many(3000, 1), "431");
  EXPECT_EQ(many(1, 65536 - 33), "ok ");
  EXPECT_EQ(many(1, 65536 - 32), "431");
}

// [T05]
TEST(FramingRules, RequestTrailersOfHttp2AreVetted) {
  const auto trailer = [](const std::string& name, const std::string& value = "v") {
    Fields trailers;
    trailers.add(name, value);
    const auto vetted = check_request_trailers(trailers, HeadLimits{});
    return vetted ? std::string("ok") : show(vetted.error());
  };
  EXPECT_EQ(trailer("x-checksum"), "ok");
  EXPECT_EQ(trailer("grpc-status"), "ok");
  for (const char* name :
       {"host", "authorization", "content-length", "transfer-encoding", "cookie", "connection",
        "te", "expect", "x-pipelock-agent", "proxy-x", "a b", ""}) {
    EXPECT_EQ(trailer(name), kBad) << name;
  }
  EXPECT_EQ(trailer("a", "b\r\n"), kBad);
}

}  // namespace
}  // namespace bottle
