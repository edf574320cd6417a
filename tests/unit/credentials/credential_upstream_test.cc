#include "proxy/credentials/credential_upstream.h"

#include "proxy/contract/problem_codes.h"
#include "proxy/credentials/basic_field.h"
#include "proxy/credentials/swapped_body.h"
#include "proxy/guard/encodings.h"
#include "tests/unit/body/coders.h"
#include "tests/unit/credentials/credential_bench.h"

namespace bottle::test {
namespace {

// Long enough to be no multiple of three, in both alphabets.
std::string base64_of(const std::string& text) {
  std::string out = base64_core(text + std::string(2, '\0'), 0);
  out.resize((text.size() * 8 + 5) / 6);
  return out + std::string((4 - out.size() % 4) % 4, '=');
}

Request get(const std::string& target = "/v1") {
  Request request;
  request.head.method = "GET";
  request.head.target = target;
  return request;
}

Request post(const std::string& body, std::size_t slice = 7) {
  Request request = get();
  request.head.method = "POST";
  request.head.has_body = true;
  request.head.content_length = body.size();
  request.body = std::make_unique<SlicedSource>(body, slice);
  return request;
}

TEST(CredentialUpstream, PutsTheValueIntoFields) {
  CredentialBench bench;
  Request request = get("/v1?k=" + kPlaceholder);
  request.head.fields.add("x-api-key", kPlaceholder);
  request.head.fields.add("Authorization", "Bearer " + kPlaceholder);
  request.head.fields.add("x-other", "nothing");
  bench.ask(std::move(request));
  EXPECT_EQ(bench.inner.head.fields.find("x-api-key"), kValue);
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kValue);
  EXPECT_EQ(bench.inner.head.fields.find("x-other"), "nothing");
  EXPECT_EQ(bench.inner.head.target, "/v1?k=" + kPlaceholder);  // not one of its parts
}

// Both bodies are the tunnel's, whose framing a swap within them would break.
TEST(CredentialUpstream, OfATunnelTheHandshakeGetsTheValueAndMessagesLoseIt) {
  CredentialBench bench;
  Request request = get("/ws");
  request.head.protocol = "websocket";
  request.head.has_body = true;
  request.head.fields.add("Authorization", "Bearer " + kPlaceholder);
  request.body = std::make_unique<SlicedSource>("from the client " + kPlaceholder, 1000);
  bench.inner.answer.head.status = 101;
  bench.inner.answer.head.fields.add("x-echo", kValue);
  bench.inner.answer.body = std::make_unique<SlicedSource>("frames " + kValue, 1000);
  bench.ask(std::move(request));
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kValue);
  EXPECT_EQ(bench.inner.got, "from the client " + kPlaceholder);
  EXPECT_EQ(bench.head.fields.find("x-echo"), kPlaceholder);
  EXPECT_EQ(bench.body, "frames " + kValue);
  ASSERT_EQ(bench.passage.swaps_back.size(), 1U);
  MessageSwap& swap = *bench.passage.swaps_back.front();
  Bytes message = swap.feed("you are " + kValue.substr(0, 9), false);
  message += swap.feed(kValue.substr(9), true);
  EXPECT_EQ(message, "you are " + kPlaceholder);
  EXPECT_EQ(swap.feed("next", true), "next") << "a message waits for no other";
}

TEST(CredentialUpstream, OfATunnelThatIsRefusedTheAnswerLosesTheValue) {
  CredentialBench bench;
  Request request = get("/ws");
  request.head.protocol = "websocket";
  request.head.fields.add("Authorization", "Bearer " + kPlaceholder);
  bench.inner.answer.head.status = 403;
  bench.inner.answer.body = std::make_unique<SlicedSource>("no: " + kValue, 1000);
  bench.ask(std::move(request));
  EXPECT_EQ(bench.body, "no: " + kPlaceholder);
  EXPECT_TRUE(bench.passage.swaps_back.empty());
}

