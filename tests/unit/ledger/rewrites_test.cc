#include "proxy/ledger/rewrites.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/ledger/ticket.h"

namespace bottle {
namespace {

using List = std::vector<std::pair<std::string, std::string>>;

Fields fields(const List& list) {
  Fields out;
  for (const auto& [name, value] : list) out.add(name, value);
  return out;
}

RequestHead request(const std::string& target, const List& list = {}) {
  RequestHead head;
  head.method = "GET";
  head.authority = "origin.test";
  head.target = target;
  head.fields = fields(list);
  return head;
}

ResponseHead response(int status, const List& list = {}) {
  ResponseHead head;
  head.status = status;
  head.fields = fields(list);
  head.has_body = true;
  return head;
}

// ---- requests: the target
// ------------------------------------------------------------------------

struct Target {
  const char* admitted;
  const char* relayed;
  const char* difference;  // empty: none
};

// In the rows without a difference, the relayed column is the output of a running pipelock.
TEST(RequestDifference, OfTargets) {
  const std::vector<Target> rows = {
      {"/x?b=1&a=2", "/x?b=1&a=2", ""},
      {"/x?b=%20%2f&agent=v&a=1;z=2&c", "/x?b=+%2F&c=", ""},
      {"/x?%61gent=v&b=1&a=2", "/x?a=2&b=1", ""},
      {"/x?b=1&a=2&=&&agent", "/x?=&a=2&b=1", ""},
      {"/x?agent=a&agent=b&b=%zz&c=%41+d~*()", "/x?c=A+d~%2A%28%29", ""},
      {"/q?agent=1", "/q", ""},
      {"/q?agent=1&\xc3=1", "/q?%C3=1", ""},
      {"/x?agent=1&b=2&a=1&b=1", "/x?a=1&b=2&b=1", ""},
      {"/x?agent=1&a=2", "/x?agent=1&a=2", ""},  // an edition that leaves it alone
      // Nothing of the kind without that parameter.
      {"/x?b=1&a=2", "/x?a=2&b=1", "query"},
      {"/x?b=%20", "/x?b=+", "query"},
      {"/x?Agent=1&b=1&a=2", "/x?a=2&b=1", "query"},
      {"/??agent=1&b=1", "/?b=1", "query"},
      {"/q?", "/q", "query"},
      {"/q", "/q?", "query"},
      // And only that with it.
      {"/x?agent=1&b=1", "/x?b=2", "query"},
      {"/x?agent=1&b=1", "/x?b=1&c=1", "query"},
      {"/x?agent=1&b=1", "/x", "query"},
      {"/x?agent=1&b=1", "/x?b=1&agent=1", "query"},
      {"/x?agent=1&b=1&a=2", "/x?b=1&a=2", "query"},  // not sorted
      {"/x?agent=1&b=1&b=2", "/x?b=2&b=1", "query"},  // equal keys keep their order
      {"/x?agent=1;b=1", "/x", "query"},              // the pair is unreadable: no such parameter
      {"/x?agent=1&b=%2f", "/x?b=%2f", "query"},      // Go writes capitals
      {"/y?agent=1", "/x", "path"},
      {"/a", "/A", "path"},
      {"/a%2fb", "/a%2Fb", "path"},
      {"/a%2fb", "/a/b", "path"},
      {"/a", "/a/", "path"},
      {"/", "//", "path"},
  };
  for (const Target& row : rows) {
    const auto difference = request_difference(request(row.admitted), request(row.relayed));
    EXPECT_EQ(difference.value_or(""), row.difference) << row.admitted << " -> " << row.relayed;
  }
}

TEST(RequestDifference, OptionsOfTheServerComesBackAsTheRoot) {
  RequestHead admitted = request("*");
  RequestHead relayed = request("/");
  EXPECT_EQ(request_difference(admitted, relayed), "path");
  admitted.method = relayed.method = "OPTIONS";
  EXPECT_EQ(request_difference(admitted, relayed), std::nullopt);
  EXPECT_EQ(request_difference(relayed, admitted), "path");
}

TEST(RequestDifference, OfMethodSchemeAndHost) {
  const RequestHead admitted = request("/");
  RequestHead relayed = admitted;
  relayed.method = "POST";
  EXPECT_EQ(request_difference(admitted, relayed), "method");
  relayed = admitted;
  relayed.method = "get";
  EXPECT_EQ(request_difference(admitted, relayed), "method");
  relayed = admitted;
  relayed.scheme = Scheme::Http;
  EXPECT_EQ(request_difference(admitted, relayed), "scheme");
  relayed = admitted;
  relayed.authority = "origin.test:444";
  EXPECT_EQ(request_difference(admitted, relayed), "host");
}

// ---- requests: the fields
// ------------------------------------------------------------------------

struct FieldRow {
  const char* what;
  List admitted;
  List relayed;
  const char* difference;
};

TEST(RequestDifference, OfFields) {
  const std::vector<FieldRow> rows = {
      {"case and order",
       {{"x-b", "2"}, {"X-A", "1"}, {"x-B", "3"}},
       {{"X-A", "1"}, {"X-B", "2"}, {"X-B", "3"}},
       ""},
      {"order of equal names",
       {{"X-B", "2"}, {"X-B", "3"}},
       {{"X-B", "3"}, {"X-B", "2"}},
       "field x-b"},
      {"lines joined", {{"X-B", "2"}, {"X-B", "3"}}, {{"X-B", "2, 3"}}, "field x-b"},
      {"value", {{"X-Api-Key", "k"}}, {{"X-Api-Key", "l"}}, "field x-api-key"},
      {"value's case", {{"X-A", "k"}}, {{"X-A", "K"}}, "field x-a"},
      {"value's inner space", {{"X-A", "a b"}}, {{"X-A", "a  b"}}, "field x-a"},
      {"lost", {{"X-A", "1"}, {"X-B", "2"}}, {{"X-A", "1"}}, "field x-b"},
      {"lost though empty", {{"X-A", ""}}, {}, "field x-a"},
      {"added", {}, {{"X-A", "1"}}, "field x-a"},
      {"added twice", {{"X-A", "1"}}, {{"X-A", "1"}, {"X-A", "1"}}, "field x-a"},
      {"authorization", {{"Authorization", "a"}}, {}, "field authorization"},
      {"another's cookie", {}, {{"Cookie", "a=1"}}, "field cookie"},
      {"referer, of a redirect", {}, {{"Referer", "https://origin.test/"}}, "field referer"},
      {"the front's own",
       {{"User-Agent", ""}, {"Accept-Encoding", "identity"}},
       {{"Accept-Encoding", "identity"}},
       ""},
      {"coding asked for",
       {{"Accept-Encoding", "identity"}},
       {{"Accept-Encoding", "gzip"}},
       "field accept-encoding"},
      {"Go's name", {}, {{"User-Agent", "Go-http-client/1.1"}}, ""},
      {"another name", {}, {{"User-Agent", "curl/8"}}, "field user-agent"},
      {"Go's name for another",
       {{"User-Agent", "curl/8"}},
       {{"User-Agent", "Go-http-client/1.1"}},
       "field user-agent"},
      {"Go's name for none",
       {{"User-Agent", ""}},
       {{"User-Agent", "Go-http-client/1.1"}},
       "field user-agent"},
      {"name lost", {{"User-Agent", "curl/8"}}, {}, "field user-agent"},
      {"identity",
       {{"X-Forwarded-For", "1"},
        {"Via", "x"},
        {"Forwarded", "y"},
        {"X-Real-IP", "z"},
        {"TE", "t"}},
       {},
       ""},
      {"identity added", {}, {{"X-Forwarded-For", "1"}}, "field x-forwarded-for"},
      {"identity changed", {{"Via", "a"}}, {{"Via", "b"}}, "field via"},
      {"much the same name", {{"X-Forwarded-Foo", "1"}}, {}, "field x-forwarded-foo"},
      {"pragma",
       {{"Pragma", "no-cache"}},
       {{"Pragma", "no-cache"}, {"Cache-Control", "no-cache"}},
       ""},
      {"pragma, but a cache-control",
       {{"Pragma", "no-cache"}, {"Cache-Control", "max-age=0"}},
       {{"Pragma", "no-cache"}, {"Cache-Control", "no-cache"}},
       "field cache-control"},
      {"another pragma",
       {{"Pragma", "x"}},
       {{"Pragma", "x"}, {"Cache-Control", "no-cache"}},
       "field cache-control"},
      {"no pragma", {}, {{"Cache-Control", "no-cache"}}, "field cache-control"},
      {"signature", {{"Signature", "sig=:a:"}}, {}, "field signature"},
  };
  for (const FieldRow& row : rows) {
    const auto difference =
        request_difference(request("/", row.admitted), request("/", row.relayed));
    EXPECT_EQ(difference.value_or(""), row.difference) << row.what;
  }
}

// No value ever stands in the words.
TEST(RequestDifference, NamesNoValue) {
  const auto difference = request_difference(request("/s3cret?s3cret=s3cret", {{"X-A", "s3cret"}}),
                                             request("/?b", {{"X-A", "s3cret2"}}));
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->find("s3cret"), std::string::npos);
}

// ---- responses
// -----------------------------------------------------------------------------------

TEST(ResponseDifference, OfFields) {
  const std::vector<FieldRow> rows = {
      {"case and order", {{"etag", "e"}, {"Date", "d"}}, {{"Date", "d"}, {"Etag", "e"}}, ""},
      {"length and date", {{"Content-Length", "3"}}, {{"Date", "d"}}, ""},
      {"date changed", {{"Date", "d"}}, {{"Date", "e"}}, "field date"},
      {"date lost", {{"Date", "d"}}, {}, "field date"},
      {"type made up", {}, {{"Content-Type", "text/plain"}}, ""},
      {"type changed",
       {{"Content-Type", "a/b"}},
       {{"Content-Type", "text/plain"}},
       "field content-type"},
      {"type lost", {{"Content-Type", "a/b"}}, {}, "field content-type"},
      {"cookies",
       {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}},
       {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}},
       ""},
      {"cookies the other way",
       {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}},
       {{"Set-Cookie", "b=2"}, {"Set-Cookie", "a=1"}},
       "field set-cookie"},
      {"tag stripped", {{"ETag", "e"}}, {}, "field etag"},
      {"added", {}, {{"X-Content-Type-Options", "nosniff"}}, "field x-content-type-options"},
      {"pragma",
       {{"Pragma", "no-cache"}},
       {{"Pragma", "no-cache"}, {"Cache-Control", "no-cache"}},
       ""},
      {"another exchange",
       {{"X-Bottle-Exchange", "e1"}},
       {{"X-Bottle-Exchange", "e2"}},
       "field x-bottle-exchange"},
      {"no exchange", {{"X-Bottle-Exchange", "e1"}}, {}, "field x-bottle-exchange"},
      {"two exchanges",
       {{"X-Bottle-Exchange", "e1"}},
       {{"X-Bottle-Exchange", "e1"}, {"X-Bottle-Exchange", "e1"}},
       "field x-bottle-exchange"},
  };
  for (const FieldRow& row : rows) {
    const auto difference =
        response_difference(response(200, row.admitted), response(200, row.relayed));
    EXPECT_EQ(difference.value_or(""), row.difference) << row.what;
  }
}

