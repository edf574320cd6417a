#include "proxy/http/h1_writer.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/http/h1_test_util.h"

namespace bottle {
namespace {

RequestHead get(std::string target) {
  RequestHead head;
  head.method = "GET";
  head.target = std::move(target);
  head.fields.add("X-Api-Key", "k");
  head.fields.add("accept", "*/*");
  return head;
}

const Destination kHost{"example.com", 443, HostKind::Name};

TEST(H1Writer, TheScannersFormIsAbsolute) {
  Bytes out;
  ASSERT_TRUE(write_request_head(out, get("/a?b"), RequestForm::Absolute, kHost,
                                 Framing::content_length(12)));
  EXPECT_EQ(out,
            "GET https://example.com/a?b HTTP/1.1\r\nHost: example.com\r\nX-Api-Key: k\r\n"
            "accept: */*\r\nContent-Length: 12\r\n\r\n");
}

TEST(H1Writer, OriginFormAndPorts) {
  Bytes out;
  RequestHead head = get("/");
  head.scheme = Scheme::Http;
  ASSERT_TRUE(write_request_head(out, head, RequestForm::Origin,
                                 Destination{"::1", 8080, HostKind::Ipv6}, Framing::chunked()));
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: [::1]:8080\r\nX-Api-Key: k\r\naccept: */*\r\n"
            "Transfer-Encoding: chunked\r\n\r\n");
}

TEST(H1Writer, TheNextHopIsToldThatTheClientTakesTrailers) {
  Bytes out;
  RequestHead head = get("/");
  head.fields.add("TE", "gzip");
  head.fields.add("Connection", "close");
  head.takes_trailers = true;
  ASSERT_TRUE(write_request_head(out, head, RequestForm::Origin, kHost, Framing::none()));
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: example.com\r\nX-Api-Key: k\r\naccept: */*\r\n"
            "TE: trailers\r\nConnection: TE\r\n\r\n");
}

TEST(H1Writer, OptionsForTheServerAsAWhole) {
  RequestHead head = get("*");
  Bytes out;
  EXPECT_FALSE(write_request_head(out, head, RequestForm::Absolute, kHost, Framing::none()));
  head.method = "OPTIONS";
  head.fields.clear();
  ASSERT_TRUE(write_request_head(out, head, RequestForm::Absolute, kHost, Framing::none()));
  ASSERT_TRUE(write_request_head(out, head, RequestForm::Origin, kHost, Framing::none()));
  EXPECT_EQ(out,
            "OPTIONS https://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n"
            "OPTIONS * HTTP/1.1\r\nHost: example.com\r\n\r\n");
}

// The last line of defence: what was not vetted is not sent, and nothing of it.
TEST(H1Writer, RefusesAHeadThatCouldBecomeTwo) {
  const auto refused = [](const RequestHead& head, const Destination& destination = kHost,
                          const Framing& framing = Framing::none()) {
    Bytes out;
    const auto written = write_request_head(out, head, RequestForm::Absolute, destination, framing);
    return !written && written.error().code == Code::Internal && out.empty();
  };
  EXPECT_FALSE(refused(get("/")));
  EXPECT_TRUE(refused(get("")));
  EXPECT_TRUE(refused(get("metrics")));
  EXPECT_TRUE(refused(get("http://h/")));
  EXPECT_TRUE(refused(get("/a b")));
  EXPECT_TRUE(refused(get("/\r\nX: y")));
  EXPECT_TRUE(refused(get("/\xc3\xa9")));
  EXPECT_TRUE(refused(get("/#x")));
  EXPECT_TRUE(refused(get("/"), Destination{}));
  EXPECT_TRUE(refused(get("/"), kHost, Framing::close()));
  for (const char* method : {"", "CONNECT", "G ET", "GET\r\n"}) {
    RequestHead head = get("/");
    head.method = method;
    EXPECT_TRUE(refused(head)) << method;
  }
  RequestHead value = get("/");
  value.fields.add("A", "b\r\nC: d");
  EXPECT_TRUE(refused(value));
  RequestHead name = get("/");
  name.fields.add("A: b\r\nC", "d");
  EXPECT_TRUE(refused(name));
}

// Whatever the head says, framing and Host are the writer's.
// [T08, T20]
TEST(H1Writer, TakesNoFramingFromTheHead) {
  RequestHead head = get("/");
  for (const char* name :
       {"Host", "content-length", "Transfer-Encoding", "Connection", "TE", "Upgrade", "Keep-Alive",
        "Proxy-Connection", "Trailer", "HTTP2-Settings"}) {
    head.fields.add(name, "7");
  }
  Bytes out;
  ASSERT_TRUE(
      write_request_head(out, head, RequestForm::Origin, kHost, Framing::content_length(3)));
  EXPECT_EQ(out,
            "GET / HTTP/1.1\r\nHost: example.com\r\nX-Api-Key: k\r\naccept: */*\r\n"
            "Content-Length: 3\r\n\r\n");
}

TEST(H1Writer, ResponsesKeepOrderCaseAndReason) {
  ResponseHead head;
  head.status = 404;
  head.reason = "Nope";
  head.fields.add("b", "1");
  head.fields.add("A", "");
  head.fields.add("b", "2");
  head.fields.add("Connection", "keep-alive");
  head.fields.add("Content-Length", "99");
  head.fields.add("Bad", "x\r\nSet-Cookie: y");
  Bytes out;
  write_response_head(out, head, Framing::chunked());
  EXPECT_EQ(out, "HTTP/1.1 404 Nope\r\nb: 1\r\nA: \r\nb: 2\r\nTransfer-Encoding: chunked\r\n\r\n");
}

// RFC 9110 section 15.5.22.
TEST(H1Writer, A426SaysWhatElseThereIs) {
  ResponseHead head;
  head.status = 426;
  head.fields.add("Upgrade", "HTTP/1.1");
  Bytes out;
  write_response_head(out, head, Framing::content_length(2), false);
  EXPECT_EQ(out,
            "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\nUpgrade: HTTP/1.1\r\n"
            "Connection: Upgrade, close\r\n\r\n");
  out.clear();
  write_response_head(out, head, Framing::content_length(2));
  EXPECT_NE(out.find("\r\nUpgrade: HTTP/1.1\r\nConnection: Upgrade\r\n\r\n"), Bytes::npos);
  head.status = 200;
  out.clear();
  write_response_head(out, head, Framing::content_length(2));
  EXPECT_EQ(out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") << "of no other answer";
}

TEST(H1Writer, ReasonPhrases) {
  const auto line = [](int status, std::string reason) {
    ResponseHead head;
    head.status = status;
    head.reason = std::move(reason);
    Bytes out;
    write_response_head(out, head, Framing::none(), false);
    return out;
  };
  EXPECT_EQ(line(200, ""), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(line(299, ""), "HTTP/1.1 299 \r\nConnection: close\r\n\r\n");
  EXPECT_EQ(line(200, "a\r\nb"), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(line(100, ""), "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(H1Writer, Chunks) {
  Bytes out;
  write_chunk(out, "");
  write_chunk(out, "hello");
  write_chunk(out, std::string(255, 'x'));
  write_last_chunk(out);
  EXPECT_EQ(out, "5\r\nhello\r\nff\r\n" + std::string(255, 'x') + "\r\n0\r\n\r\n");
  Fields trailers;
  trailers.add("Grpc-Status", "0");
  trailers.add("Content-Length", "5");
  trailers.add("A", "b\r\nc: d");
  out.clear();
  write_last_chunk(out, &trailers);
  EXPECT_EQ(out, "0\r\nGrpc-Status: 0\r\n\r\n");
}

TEST(H1Writer, ChoosesTheFramingOfResponses) {
  ResponseHead head;
  const auto chosen = [&head](Version version, std::string_view method) {
    const Framing framing = framing_for(head, version, method);
    switch (framing.kind) {
      case Framing::Kind::None:
        return std::string("none");
      case Framing::Kind::Length:
        return std::to_string(framing.length);
      case Framing::Kind::Chunked:
        return std::string("chunked");
      case Framing::Kind::Close:
        return std::string("close");
    }
    return std::string();
  };
  head.has_body = true;
  EXPECT_EQ(chosen(Version::Http11, "GET"), "chunked");
  EXPECT_EQ(chosen(Version::Http10, "GET"), "close");
  head.content_length = 7;
  EXPECT_EQ(chosen(Version::Http10, "GET"), "7");
  head.has_body = false;
  EXPECT_EQ(chosen(Version::Http11, "HEAD"), "7");
  head.status = 304;
  EXPECT_EQ(chosen(Version::Http11, "GET"), "7");
  head.status = 204;
  EXPECT_EQ(chosen(Version::Http11, "GET"), "none");
  head.status = 103;
  EXPECT_EQ(chosen(Version::Http11, "GET"), "none");
  head.status = 200;
  head.content_length.reset();
  EXPECT_EQ(chosen(Version::Http11, "HEAD"), "none");
  // A body that is known to be empty needs a length, or the client waits for the end.
  EXPECT_EQ(chosen(Version::Http11, "GET"), "0");
}

TEST(H1Writer, WhatItWritesTheParserReads) {
  Bytes out;
  ASSERT_TRUE(write_request_head(out, get("/a?b"), RequestForm::Origin, kHost, Framing::chunked()));
  write_chunk(out, "hello");
  write_last_chunk(out);
  EXPECT_EQ(test::run_request(out, 1, 1),
            "GET /a?b [Host: example.com] [X-Api-Key: k] [accept: */*] "
            "[Transfer-Encoding: chunked] body=open | hello | end");
}

}  // namespace
}  // namespace bottle