TEST(CredentialUpstream, OnlyIntoFieldsThatCarryCredentialsUnlessItIsTold) {
  const std::string usual[] = {"Authorization",  "Cookie", "X-Api-Key",  "PRIVATE-TOKEN",
                               "x-goog-api-key", "apikey", "DD-API-KEY", "X-Shopify-Access-Token"};
  const std::string others[] = {"User-Agent",      "Referer",          "X-Amz-Meta-Token",
                                "Idempotency-Key", "X-Honeycomb-Team", "Accept"};
  KeptOut any;
  any.in_header = false;
  any.in_any_header = true;
  for (const bool everywhere : {false, true}) {
    CredentialBench bench(kept_out(everywhere ? any : KeptOut{}));
    Request request = get();
    for (const std::string& name : usual) request.head.fields.add(name, "a " + kPlaceholder);
    for (const std::string& name : others) request.head.fields.add(name, "a " + kPlaceholder);
    bench.ask(std::move(request));
    for (const std::string& name : usual) {
      EXPECT_EQ(bench.inner.head.fields.find(name), "a " + kValue) << name;
    }
    for (const std::string& name : others) {
      EXPECT_EQ(bench.inner.head.fields.find(name), "a " + (everywhere ? kValue : kPlaceholder))
          << name;
    }
  }
}

TEST(CredentialUpstream, OnlyOverHttpsAndToItsHosts) {
  for (const auto& [host, scheme] : {std::pair<std::string, Scheme>{"api.test", Scheme::Http},
                                     {"other.test", Scheme::Https},
                                     {"x.api.test", Scheme::Https},
                                     {"api.test.evil.test", Scheme::Https}}) {
    CredentialBench bench;
    Request request = get();
    request.head.fields.add("x-api-key", kPlaceholder);
    request.head.fields.add("accept-encoding", "dcb");
    bench.ask(std::move(request), host, scheme);
    EXPECT_EQ(bench.inner.head.fields.find("x-api-key"), kPlaceholder) << host;
    EXPECT_EQ(bench.inner.head.fields.find("accept-encoding"), "dcb") << host;
  }
  CredentialBench below(kept_out({}, {"*.api.test"}));
  Request request = get();
  request.head.fields.add("x-api-key", kPlaceholder);
  below.ask(std::move(request), "x.api.test");
  EXPECT_EQ(below.inner.head.fields.find("x-api-key"), kValue);
}

TEST(CredentialUpstream, BasicCredentials) {
  for (const std::string user : {"", "u", "us", "x-access-token"}) {
    for (const bool url_safe : {false, true}) {
      for (const bool padded : {false, true}) {
        const auto field = [&](const std::string& key) {
          std::string text = base64_of(user + ":" + key);
          if (url_safe) text = base64_url_safe(text);
          while (!padded && text.ends_with('=')) text.pop_back();
          return "Basic  " + text;
        };
        CredentialBench bench;
        Request request = get();
        request.head.fields.add("authorization", field(kPlaceholder));
        bench.inner.answer.head.fields.add("x-echo", "you said " + field(kValue) + "!");
        bench.inner.answer.body = std::make_unique<SlicedSource>("[" + field(kValue) + "]", 1);
        bench.ask(std::move(request));
        EXPECT_EQ(bench.inner.head.fields.find("authorization"), field(kValue));
        EXPECT_EQ(bench.head.fields.find("x-echo"), "you said " + field(kPlaceholder) + "!");
        EXPECT_EQ(bench.body, "[" + field(kPlaceholder) + "]");
      }
    }
  }
  const SwapPair pair(kPlaceholder, kValue);
  const std::string twisted = base64_of(kPlaceholder + "12") + "A";
  EXPECT_FALSE(put_into_basic("Basic " + twisted, {&pair}));  // not its one spelling
  EXPECT_FALSE(put_into_basic("Basic " + base64_of("u:" + kPlaceholder) + " x", {&pair}));
  EXPECT_FALSE(put_into_basic("Basic " + base64_of("u:other"), {&pair}));
  EXPECT_FALSE(put_into_basic("Basic ", {&pair}));
  EXPECT_FALSE(put_into_basic("Bearer " + base64_of(kPlaceholder), {&pair}));
}

