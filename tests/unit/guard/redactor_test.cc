#include "proxy/guard/redactor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "proxy/guard/encodings.h"

namespace bottle {
namespace {

// Random, as a real one: what is written in documents is none.
const std::string kToken = std::string("ghp_") + "k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW";
const std::string kMark = "[bottle: GitHub token removed]";
constexpr const char* kOwn = "correct horse/battery\"staple";
constexpr const char* kOwnMark = "[bottle: OWN removed]";

const SecretSet& secrets() {
  static const std::unique_ptr<const SecretSet> set = [] {
    auto made =
        SecretSet::make({SecretSpec{.name = "OWN", .value = kOwn, .hosts = {}, .in_body = false}});
    EXPECT_TRUE(made);
    return std::move(*made);
  }();
  return *set;
}

struct Redacted {
  std::string text;  // empty if it was refused
  std::vector<Finding> findings;
  std::string refusal;
};

class Redactors : public testing::Test {
 protected:
  Redacted redact(RedactKind kind, std::string text) {
    Redactor redactor(place_, kind, std::move(text));
    Redacted out;
    for (;;) {
      const auto done = redactor.step();
      if (!done) {
        out.refusal = done.error().detail;
        EXPECT_EQ(done.error().code, Code::Denied);
        return out;
      }
      if (*done) break;
    }
    out.findings = redactor.findings();
    out.text = redactor.take_text();
    EXPECT_FALSE(hits(out.text)) << out.text;
    return out;
  }
  std::string json(std::string text) { return redact(RedactKind::Json, std::move(text)).text; }

  bool hits(std::string_view text) {
    SecretScanner scanner(secrets(), space_, "api.test", Scheme::Https);
    return scanner.feed(text).refused || scanner.finish();
  }

  ScanSpace space_{secrets()};
  const ScanPlace place_{
      .secrets = secrets(), .space = space_, .host = "api.test", .scheme = Scheme::Https};
};

TEST_F(Redactors, ReplacesTheTokenAndNothingElse) {
  const std::string before = R"({"messages" : [ {"content":[{"type":"text","text":"the \u00e9 )";
  const std::string after = R"(, and\nmore\/"}]}],"n":1.0e5})";
  const Redacted out = redact(RedactKind::Json, before + kToken + after);
  EXPECT_EQ(out.text, before + kMark + after);
  ASSERT_EQ(out.findings.size(), 1U);
  EXPECT_EQ(out.findings[0].name, "GitHub token");
  EXPECT_EQ(out.findings[0].json_path, "messages[0].content[0].text");
  EXPECT_EQ(out.findings[0].begin, before.size());
  EXPECT_EQ(out.findings[0].end, before.size() + kToken.size());
}

TEST_F(Redactors, LeavesATextWithoutSecretsAsItIs) {
  const Redacted out = redact(RedactKind::Json, R"({"a":["b"]})");
  EXPECT_EQ(out.text, R"({"a":["b"]})");
  EXPECT_TRUE(out.findings.empty());
}

TEST_F(Redactors, ReplacesEveryTokenOfAValueAndOfAText) {
  EXPECT_EQ(json("[\"" + kToken + " " + kToken + "\",\"x\",{\"k\":\"" + kToken + "\"}]"),
            "[\"" + kMark + " " + kMark + "\",\"x\",{\"k\":\"" + kMark + "\"}]");
}

TEST_F(Redactors, TakesAllOfATokenThatIsLongerThanItsShortestForm) {
  EXPECT_EQ(json("[\"T=" + kToken + "bcd_e-f\\nx\"]"), "[\"T=" + kMark + "\\nx\"]");
}

TEST_F(Redactors, FindsATokenInEscapes) {
  std::string escaped;
  for (const char c : kToken) escaped += "\\u00" + hex_lower(std::string_view(&c, 1));
  EXPECT_EQ(json("[\"a " + escaped + " b\"]"), "[\"a " + kMark + " b\"]");
  // In a string's text that is JSON itself, which stays JSON.
  EXPECT_EQ(json(R"(["{\"out\":\"\\n )" + kToken + R"(\\nx\"}"])"),
            R"(["{\"out\":\"\\n )" + kMark + R"(\\nx\"}"])");
}

