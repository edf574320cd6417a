#include "proxy/http/connect.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/http/h1_parser.h"

namespace bottle {
namespace {

// The listener's reading of a client's first head.
std::string ask(std::string_view bytes) {
  H1RequestParser parser(H1RequestParser::Arrival::Listener);
  auto n = parser.feed(bytes);
  if (!n) return std::string(word(n.error()));
  if (!parser.head_ready()) return "incomplete";
  const RequestHead head = parser.take_head();
  const auto request = parse_proxy_request(head);
  if (!request) return std::string(word(request.error()));
  if (request->is_connect) return "tunnel " + request->destination.host_port();
  return std::string(to_string(request->scheme)) + " " + request->destination.host_port() + " " +
         request->target;
}

TEST(Connect, FormsThatRealClientsSend) {
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.0\r\n\r\n"), "tunnel h:443");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nUser-Agent: x\r\n"
                "Proxy-Connection: keep-alive\r\n\r\n"),
            "tunnel h:443");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n"
                "proxy-connection: keep-alive\r\n\r\n"),
            "tunnel h:443");
  EXPECT_EQ(ask("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
                "\r\n"),
            "tunnel h:80");
  EXPECT_EQ(ask("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:DB8::1]:443\r\n\r\n"),
            "tunnel [2001:db8::1]:443");
  EXPECT_EQ(ask("CONNECT Example.COM.:443 HTTP/1.1\r\nHost: example.com\r\n\r\n"),
            "tunnel example.com:443");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"), "tunnel h:443");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n"), "tunnel h:443");
}

TEST(Connect, BytesBehindTheHeadStayTheCallers) {
  const std::string head = "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n";
  H1RequestParser parser(H1RequestParser::Arrival::Listener);
  EXPECT_EQ(*parser.feed(head + "\x16\x03\x01"), head.size());
  (void)parser.take_head();
  EXPECT_TRUE(parser.message_complete());
  EXPECT_EQ(*parser.feed("\x16\x03\x01"), 0U);
}

// llhttp takes all of these for complete requests.
// [T04, T27]
TEST(Connect, RefusesEverythingButAnAuthority) {
  EXPECT_EQ(ask("CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"), "bad_authority");
  EXPECT_EQ(ask("CONNECT h: HTTP/1.1\r\nHost: h\r\n\r\n"), "bad_authority");
  EXPECT_EQ(ask("CONNECT :443 HTTP/1.1\r\nHost: h\r\n\r\n"), "bad_authority");
  EXPECT_EQ(ask("CONNECT h:0 HTTP/1.1\r\nHost: h\r\n\r\n"), "bad_authority");
  EXPECT_EQ(ask("CONNECT h:65616 HTTP/1.1\r\nHost: h\r\n\r\n"), "bad_authority");
  EXPECT_EQ(ask("CONNECT u@h:443 HTTP/1.1\r\nHost: h\r\n\r\n"), "bad_authority");
  EXPECT_EQ(ask("CONNECT 127.1:443 HTTP/1.1\r\nHost: 127.1\r\n\r\n"), "bad_authority");
  EXPECT_NE(ask("CONNECT /path HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 6), "tunnel");
  EXPECT_NE(ask("CONNECT h:443/path HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 6), "tunnel");
  EXPECT_NE(ask("CONNECT https://h:443 HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 6), "tunnel");
  EXPECT_NE(ask("CONNECT * HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 6), "tunnel");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"), "bad_framing");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "bad_framing");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), "bad_host");
  EXPECT_EQ(ask("CONNECT h:443 HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), "bad_host");
  EXPECT_EQ(ask("connect h:443 HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 6), "bad_me");
  EXPECT_EQ(ask("CONNECT h:443\r\n\r\n"), "bad_request_line");
}

TEST(Connect, AHeadFromElsewhereIsCheckedToo) {
  RequestHead head;
  head.method = "CONNECT";
  head.target = "h:443";
  EXPECT_TRUE(connect_destination(head));
  head.has_body = true;
  EXPECT_FALSE(connect_destination(head));
  head.has_body = false;
  head.fields.add("Transfer-Encoding", "chunked");
  EXPECT_FALSE(connect_destination(head));
  head.fields.clear();
  head.method = "GET";
  EXPECT_FALSE(connect_destination(head));
}

TEST(ProxyRequest, AbsoluteFormOverPlainHttp) {
  EXPECT_EQ(ask("GET http://Example.com/a?b HTTP/1.1\r\nHost: example.com\r\n\r\n"),
            "http example.com:80 /a?b");
  EXPECT_EQ(ask("GET HTTP://h:8080 HTTP/1.1\r\nHost: h:8080\r\n\r\n"), "http h:8080 /");
}

TEST(ProxyRequest, OtherFormsSayWhatToDo) {
  EXPECT_EQ(ask("GET https://h/ HTTP/1.1\r\nHost: h\r\n\r\n"), "https_without_tls");
  EXPECT_EQ(ask("GET / HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n"), "not_a_server");
  EXPECT_EQ(ask("OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:3128\r\n\r\n"), "not_a_server");
  RequestHead head;
  head.target = "/";
  const auto refused = parse_proxy_request(head);
  EXPECT_NE(refused.error().hint.find("https_proxy"), std::string::npos);
}

// The scanner's own API must not be reachable through odd URLs.
// [T01]
TEST(ProxyRequest, UrlsWithoutAHostAreRefused) {
  for (const char* target : {"http:///metrics", "http:/x", "http://:80/", "http://u@h/",
                             "http://h:0/", "http://[::ffff:127.0.0.1]/", "http://2130706433/",
                             "http://0x7f.1/", "http://127.1:8888/", "ftp://h/", "//h/x"}) {
    const std::string answer = ask("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_NE(answer.substr(0, 4), "http") << target << " -> " << answer;
    EXPECT_NE(answer, "incomplete");
  }
}

}  // namespace
}  // namespace bottle