// A token that was refreshed may be longer, or shorter, than the one that the placeholder is of.
TEST(CredentialUpstream, AValueOfAnotherLength) {
  for (const std::string& value : {kValue + "Tn6yBv1KxMd5", std::string("k7Qw2ZxR9tLmB4vN")}) {
    KeptOut place;
    place.in_query = true;
    place.in_body = true;
    SecretSpec spec = kept_out(place);
    spec.value = value;
    spec.former = {kValue};
    for (std::size_t slice = 1; slice < 60; slice += 7) {
      CredentialBench bench(spec);
      Request request = post("a=" + kPlaceholder + "&b=" + kPlaceholder, slice);
      request.head.target = "/?k=" + kPlaceholder;
      request.head.fields.add("x-api-key", kPlaceholder);
      request.head.fields.add("authorization", "Basic " + base64_of("us:" + kPlaceholder));
      const std::string said = "[" + value + "|" + kValue + "|" + base64_of("us:" + value) + "]";
      bench.inner.answer.head.fields.add("x-echo", said);
      bench.inner.answer.head.content_length = said.size();
      bench.inner.answer.body = std::make_unique<SlicedSource>(said, slice);
      bench.ask(std::move(request));
      EXPECT_EQ(bench.inner.got, "a=" + value + "&b=" + value);
      EXPECT_EQ(bench.inner.head.content_length, bench.inner.got.size());
      EXPECT_EQ(bench.inner.head.target, "/?k=" + value);
      EXPECT_EQ(bench.inner.head.fields.find("x-api-key"), value);
      EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Basic " + base64_of("us:" + value));
      // The answer keeps its length, and has neither value.
      for (const std::string& heard : {bench.body, Bytes(*bench.head.fields.find("x-echo"))}) {
        EXPECT_EQ(heard.size(), said.size());
        EXPECT_EQ(heard.find(value), std::string::npos);
        EXPECT_EQ(heard.find(kValue), std::string::npos);
        EXPECT_EQ(heard.find(base64_of("us:" + value).substr(0, 34)), std::string::npos);
        EXPECT_NE(heard.find("|" + kPlaceholder + "|"), std::string::npos);
      }
    }
  }
}

// An exchange keeps the value that its request left with.
TEST(CredentialUpstream, ANewValueIsForRequestsThatComeLater) {
  CredentialBench bench;
  SecretSpec next = kept_out();
  next.value = kValue + "2";
  next.former = {kValue};
  Request request = get();
  request.head.fields.add("x-api-key", kPlaceholder);
  bench.ask(std::move(request));
  EXPECT_EQ(bench.inner.head.fields.find("x-api-key"), kValue);
  bench.upstream.take(CredentialSet::make({next}));
  bench.set.reset();
  Request later = get();
  later.head.fields.add("x-api-key", kPlaceholder);
  bench.inner.answer.body = std::make_unique<SlicedSource>("was " + kValue, 3);
  bench.ask(std::move(later));
  EXPECT_EQ(bench.inner.head.fields.find("x-api-key"), kValue + "2");
  EXPECT_EQ(bench.body, "was " + kPlaceholder);
}

TEST(CredentialUpstream, TakesOutEscapedSpellings) {
  // "/" and "+", as encoders write them.
  const std::pair<std::string, std::string> styles[] = {
      {"\\/", "+"},     {"\\/", "\\u002B"},     {"\\/", "\\u002b"},     {"%2F", "%2B"},
      {"%2f", "%2b"},   {"%2F", "+"},           {"%2f", "+"},           {"/", "%2B"},
      {"/", "%2b"},     {"\\u002F", "\\u002B"}, {"\\u002f", "\\u002b"}, {"\\u002F", "+"},
      {"\\u002f", "+"}, {"/", "\\u002B"},       {"/", "\\u002b"},
  };
  // So that the pair has both characters.
  const std::string user = "~~>~~?";
  const std::string pair = base64_of(user + ":" + kValue);
  const std::string sent = base64_of(user + ":" + kPlaceholder);
  ASSERT_NE(pair.find('/'), std::string::npos);
  ASSERT_NE(pair.find('+'), std::string::npos);
  for (const auto& [slash, plus] : styles) {
    const auto in_style = [&](const std::string& text) {
      std::string out;
      for (const char c : text) out += c == '/' ? slash : c == '+' ? plus : std::string(1, c);
      return out;
    };
    const std::string text = "<" + in_style(pair) + "|" + in_style(kValue) + ">";
    const std::string clean = "<" + in_style(sent) + "|" + in_style(kPlaceholder) + ">";
    for (const std::size_t slice : {1U, 10U, 1000U}) {
      CredentialBench bench;
      Request request = get();
      request.head.fields.add("authorization", "Basic " + sent);
      bench.inner.answer.head.fields.add("x-echo", text);
      bench.inner.answer.body = std::make_unique<SlicedSource>(text, slice);
      bench.ask(std::move(request));
      EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Basic " + pair);
      EXPECT_EQ(bench.body, clean);
      EXPECT_EQ(bench.head.fields.find("x-echo"), clean);
    }
  }
}