TEST_F(Redactors, ReplacesAGivenValueInEveryFormThatIsFound) {
  const std::string value = kOwn;
  EXPECT_EQ(json(R"(["a correct horse\/battery\"staple b"])"),
            std::string("[\"a ") + kOwnMark + " b\"]");
  for (const std::string& form :
       {hex_lower(value), std::string("correct%20horse%2fbattery%22staple")}) {
    EXPECT_EQ(json("[\"a " + form + " b\"]"), std::string("[\"a ") + kOwnMark + " b\"]") << form;
  }
}

TEST_F(Redactors, TakesAPrivateKeyToItsEnd) {
  const std::string dashes = "-----";
  const std::string line = "MIIEowIBAAKCAQEAx7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uWk7Qw2ZxR9tLm";
  const std::string key = dashes + "BEGIN RSA PRIVATE KEY" + dashes + "\\n" + line + "\\n" + line +
                          "\\n" + dashes + "END RSA PRIVATE KEY" + dashes;
  EXPECT_EQ(json("[\"a\\n" + key + "\\nb\"]"), "[\"a\\n[bottle: private key removed]\\nb\"]");
  EXPECT_EQ(json("[\"a\\n" + key.substr(0, 150) + "\"]"), "[\"a\\n[bottle: private key removed]\"]")
      << "one that is cut off goes to the end of the text";
}

TEST_F(Redactors, ALongValueTakesItsStringWithIt) {
  std::string value;
  for (int i = 0; i < 200; ++i) value += "word" + std::to_string(i) + ", and ";
  auto set =
      SecretSet::make({SecretSpec{.name = "LONG", .value = value, .hosts = {}, .in_body = false}});
  ASSERT_TRUE(set);
  ScanSpace space(**set);
  const ScanPlace place{
      .secrets = **set, .space = space, .host = "api.test", .scheme = Scheme::Https};
  Redactor redactor(place, RedactKind::Json, "[\"a\",\"begin " + value + " end\"]");
  while (!*redactor.step()) {
  }
  EXPECT_EQ(redactor.take_text(), "[\"a\",\"[bottle: LONG removed]\"]");
}

// Whatever of such a value is in other strings would stay.
TEST_F(Redactors, RefusesAValueThatIsSpreadOverStrings) {
  std::string value;
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    std::string line;
    for (int k = 0; k < 60; ++k) line += static_cast<char>('0' + (i * 7 + k * k + k * i) % 75);
    std::replace(line.begin(), line.end(), '\\', '/');
    value += line + "\n";
    lines += (i == 0 ? "\"" : ",\"") + line + "\"";
  }
  auto set =
      SecretSet::make({SecretSpec{.name = "LONG", .value = value, .hosts = {}, .in_body = false}});
  ASSERT_TRUE(set);
  ScanSpace space(**set);
  const ScanPlace place{
      .secrets = **set, .space = space, .host = "api.test", .scheme = Scheme::Https};
  Redactor redactor(place, RedactKind::Json, "[" + lines + "]");
  Result<bool> done = false;
  while (done && !*done) done = redactor.step();
  EXPECT_FALSE(done);
}

TEST_F(Redactors, RefusesAHitThatIsInNoValue) {
  EXPECT_NE(redact(RedactKind::Json, "{\"" + kToken + "\":1}").refusal, "");
  EXPECT_NE(redact(RedactKind::Json, "{\"x\":{\"" + kToken + "\":\"y\"}}").refusal, "");
}

TEST_F(Redactors, RefusesATextThatIsNotWhatItsTypeSays) {
  for (const std::string& text :
       {"[\"" + kToken + "\"", "[\"" + kToken + "\",]", kToken, "{\"a\":\"" + kToken + "\"} {}"}) {
    EXPECT_NE(redact(RedactKind::Json, text).refusal, "") << text;
  }
}

TEST_F(Redactors, TheRefusalNamesThePath) {
  const Redacted out = redact(RedactKind::Json, "{\"a\":[{\"" + kToken + "\":\"y\"}]}");
  EXPECT_EQ(out.refusal, "the request carries a secret (GitHub token) in the body at a[0]");
}

TEST_F(Redactors, TheSameValueIsRedactedTheSameWayInEveryTurn) {
  const std::string turn = "{\"role\":\"user\",\"text\":\"x " + kToken + " y\"}";
  const std::string clean = "{\"role\":\"user\",\"text\":\"x " + kMark + " y\"}";
  std::string in = "[" + turn;
  std::string expected = "[" + clean;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(json(in + "]"), expected + "]");
    const std::string more =
        ",{\"role\":\"assistant\",\"text\":\"" + std::string(5000, 'z') + "\"}";
    in += more + "," + turn;
    expected += more + "," + clean;
  }
  EXPECT_EQ(json(expected + "]"), expected + "]");
}