TEST(ResponseDifference, OfStatus) {
  EXPECT_EQ(response_difference(response(200), response(403)), "status");
  EXPECT_EQ(response_difference(response(304, {{"Content-Type", "a/b"}}), response(304)),
            std::nullopt);
}

// ---- what the scanner is shown
// -------------------------------------------------------------------

TEST(ShownToScanner, ARedirectIsNoneForIt) {
  for (const int status : {301, 302, 303, 307, 308}) {
    const ResponseHead origin =
        response(status, {{"Location", "/there"}, {"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}});
    const ResponseHead shown = shown_to_scanner(origin, "e1", false);
    EXPECT_EQ(shown.status, 200);
    EXPECT_EQ(shown.fields.find(kOriginStatusField), std::to_string(status));
    EXPECT_EQ(shown.fields.find("Location"), "/there");
    EXPECT_EQ(shown.fields.count("Set-Cookie"), 2U);
    EXPECT_EQ(shown.fields.find(kExchangeField), "e1");
    EXPECT_TRUE(shown.has_body);
  }
}

TEST(ShownToScanner, WhatItDoesNotFollowStaysAsItIs) {
  for (const int status : {200, 204, 300, 304, 404, 500}) {
    const ResponseHead shown =
        shown_to_scanner(response(status, {{"Location", "/x"}}), "e1", false);
    EXPECT_EQ(shown.status, status);
    EXPECT_FALSE(shown.fields.has(kOriginStatusField));
  }
  EXPECT_EQ(shown_to_scanner(response(302), "e1", false).status, 302);
}

TEST(ShownToScanner, NobodyElseSpeaksOurFields) {
  const ResponseHead origin =
      response(200, {{"X-Bottle-Exchange", "e9"}, {"x-bottle-origin-status", "302"}});
  const ResponseHead shown = shown_to_scanner(origin, "e1", false);
  EXPECT_EQ(shown.fields.count(kExchangeField), 1U);
  EXPECT_EQ(shown.fields.find(kExchangeField), "e1");
  EXPECT_FALSE(shown.fields.has(kOriginStatusField));
}

TEST(ShownToScanner, WithABypassBodyItGetsTheHeadAlone) {
  ResponseHead origin = response(200, {{"Content-Encoding", "gzip"}, {"ETag", "e"}});
  origin.content_length = 7;
  ResponseHead shown = shown_to_scanner(origin, "e1", true);
  EXPECT_FALSE(shown.has_body);
  EXPECT_EQ(shown.content_length, std::nullopt);
  EXPECT_FALSE(shown.fields.has("content-encoding"));
  EXPECT_TRUE(shown.fields.has("etag"));
  shown = shown_to_scanner(origin, "e1", false);
  EXPECT_TRUE(shown.has_body);
  EXPECT_TRUE(shown.fields.has("content-encoding"));
}

// The scanner refuses what it cannot decode, of an answer to HEAD by its head alone.
TEST(ShownToScanner, WhereNoBodyIsThereIsNoCoding) {
  ResponseHead origin = response(200, {{"Content-Encoding", "gzip"}, {"Vary", "accept-encoding"}});
  origin.has_body = false;
  origin.content_length = 7;
  for (const bool bypass_body : {false, true}) {
    const ResponseHead shown = shown_to_scanner(origin, "e1", bypass_body);
    EXPECT_FALSE(shown.fields.has("content-encoding"));
    EXPECT_TRUE(shown.fields.has("vary"));
    EXPECT_EQ(shown.content_length, 7U);
  }
}

}  // namespace
}  // namespace bottle