TEST(Spellings, AreAsLongAsWhatTakesTheirPlace) {
  for (const auto& [text, shown] :
       {std::pair<std::string, std::string>{"Zq8/Rw3+Tn6", "Lf4Ck9Pe2sX"},
        {"Zq8Rw3Tn6yB", "Lf4/Ck+Pe2s"},
        {"Zq\"8<R\\w'3&=", "Lf4Ck9Pe2sXu7"}}) {
    const auto all = spellings_of(text, shown.substr(0, text.size()));
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].text.size(), all[i].shown.size());
      EXPECT_LE(all[i].text.size(), 6 * text.size());
      EXPECT_NE(all[i].text, text);
      for (std::size_t k = 0; k < i; ++k) EXPECT_NE(all[i].text, all[k].text);
    }
  }
  EXPECT_TRUE(spellings_of("Zq8Rw3Tn6yB", "Lf4/Ck+Pe2s").empty());
  EXPECT_EQ(spellings_of("Zq8/Rw3", "Lf4Ck9P").front().shown, "Lf4Ck9Pxx");
}

TEST(CredentialUpstream, QueryAndBodyIfTheyAreItsParts) {
  KeptOut place;
  place.in_header = false;
  place.in_query = true;
  place.in_body = true;
  const std::string in_url = "sk-ant-api03-Lf4%2FCk9%2BPe2sXu7HwQa0YoV3";
  for (std::size_t slice = 1; slice < 60; ++slice) {
    CredentialBench bench(kept_out(place));
    Request request = post("a=" + kPlaceholder + "&b=" + in_url + "&c=" + kPlaceholder, slice);
    request.head.target = "/" + kPlaceholder + "?k=" + kPlaceholder + "&l=" + in_url;
    request.head.fields.add("x-api-key", kPlaceholder);
    bench.ask(std::move(request));
    const std::string value_in_url = "sk-ant-api03-Zq8%2FRw3%2BTn6yBv1KxMd5GhJ2";
    EXPECT_EQ(bench.inner.got, "a=" + kValue + "&b=" + value_in_url + "&c=" + kValue);
    EXPECT_EQ(bench.inner.head.target, "/" + kPlaceholder + "?k=" + kValue + "&l=" + value_in_url);
    EXPECT_EQ(bench.inner.head.fields.find("x-api-key"), kPlaceholder);
    EXPECT_EQ(bench.inner.head.content_length, 2 + kValue.size() + 3 + in_url.size() + 3 + 37);
  }
  CredentialBench header_only;
  header_only.ask(post("a=" + kPlaceholder));
  EXPECT_EQ(header_only.inner.got, "a=" + kPlaceholder);
}

TEST(CredentialUpstream, TakesTheValueOutOfEveryPartOfAnAnswer) {
  const std::string in_json = "sk-ant-api03-Zq8\\/Rw3+Tn6yBv1KxMd5GhJ2";
  const std::string text = "x" + kValue + "y" + in_json + kValue + " sk-ant-api03-Zq8";
  std::string clean = text;
  for (std::size_t at = 0; (at = clean.find("Zq8/Rw3+Tn6yBv1KxMd5GhJ2")) != std::string::npos;) {
    clean.replace(at, 24, "Lf4/Ck9+Pe2sXu7HwQa0YoV3");
  }
  clean.replace(clean.find("Zq8\\/Rw3+Tn6yBv1KxMd5GhJ2"), 25, "Lf4\\/Ck9+Pe2sXu7HwQa0YoV3");
  for (std::size_t slice = 1; slice <= text.size(); ++slice) {
    CredentialBench bench;
    ResponseHead early;
    early.status = 103;
    early.fields.add("link", "<" + kValue + ">");
    bench.inner.interims.push_back(early);
    Fields trailers;
    trailers.add("x-last", kValue);
    bench.inner.answer.head.reason = "No " + kValue;
    bench.inner.answer.head.fields.add("location", "https://a.test/?k=" + kValue);
    bench.inner.answer.head.fields.add("x-" + kValue, "1");
    bench.inner.answer.head.content_length = text.size();
    bench.inner.answer.body = std::make_unique<SlicedSource>(text, slice, trailers);
    bench.ask(get());
    ASSERT_FALSE(bench.failure);
    EXPECT_EQ(bench.body, clean);
    EXPECT_EQ(bench.head.reason, "No " + kPlaceholder);
    EXPECT_EQ(bench.head.fields.find("location"), "https://a.test/?k=" + kPlaceholder);
    EXPECT_TRUE(bench.head.fields.has("x-" + kPlaceholder));
    EXPECT_EQ(bench.head.content_length, text.size());
    ASSERT_TRUE(bench.trailers);
    EXPECT_EQ(bench.trailers->find("x-last"), kPlaceholder);
    ASSERT_EQ(bench.log.heads.size(), 1U);
    EXPECT_EQ(bench.log.heads[0].fields.find("link"), "<" + kPlaceholder + ">");
  }
}