TEST_F(Redactors, WorksOnLongTextsInSteps) {
  std::string in = "[";
  std::string expected = "[";
  for (std::size_t i = 0; i < 40; ++i) {
    const std::string filler = "\"" + std::string(3000 + i * 997, i % 2 ? 'x' : ' ') + "\",";
    in += filler + "\"" + kToken + "\",";
    expected += filler + "\"" + kMark + "\",";
  }
  const Redacted out = redact(RedactKind::Json, in + "1]");
  EXPECT_EQ(out.text, expected + "1]");
  EXPECT_EQ(out.findings.size(), 40U);
}

TEST_F(Redactors, ManyTokensInOneValueEndWithItsEnd) {
  std::string in;
  for (std::size_t i = 0; i < SpanFinder::kMaxSpans + 50; ++i) in += kToken + " ";
  const Redacted out = redact(RedactKind::Json, "[\"" + in + "\"]");
  EXPECT_NE(out.text, "");
  EXPECT_EQ(out.findings.size(), Redactor::kMaxTold);
}

TEST_F(Redactors, FormsAndPlainTextLikewise) {
  EXPECT_EQ(redact(RedactKind::Form, "a=1&t=" + kToken + "+x&b=%20").text,
            "a=1&t=%5Bbottle%3A+GitHub+token+removed%5D+x&b=%20");
  EXPECT_EQ(redact(RedactKind::Form, "t=%67" + kToken.substr(1)).text,
            "t=%5Bbottle%3A+GitHub+token+removed%5D");
  EXPECT_NE(redact(RedactKind::Form, kToken + "=1").refusal, "");
  EXPECT_NE(redact(RedactKind::Form, "a=1&" + kToken).refusal, "");
  EXPECT_EQ(redact(RedactKind::Plain, "a " + kToken + "\nb").text, "a " + kMark + "\nb");
}

TEST_F(Redactors, ANameNeverBreaksTheText) {
  EXPECT_EQ(redaction_of("A\"B\\C\n"), "[bottle: A?B?C? removed]");
  EXPECT_EQ(redaction_of(std::string(100, 'x')).size(), 64U + 18U);
}

Fields type(std::string_view value) {
  Fields fields;
  fields.add("Content-Type", value);
  return fields;
}

TEST(RedactKindTest, IsTold) {
  EXPECT_EQ(redact_kind(type("application/json")), RedactKind::Json);
  EXPECT_EQ(redact_kind(type("Application/JSON; charset=\"UTF-8\"")), RedactKind::Json);
  EXPECT_EQ(redact_kind(type("application/vnd.x+json;v=1")), RedactKind::Json);
  EXPECT_EQ(redact_kind(type("application/x-www-form-urlencoded")), RedactKind::Form);
  EXPECT_EQ(redact_kind(type("text/plain;charset=us-ascii")), RedactKind::Plain);
  for (const char* other :
       {"text/plain; charset=utf-16", "multipart/form-data; boundary=x", "application/x-ndjson",
        "application/grpc+json", "text/html", "", "application/jsonx",
        "application/json; charset=utf-8; charset=utf-16", "application/json; charset utf-16"}) {
    EXPECT_FALSE(redact_kind(type(other))) << other;
  }
  EXPECT_FALSE(redact_kind(Fields()));
  Fields two = type("application/json");
  two.add("content-type", "text/plain");
  EXPECT_FALSE(redact_kind(two));
}

TEST(RedactKindTest, SealedBodiesAreTold) {
  Fields fields = type("application/json");
  fields.add("authorization", "Bearer x");
  EXPECT_FALSE(is_sealed(fields));
  fields.add("x-amz-content-sha256", "UNSIGNED-PAYLOAD");
  EXPECT_FALSE(is_sealed(fields));
  fields.set("x-amz-content-sha256", "0123");
  EXPECT_TRUE(is_sealed(fields));
  Fields signature;
  signature.add("Authorization", "AWS4-HMAC-SHA256 Credential=x");
  EXPECT_TRUE(is_sealed(signature));
  Fields digest;
  digest.add("Content-Digest", "sha-256=:x:");
  EXPECT_TRUE(is_sealed(digest));
}

}  // namespace
}  // namespace bottle
