#include "proxy/http/websocket/handshake.h"

#include <gtest/gtest.h>

#include <set>

namespace bottle::websocket {
namespace {

constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // RFC 6455 section 1.3
constexpr const char* kAcceptOfKey = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

RequestHead request(Version version = Version::Http11) {
  RequestHead head;
  head.version = version;
  head.method = "GET";
  head.authority = "a.test";
  head.target = "/chat";
  head.fields.add("Origin", "https://a.test");
  head.fields.add("Sec-WebSocket-Version", "13");
  if (version == Version::Http11) head.fields.add("Sec-WebSocket-Key", kKey);
  return head;
}

// An origin's answer to the head that was written for it.
ResponseHead answer_to(const RequestHead& head, Version version = Version::Http11) {
  ResponseHead answer;
  answer.version = version;
  answer.status = 101;
  if (version == Version::Http11) {
    answer.fields.add("Sec-WebSocket-Accept", accept_for(*head.fields.find("sec-websocket-key")));
  }
  return answer;
}

std::string field(const Fields& fields, std::string_view name) {
  EXPECT_LE(fields.count(name), 1U) << name;
  return std::string(fields.find(name).value_or("(none)"));
}

TEST(Handshake, KnowsTheRfcsExample) { EXPECT_EQ(accept_for(kKey), kAcceptOfKey); }

TEST(Handshake, EachSideHasAKeyOfItsOwn) {
  std::set<std::string> keys;
  for (int i = 0; i < 8; ++i) {
    RequestHead head = request();
    auto handshake = Handshake::of(head);
    ASSERT_TRUE(handshake);
    handshake->write_request(head);
    const std::string key = field(head.fields, "sec-websocket-key");
    EXPECT_EQ(key.size(), 24U);
    EXPECT_NE(key, kKey);
    keys.insert(key);
    EXPECT_EQ(field(head.fields, "origin"), "https://a.test");
    ResponseHead answer = answer_to(head);
    answer.fields.add("Set-Cookie", "a=b");
    const auto agreement = handshake->check_answer(answer);
    ASSERT_TRUE(agreement) << agreement.error().detail;
    handshake->write_answer(answer, *agreement);
    EXPECT_EQ(field(answer.fields, "sec-websocket-accept"), kAcceptOfKey);
    EXPECT_EQ(field(answer.fields, "set-cookie"), "a=b");
  }
  EXPECT_EQ(keys.size(), 8U);
}

TEST(Handshake, BridgesTheVersions) {
  for (const Version client : {Version::Http11, Version::Http2}) {
    for (const Version origin : {Version::Http11, Version::Http2}) {
      RequestHead head = request(client);
      auto handshake = Handshake::of(head);
      ASSERT_TRUE(handshake);
      handshake->write_request(head);
      EXPECT_TRUE(head.fields.has("sec-websocket-key"));
      EXPECT_EQ(field(head.fields, "sec-websocket-version"), "13");
      ResponseHead answer = answer_to(head, origin);
      const auto agreement = handshake->check_answer(answer);
      ASSERT_TRUE(agreement);
      handshake->write_answer(answer, *agreement);
      EXPECT_EQ(field(answer.fields, "sec-websocket-accept"),
                client == Version::Http11 ? kAcceptOfKey : "(none)");
    }
  }
}

struct BadRow {
  const char* name;
  void (*spoil)(RequestHead&);
  Code code;
};

TEST(Handshake, WrongRequestsAreRefused) {
  const std::vector<BadRow> rows = {
      {"another method", [](RequestHead& h) { h.method = "POST"; }, Code::ClientBad},
      {"HTTP/1.0", [](RequestHead& h) { h.version = Version::Http10; }, Code::ClientBad},
      {"no version", [](RequestHead& h) { h.fields.remove("sec-websocket-version"); },
       Code::ClientBad},
      {"two versions", [](RequestHead& h) { h.fields.add("Sec-WebSocket-Version", "13"); },
       Code::ClientBad},
      {"version 8", [](RequestHead& h) { h.fields.set("Sec-WebSocket-Version", "8"); },
       Code::UpgradeRefused},
      {"a list of versions", [](RequestHead& h) { h.fields.set("Sec-WebSocket-Version", "13, 8"); },
       Code::UpgradeRefused},
      {"no key", [](RequestHead& h) { h.fields.remove("sec-websocket-key"); }, Code::ClientBad},
      {"two keys", [](RequestHead& h) { h.fields.add("Sec-WebSocket-Key", kKey); },
       Code::ClientBad},
      {"a key of 15 bytes",
       [](RequestHead& h) { h.fields.set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j"); },
       Code::ClientBad},
      {"a key that is no base64",
       [](RequestHead& h) { h.fields.set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub2*jZQ=="); },
       Code::ClientBad},
      {"a key with bits that stand for nothing",
       [](RequestHead& h) { h.fields.set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR=="); },
       Code::ClientBad},
      {"a subprotocol that is no token",
       [](RequestHead& h) { h.fields.add("Sec-WebSocket-Protocol", "chat, b@d"); },
       Code::ClientBad},
      {"a subprotocol twice",
       [](RequestHead& h) {
         h.fields.add("Sec-WebSocket-Protocol", "chat");
         h.fields.add("Sec-WebSocket-Protocol", "soap, chat");
       },
       Code::ClientBad},
      {"too many subprotocols",
       [](RequestHead& h) {
         std::string list;
         for (int i = 0; i < 65; ++i) list += "p" + std::to_string(i) + ",";
         h.fields.add("Sec-WebSocket-Protocol", list);
       },
       Code::ClientBad},
      {"extensions that are no list",
       [](RequestHead& h) { h.fields.add("Sec-WebSocket-Extensions", "a; =b"); }, Code::ClientBad},
  };
  for (const BadRow& row : rows) {
    RequestHead head = request();
    row.spoil(head);
    const auto handshake = Handshake::of(head);
    ASSERT_FALSE(handshake) << row.name;
    EXPECT_EQ(handshake.error().code, row.code) << row.name;
  }
}

// RFC 8441 section 5: there is no key; one that is there counts for nothing.
TEST(Handshake, OverHttp2TheKeyIsNotLookedAt) {
  RequestHead head = request(Version::Http2);
  head.fields.add("sec-websocket-key", "x");
  EXPECT_TRUE(Handshake::of(head));
}

struct AnswerRow {
  const char* name;
  void (*change)(ResponseHead&);
  bool good;
};

TEST(Handshake, AnswersAreChecked) {
  const std::vector<AnswerRow> rows = {
      {"nothing chosen", [](ResponseHead&) {}, true},
      {"no accept", [](ResponseHead& h) { h.fields.remove("sec-websocket-accept"); }, false},
      {"the accept of another key",
       [](ResponseHead& h) { h.fields.set("Sec-WebSocket-Accept", kAcceptOfKey); }, false},
      {"two accepts",
       [](ResponseHead& h) {
         const std::string accept(*h.fields.find("sec-websocket-accept"));
         h.fields.add("Sec-WebSocket-Accept", accept);
       },
       false},
      {"one of the subprotocols",
       [](ResponseHead& h) { h.fields.add("Sec-WebSocket-Protocol", "soap"); }, true},
      {"another subprotocol", [](ResponseHead& h) { h.fields.add("Sec-WebSocket-Protocol", "x"); },
       false},
      {"the subprotocol in another case",
       [](ResponseHead& h) { h.fields.add("Sec-WebSocket-Protocol", "SOAP"); }, false},
      {"two subprotocols",
       [](ResponseHead& h) { h.fields.add("Sec-WebSocket-Protocol", "soap, chat"); }, false},
      {"an empty subprotocol", [](ResponseHead& h) { h.fields.add("Sec-WebSocket-Protocol", ""); },
       false},
      {"an extension that was not offered",
       [](ResponseHead& h) { h.fields.add("Sec-WebSocket-Extensions", "permessage-deflate"); },
       false},
  };
  for (const AnswerRow& row : rows) {
    RequestHead head = request();
    head.fields.add("Sec-WebSocket-Protocol", "chat, soap");
    auto handshake = Handshake::of(head);
    ASSERT_TRUE(handshake);
    handshake->write_request(head);
    EXPECT_EQ(field(head.fields, "sec-websocket-protocol"), "chat, soap");
    ResponseHead answer = answer_to(head);
    row.change(answer);
    const auto agreement = handshake->check_answer(answer);
    EXPECT_EQ(agreement.has_value(), row.good) << row.name;
    if (!agreement) {
      EXPECT_EQ(agreement.error().code, Code::UpstreamBroken);
      continue;
    }
    handshake->write_answer(answer, *agreement);
    const bool chosen = std::string_view(row.name) == "one of the subprotocols";
    EXPECT_EQ(field(answer.fields, "sec-websocket-protocol"), chosen ? "soap" : "(none)");
  }
}

struct OfferRow {
  const char* offer;  // null: none
  const char* to_origin;
  const char* from_origin;
  const char* to_client;  // "": refused
};

// [T91]
TEST(Handshake, CompressionIsNegotiatedOnEachSide) {
  constexpr const char* kOurs = "permessage-deflate; client_max_window_bits";
  constexpr const char* kNone = "(none)";
  const std::vector<OfferRow> rows = {
      {nullptr, kNone, kNone, kNone},
      {"permessage-deflate", kOurs, kNone, kNone},
      {"permessage-deflate", kOurs, "permessage-deflate", "permessage-deflate"},
      {"x-webkit-deflate-frame", kNone, kNone, kNone},
      {"permessage-bzip2; x=\"a\", permessage-deflate; client_max_window_bits", kOurs,
       "permessage-deflate; server_no_context_takeover; client_max_window_bits=10",
       "permessage-deflate"},
      {"permessage-deflate; server_no_context_takeover; client_no_context_takeover", kOurs,
       "permessage-deflate",
       "permessage-deflate; server_no_context_takeover; client_no_context_takeover"},
      {"permessage-deflate; server_max_window_bits=9", kOurs, "permessage-deflate",
       "permessage-deflate; server_max_window_bits=9"},
      {"permessage-deflate; server_max_window_bits=\"10\"", kOurs, "permessage-deflate",
       "permessage-deflate; server_max_window_bits=10"},
      // The first offer that can be met counts.
      {"permessage-deflate; server_max_window_bits=7, permessage-deflate; "
       "server_max_window_bits=11",
       kOurs, "permessage-deflate", "permessage-deflate; server_max_window_bits=11"},
      {"permessage-deflate; server_max_window_bits=08", kNone, kNone, kNone},
      {"permessage-deflate; server_max_window_bits", kNone, kNone, kNone},
      {"permessage-deflate; server_no_context_takeover=1", kNone, kNone, kNone},
      {"permessage-deflate; what", kNone, kNone, kNone},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", kNone, kNone,
       kNone},
      {"permessage-deflate", kOurs, "permessage-deflate; server_max_window_bits=16", ""},
      {"permessage-deflate", kOurs, "permessage-deflate; client_max_window_bits", ""},
      {"permessage-deflate", kOurs, "permessage-deflate, permessage-deflate", ""},
      {"permessage-deflate", kOurs, "permessage-deflate; =", ""},
      {"permessage-deflate", kOurs, "x-other", ""},
  };
  for (const OfferRow& row : rows) {
    const std::string name =
        std::string(row.offer == nullptr ? kNone : row.offer) + " / " + row.from_origin;
    RequestHead head = request();
    if (row.offer != nullptr) head.fields.add("Sec-WebSocket-Extensions", row.offer);
    auto handshake = Handshake::of(head);
    ASSERT_TRUE(handshake) << name;
    handshake->write_request(head);
    EXPECT_EQ(field(head.fields, "sec-websocket-extensions"), row.to_origin) << name;
    ResponseHead answer = answer_to(head);
    if (row.from_origin != std::string_view(kNone)) {
      answer.fields.add("Sec-WebSocket-Extensions", row.from_origin);
    }
    const auto agreement = handshake->check_answer(answer);
    ASSERT_EQ(agreement.has_value(), *row.to_client != '\0') << name;
    if (!agreement) continue;
    EXPECT_EQ(agreement->client.has_value(), agreement->origin.has_value());
    handshake->write_answer(answer, *agreement);
    EXPECT_EQ(field(answer.fields, "sec-websocket-extensions"), row.to_client) << name;
  }
}

TEST(Handshake, ParametersOfTheOriginAreKept) {
  RequestHead head = request();
  head.fields.add("Sec-WebSocket-Extensions", "permessage-deflate");
  auto handshake = Handshake::of(head);
  ASSERT_TRUE(handshake);
  handshake->write_request(head);
  ResponseHead answer = answer_to(head);
  answer.fields.add("Sec-WebSocket-Extensions",
                    "permessage-deflate; client_no_context_takeover; server_no_context_takeover; "
                    "client_max_window_bits=9; server_max_window_bits=14");
  const auto agreement = handshake->check_answer(answer);
  ASSERT_TRUE(agreement);
  const DeflateParameters expected{.server_no_context_takeover = true,
                                   .client_no_context_takeover = true,
                                   .server_max_window_bits = 14,
                                   .client_max_window_bits = 9};
  EXPECT_EQ(agreement->origin, expected);
}

}  // namespace
}  // namespace bottle::websocket