std::string grpc_message(const std::string& text) {
  return std::string(4, '\0') + std::string(1, static_cast<char>(text.size())) + text;
}

TEST(GrpcMessages, TellsWhereTheLastOneEnds) {
  const std::string text = grpc_message("abc") + grpc_message("") + grpc_message("de");
  for (std::size_t slice = 1; slice <= text.size(); ++slice) {
    GrpcMessages messages;
    for (std::size_t at = 0; at < text.size(); at += slice) {
      const std::size_t end = std::min(at + slice, text.size());
      std::size_t want = ByteView::npos;
      for (const std::size_t last : {8U, 13U, 20U}) {
        if (at < last && last <= end) want = end - last;
      }
      EXPECT_EQ(messages.behind_last(text.substr(at, slice)), want) << at << " " << slice;
    }
  }
  GrpcMessages none;
  EXPECT_EQ(none.behind_last(grpc_message("ab") + "c"), ByteView::npos);
  EXPECT_EQ(none.behind_last(grpc_message("ab")), ByteView::npos);
}

// The sizes of the pieces in which an answer comes.
awaitable<void> read_sizes(BodySource& body, std::vector<std::size_t>& sizes) {
  for (;;) {
    auto chunk = co_await body.read(1000);
    EXPECT_TRUE(chunk);
    if (!chunk) co_return;
    sizes.push_back(chunk->data.size());
    if (chunk->end) co_return;
  }
}

TEST(SwappedBody, PiecesTellNothingOfTheValueAndMessagesDoNotWait) {
  const std::shared_ptr<const CredentialSet> set = CredentialSet::make({kept_out()});
  const auto use = std::make_shared<const CredentialUse>(set, set->of_host("api.test"));
  const auto sizes = [&use](const std::string& text, std::size_t slice, SwappedBody::Way way) {
    asio::io_context io{1};
    SwappedBody body(std::make_unique<SlicedSource>(text, slice), use, way);
    std::vector<std::size_t> out;
    run(io, read_sizes(body, out));
    return out;
  };
  for (std::size_t guessed = 1; guessed <= kValue.size(); ++guessed) {
    const std::string text = std::string(60, 'a') + kValue.substr(0, guessed);
    const std::string other(text.size(), '#');
    for (const std::size_t slice : {1U, 7U, 61U, 90U}) {
      EXPECT_EQ(sizes(text, slice, SwappedBody::Way::Back),
                sizes(other, slice, SwappedBody::Way::Back));
    }
  }
  const std::string two = grpc_message("sk-ant") + grpc_message("sk-ant");
  EXPECT_EQ(sizes(two, 11, SwappedBody::Way::BackGrpc), (std::vector<std::size_t>{11, 11}));
  EXPECT_EQ(sizes(two, 11, SwappedBody::Way::Back), (std::vector<std::size_t>{22}));
  const std::string one = grpc_message(std::string(100, 'a'));
  EXPECT_EQ(sizes(one, 60, SwappedBody::Way::BackGrpc).size(), 2U);
}

TEST(CredentialUpstream, TakesCodingsOff) {
  const std::string text = "data: " + kValue + "\n\n" + std::string(4u << 20, 'a');
  const std::pair<std::string, std::string> coded[] = {
      {"gzip", zlib_encode(text, 15 + 16)},
      {"deflate", zlib_encode(text, 15)},
      {"zstd", zstd_encode(text)},
      {"identity", text},
      {"aws-chunked", text},
  };
  for (const auto& [coding, bytes] : coded) {
    CredentialBench bench;
    bench.inner.answer.head.fields.add("content-encoding", coding);
    bench.inner.answer.head.content_length = bytes.size();
    bench.inner.answer.body = std::make_unique<SlicedSource>(bytes, 5000);
    bench.ask(get());
    ASSERT_FALSE(bench.failure) << coding << bench.failure->detail;
    EXPECT_EQ(bench.body.substr(0, 6 + kValue.size()), "data: " + kPlaceholder) << coding;
    EXPECT_EQ(bench.body.size(), text.size()) << coding;
    const bool plain = bytes == text;
    EXPECT_EQ(bench.head.fields.has("content-encoding"), plain) << coding;
    EXPECT_EQ(bench.head.content_length.has_value(), plain) << coding;
  }
}

TEST(CredentialUpstream, RefusesACodingThatItCannotUndo) {
  for (const std::string coding : {"dcb", "compress", "gzip, gzip", "gzip, aws-chunked"}) {
    CredentialBench bench;
    bench.inner.answer.head.fields.add("content-encoding", coding);
    bench.inner.answer.body = std::make_unique<SlicedSource>("whatever", 3);
    bench.ask(get());
    ASSERT_TRUE(bench.failure) << coding;
    EXPECT_EQ(bench.failure->code, Code::UpstreamBroken);
    EXPECT_EQ(bench.failure->reason, problem_code::kCodingNotScannable);
  }
  CredentialBench broken;
  broken.inner.answer.head.fields.add("content-encoding", "gzip");
  broken.inner.answer.body = std::make_unique<SlicedSource>(kValue, 3);
  broken.ask(get());
  ASSERT_TRUE(broken.failure);
  EXPECT_EQ(broken.failure->code, Code::UpstreamBroken);
  EXPECT_EQ(broken.body, "");
}

TEST(CredentialUpstream, AsksForCodingsThatItCanUndo) {
  const std::pair<std::string, std::string> cases[] = {{"gzip, dcb, br;q=0.5, *", "gzip, br;q=0.5"},
                                                       {"dcz", "identity"},
                                                       {"", "identity"},
                                                       {"zstd,deflate;q=0", "zstd, deflate;q=0"},
                                                       {"*;q=0", "identity"}};
  for (const auto& [asked, want] : cases) {
    CredentialBench bench;
    Request request = get();
    request.head.fields.add("Accept-Encoding", asked);
    bench.ask(std::move(request));
    EXPECT_EQ(bench.inner.head.fields.find("accept-encoding"), want);
  }
}

TEST(CredentialUpstream, AsksForNoSeveralPartsOfAnAnswer) {
  for (const std::string host : {"api.test", "other.test"}) {
    CredentialBench bench;
    Request request = get();
    request.head.fields.add("Accept-Encoding", "gzip");
    request.head.fields.add("Range", "bytes=0-17,30-40");
    request.head.fields.add("If-Range", "\"v1\"");
    bench.ask(std::move(request), host);
    const bool elsewhere = host == "other.test";
    EXPECT_EQ(bench.inner.head.fields.has("range"), elsewhere);
    EXPECT_EQ(bench.inner.head.fields.has("if-range"), elsewhere);
    EXPECT_EQ(bench.inner.head.fields.find("accept-encoding"), "gzip");
  }
}

TEST(CredentialSet, TwoValuesOfOneHost) {
  SecretSpec other = kept_out();
  other.name = "LONGER";
  other.value = kValue + "Kd83hs";
  other.kept_out->placeholder = "sk-ant-api03-Wm5/Xb2+Nc8vZr4QyTs7UiE6Pj19gk";
  CredentialBench bench(std::vector{kept_out(), other});
  Request request = get();
  request.head.fields.add("a-key", kPlaceholder);
  request.head.fields.add("b-key", other.kept_out->placeholder);
  bench.inner.answer.body = std::make_unique<SlicedSource>(other.value + " " + kValue, 2);
  bench.ask(std::move(request));
  EXPECT_EQ(bench.inner.head.fields.find("a-key"), kValue);
  EXPECT_EQ(bench.inner.head.fields.find("b-key"), other.value);
  EXPECT_EQ(bench.body, other.kept_out->placeholder + " " + kPlaceholder);
}

}  // namespace
}  // namespace bottle::test
