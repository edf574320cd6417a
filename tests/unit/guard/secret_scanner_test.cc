#include "proxy/guard/secret_scanner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "proxy/guard/encodings.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

const std::string kValue = "p@ss w0rd/\"x\"+y?z=\\t";
const std::string kPlain = "correcthorsebattery";
const std::string kRandom =
    "q7Rk2ZpT9wXc4LmV8sNd1HyB6fGjU3aEoQ5iKtYxS0vWnPrCbDzMhJgFlAeIuO7k9Xq2Vw5Tz8Rb4Ny6Lc1Mp3Hs";
// Built in pieces, so that scanners of source code do not take them for real.
const std::string kAnthropicKey = std::string("sk-ant-") + "api03-" + kRandom.substr(0, 80) + "AA";
const std::string kGitHubToken =
    std::string("github_pat_") + kRandom.substr(0, 22) + "_" + kRandom.substr(22, 59);

std::unique_ptr<const SecretSet> set_of(std::vector<SecretSpec> secrets) {
  auto set = SecretSet::make(std::move(secrets));
  EXPECT_TRUE(set) << set.error().message;
  return std::move(*set);
}

SecretSpec secret(std::string name, std::string value) {
  return SecretSpec{
      .name = std::move(name), .value = std::move(value), .hosts = {}, .in_body = false};
}

std::string percent_all(std::string_view text, bool upper) {
  std::string out;
  for (const char c : text) {
    std::string hex = hex_lower(std::string_view(&c, 1));
    if (upper) {
      for (char& h : hex) h = static_cast<char>(std::toupper(static_cast<unsigned char>(h)));
    }
    out += "%" + hex;
  }
  return out;
}

std::string percent_mixed(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 2 == 0) {
      out += percent_all(text.substr(i, 1), i % 4 == 0);
    } else {
      out += text[i] == ' ' ? '+' : text[i];
    }
  }
  return out;
}

std::string json_escaped(std::string_view text, bool all) {
  std::string out;
  for (const char c : text) {
    if (all) {
      out += "\\u00" + hex_lower(std::string_view(&c, 1));
    } else if (c == '"' || c == '\\' || c == '/') {
      out += '\\';
      out += c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string base64(std::string_view text) {
  std::string out = base64_core(text, 0);
  if (text.size() % 3 != 0) {
    std::string padded(text);
    padded.append(3 - text.size() % 3, '\0');
    out = base64_core(padded, 0).substr(0, out.size() + 1);
    while (out.size() % 4 != 0) out += '=';
  }
  return out;
}

struct Encoded {
  std::string name;
  std::string text;
};

std::vector<Encoded> encodings(const std::string& value) {
  std::vector<Encoded> all = {
      {"raw", value},
      {"percent_lower", percent_all(value, false)},
      {"percent_upper", percent_all(value, true)},
      {"percent_mixed", percent_mixed(value)},
      {"json", json_escaped(value, false)},
      {"json_unicode", json_escaped(value, true)},
      {"hex_lower", hex_lower(value)},
  };
  std::string upper = hex_lower(value);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  all.push_back({"hex_upper", upper});
  for (const std::string prefix : {"", "a", "ab", "user:"}) {
    for (const std::string suffix : {"", "z", "yz"}) {
      const std::string text = base64(prefix + value + suffix);
      all.push_back({"base64_" + prefix + "_" + suffix, text});
      all.push_back({"base64url_" + prefix + "_" + suffix, base64_url_safe(text)});
    }
  }
  return all;
}

// Feeds the pieces; gives the bytes that went out before the hit, or nothing if there was none.
std::optional<std::size_t> released(const SecretSet& set, ScanSpace& space,
                                    const std::vector<std::string_view>& pieces) {
  SecretScanner scanner(set, space, "example.com", Scheme::Https);
  std::size_t out = 0;
  for (const std::string_view piece : pieces) {
    const ScanResult result = scanner.feed(piece);
    out += result.safe;
    if (result.refused) return out;
  }
  return std::nullopt;
}

TEST(SecretScanner, FindsEveryEncodingInEverySplitBeforeItsLastByteLeaves) {
  const auto set = set_of({secret("PASSWORD", kValue), secret("PLAIN", kPlain)});
  ScanSpace space(*set);
  for (const std::string& value : {kValue, kPlain}) {
    for (const Encoded& encoded : encodings(value)) {
      const std::string body = "k=" + encoded.text + "&x=1";
      const std::size_t end = 2 + encoded.text.size();
      const std::string_view all = body;
      for (std::size_t i = 0; i <= body.size(); ++i) {
        const auto out = released(*set, space, {all.substr(0, i), all.substr(i)});
        ASSERT_TRUE(out) << encoded.name << " split at " << i;
        ASSERT_LT(*out, end) << encoded.name << " split at " << i;
      }
      std::vector<std::string_view> bytes;
      for (std::size_t i = 0; i < body.size(); ++i) bytes.push_back(all.substr(i, 1));
      const auto out = released(*set, space, bytes);
      ASSERT_TRUE(out) << encoded.name;
      ASSERT_LT(*out, end) << encoded.name;
    }
  }
}

TEST(SecretScanner, FindsRawAndPercentInEverySplitInThree) {
  const auto set = set_of({secret("PLAIN", kPlain)});
  ScanSpace space(*set);
  for (const std::string& text : {kPlain, percent_mixed(kPlain), kGitHubToken}) {
    const std::string body = "a " + text + " b";
    const std::string_view all = body;
    for (std::size_t i = 0; i <= body.size(); ++i) {
      for (std::size_t j = i; j <= body.size(); ++j) {
        const auto out =
            released(*set, space, {all.substr(0, i), all.substr(i, j - i), all.substr(j)});
        ASSERT_TRUE(out) << text << ' ' << i << ' ' << j;
        ASSERT_LT(*out, 2 + text.size()) << text << ' ' << i << ' ' << j;
      }
    }
  }
}

TEST(SecretScanner, LetsTheRestThrough) {
  const auto set = set_of({secret("PLAIN", kPlain)});
  ScanSpace space(*set);
  SecretScanner scanner(*set, space, "example.com", Scheme::Https);
  std::uint32_t state = 1;
  std::size_t safe = 0;
  for (int i = 0; i < 64; ++i) {  // 4 MiB of base64 and binary noise
    std::string chunk(65536, '\0');
    for (char& c : chunk) {
      state = state * 1664525u + 1013904223u;
      c = i % 2 == 0
              ? static_cast<char>(state >> 24)
              : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[state >> 26];
    }
    const ScanResult result = scanner.feed(chunk);
    ASSERT_FALSE(result.refused) << result.refused->name;
    safe += result.safe;
  }
  EXPECT_EQ(safe, 64u * 65536u);
  for (const std::string& near : {kPlain.substr(1), kPlain.substr(0, kPlain.size() - 1),
                                  std::string("Correcthorsebattery")}) {
    SecretScanner other(*set, space, "example.com", Scheme::Https);
    EXPECT_FALSE(other.feed(near).refused) << near;
  }
}

TEST(SecretScanner, StaysAtItsHit) {
  const auto set = set_of({secret("PLAIN", kPlain)});
  ScanSpace space(*set);
  SecretScanner scanner(*set, space, "example.com", Scheme::Https);
  EXPECT_EQ(scanner.feed("hello ").safe, 6u);
  const ScanResult first = scanner.feed(kPlain);
  ASSERT_TRUE(first.refused);
  EXPECT_EQ(first.refused->name, "PLAIN");
  EXPECT_EQ(first.refused->part, RequestPart::Body);
  EXPECT_EQ(first.refused->end, 6 + kPlain.size());
  const ScanResult later = scanner.feed("innocent");
  ASSERT_TRUE(later.refused);
  EXPECT_EQ(later.safe, 0u);
}

TEST(SecretScanner, LongSecretsAreFoundByTheirBeginning) {
  std::string value;
  for (int i = 0; i < 3000; ++i) value += "0123456789abcdefghijklmnopqrstuvwxyz"[i * i % 36];
  value.resize(kMaxSecret - 1, '!');
  value.insert(0, "~");
  const auto set = set_of({secret("LONG", value)});
  ScanSpace space(*set);
  for (const Encoded& encoded : encodings(value)) {
    SecretScanner scanner(*set, space, "example.com", Scheme::Https);
    std::optional<Finding> hit;
    for (std::size_t at = 0; at < encoded.text.size() && !hit; at += 100) {
      hit = scanner.feed(std::string_view(encoded.text).substr(at, 100)).refused;
    }
    EXPECT_TRUE(hit) << encoded.name;
  }
}

// Each line of a long value is looked for by itself: numbered, quoted, reversed or sorted lines.
TEST(SecretScanner, LinesOfALongValueAreFoundApart) {
  std::string value;
  for (int i = 0; i < 25; ++i) {
    for (int k = 0; k < 60; ++k) value += static_cast<char>('a' + (i * 11 + k * k + k * i) % 26);
    value += "\n";
  }
  const auto set = SecretSet::make({SecretSpec{.name = "LONG", .value = value, .hosts = {}}});
  ASSERT_TRUE(set);
  ScanSpace space(**set);
  std::string quoted;
  std::string backwards;
  for (std::size_t at = 0; at < value.size(); at += 61) {
    const std::string line = value.substr(at, 60);
    quoted += "  12\t" + line + "\n";
    backwards += std::string(line.rbegin(), line.rend()) + "\n";
  }
  for (const std::string& text : {value, quoted, backwards, value.substr(0, value.size() / 2),
                                  value.substr(value.size() / 2)}) {
    SecretScanner scanner(**set, space, "example.com", Scheme::Https);
    EXPECT_TRUE(scanner.feed(text).refused || scanner.finish()) << text;
  }
}

TEST(SecretScanner, ManySecretsCompile) {
  std::vector<SecretSpec> secrets;
  for (std::size_t i = 0; i < kMaxSecrets; ++i) {
    secrets.push_back(secret("S" + std::to_string(i), "value number " + std::to_string(i * 7919)));
  }
  auto one_more = secrets;
  one_more.push_back(secret("TOO_MANY", "one more than there may be"));
  const auto set = set_of(std::move(secrets));
  EXPECT_EQ(set->exact_count(), kMaxSecrets);
  EXPECT_FALSE(SecretSet::make(std::move(one_more)));
}

TEST(SecretScanner, RefusesBadSecretsWithoutShowingThem) {
  const struct {
    SecretSpec spec;
    std::string says;
  } cases[] = {
      {secret("SHORT", "1234567"), "SHORT"},
      {secret("HUGE", std::string(kMaxSecret + 1, 'h')), "HUGE"},
      {secret("", "long enough"), "name"},
      {secret("two words", "long enough"), "name"},
      {SecretSpec{"HOSTS", "long enough", std::vector<std::string>{"a.test:443"}, false}, "HOSTS"},
      {SecretSpec{"HOSTS", "long enough", std::vector<std::string>{"*"}, false}, "HOSTS"},
      {SecretSpec{"HOSTS", "long enough", std::vector<std::string>{"a b"}, false}, "HOSTS"},
  };
  for (const auto& bad : cases) {
    const auto set = SecretSet::make({bad.spec});
    ASSERT_FALSE(set) << bad.says;
    EXPECT_NE(set.error().message.find(bad.says), std::string::npos) << set.error().message;
    EXPECT_EQ(set.error().message.find(bad.spec.value), std::string::npos);
  }
  EXPECT_TRUE(SecretSet::make({secret("MIN", "12345678")}));
  EXPECT_TRUE(SecretSet::make({secret("MAX", std::string(kMaxSecret, 'm'))}));
  EXPECT_FALSE(SecretSet::make({secret("TWICE", "long enough"), secret("TWICE", "and another")}));
  EXPECT_TRUE(SecretSet::make(
      {SecretSpec{"HOSTS", "long enough", std::vector<std::string>{"*.Example.com"}, false}}));
}

// [T07]
TEST(SecretScanner, FindsSecretsInUrlFieldsAndHost) {
  const auto set = set_of({secret("PLAIN", kPlain), secret("PASSWORD", kValue)});
  ScanSpace space(*set);
  SecretScanner scanner(*set, space, "example.com", Scheme::Https);
  EXPECT_FALSE(scanner.scan_url("/a/b?c=d%20e+f"));
  for (const std::string& url : {"/" + kPlain, "/x?q=" + percent_all(kPlain, true),
                                 "/x?q=" + percent_mixed(kValue), "/?b=" + base64(kPlain)}) {
    const auto hit = scanner.scan_url(url);
    ASSERT_TRUE(hit) << url;
    EXPECT_EQ(hit->part, RequestPart::Url);
    EXPECT_EQ(word(refusal(*hit)), "secret_in_url");
  }
  Fields fields;
  fields.add("Accept", "*/*");
  EXPECT_FALSE(scanner.scan_fields(fields));
  fields.add("X-Foo", "v=" + kPlain);
  auto hit = scanner.scan_fields(fields);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->field, "X-Foo");
  EXPECT_EQ(word(refusal(*hit)), "secret_in_header");
  Fields name;
  name.add(kPlain, "1");
  EXPECT_TRUE(scanner.scan_fields(name));
  Fields lower;  // as HTTP/2 has names
  lower.add("x-" + to_lower(kValue) + "-x", "1");
  hit = scanner.scan_fields(lower);
  ASSERT_TRUE(hit);
  EXPECT_TRUE(hit->field.empty()) << "a name that is the secret is not shown";
  EXPECT_EQ(word(refusal(*hit)), "secret_in_header");
  for (const std::string shape :
       {"Sk-Ant-Api03-Q7rk2zpt9wxc4lmv8snd1hyb6fgju3aeoq5iktyxs0vw", "x.akiaqz7djt3wnk5mxh2r"}) {
    Fields in_a_name;
    in_a_name.add(shape, "1");
    EXPECT_TRUE(scanner.scan_fields(in_a_name)) << shape;
  }
  Fields basic;
  basic.add("Authorization", "Basic " + base64("u:" + kGitHubToken));
  hit = scanner.scan_fields(basic);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->name, "GitHub fine-grained token");

  // Binary metadata of gRPC: with and without padding, in both alphabets, and in lists.
  const std::string padded = base64("\1" + kGitHubToken);
  const std::string bare = padded.substr(0, padded.find('='));
  for (const std::string& value :
       {padded, bare, base64_url_safe(bare), "AAEC, " + bare, base64("\1\2" + kPlain + "\xff"),
        base64(kGitHubToken.substr(0, 20)) + "," + base64(kGitHubToken.substr(20))}) {
    Fields binary;
    binary.add("x-trace-Bin", value);
    hit = scanner.scan_fields(binary);
    ASSERT_TRUE(hit) << value;
    EXPECT_EQ(hit->field, "x-trace-Bin");
    EXPECT_EQ(word(refusal(*hit)), "secret_in_header");
  }
  Fields harmless;
  harmless.add("grpc-trace-bin", "AAAxMjM0NTY3ODkwMTIzNDU2AWNkZWZnaGlqAgE=");
  EXPECT_FALSE(scanner.scan_fields(harmless));

  for (const std::string& host :
       {kPlain + ".example.com", "a." + hex_lower(kPlain).substr(0, 38) + ".example.com"}) {
    SecretScanner by_host(*set, space, host, Scheme::Https);
    hit = by_host.scan_host();
    ASSERT_TRUE(hit) << host;
    EXPECT_EQ(word(refusal(*hit)), "secret_in_host");
  }
}

TEST(SecretScanner, NeverShowsTheValue) {
  const auto set = set_of({secret("PLAIN", kPlain)});
  ScanSpace space(*set);
  SecretScanner scanner(*set, space, "example.com", Scheme::Https);
  Fields fields;
  fields.add("X-Foo", kPlain);
  const auto in_field = scanner.scan_fields(fields);
  ASSERT_TRUE(in_field);
  Fields named;
  named.add(kPlain, "1");
  const auto in_name = scanner.scan_fields(named);
  ASSERT_TRUE(in_name);
  for (const Finding& hit : {*in_field, *in_name, *scanner.scan_url("/" + kPlain)}) {
    const Failure failure = refusal(hit);
    EXPECT_EQ(failure.code, Code::Denied);
    EXPECT_EQ((failure.detail + failure.hint + hit.name + hit.field).find(kPlain),
              std::string::npos);
    EXPECT_NE(failure.detail.find("PLAIN"), std::string::npos);
  }
}

bool header_hit(const SecretSet& set, ScanSpace& space, std::string_view host, Scheme scheme,
                std::string_view name, std::string_view value) {
  SecretScanner scanner(set, space, host, scheme);
  Fields fields;
  fields.add(name, value);
  return scanner.scan_fields(fields).has_value();
}

bool body_hit(const SecretSet& set, ScanSpace& space, std::string_view host,
              std::string_view body) {
  SecretScanner scanner(set, space, host, Scheme::Https);
  return scanner.feed(body).refused.has_value();
}

TEST(SecretScanner, CredentialMayGoWhereItBelongs) {
  SecretSpec own{"GATEWAY", kPlain, std::vector<std::string>{"api.test", "*.gw.test"}, false};
  SecretSpec body{"BODY", kValue, std::vector<std::string>{"login.test"}, true};
  SecretSpec nowhere{"NOWHERE", "never-to-be-sent", std::vector<std::string>{}, false};
  const auto set = set_of({own, body, nowhere});
  ScanSpace space(*set);
  const auto https = Scheme::Https;
  EXPECT_FALSE(header_hit(*set, space, "api.test", https, "X-Key", kPlain));
  EXPECT_FALSE(header_hit(*set, space, "api.test", https, "Authorization",
                          "Basic " + base64("user:" + kPlain)));
  EXPECT_FALSE(header_hit(*set, space, "eu.gw.test", https, "X-Key", kPlain));
  EXPECT_TRUE(header_hit(*set, space, "gw.test", https, "X-Key", kPlain));
  EXPECT_TRUE(header_hit(*set, space, "notapi.test", https, "X-Key", kPlain));
  EXPECT_TRUE(header_hit(*set, space, "api.test.evil.test", https, "X-Key", kPlain));
  EXPECT_TRUE(header_hit(*set, space, "api.test", Scheme::Http, "X-Key", kPlain));
  EXPECT_TRUE(body_hit(*set, space, "api.test", kPlain));
  EXPECT_FALSE(body_hit(*set, space, "login.test", kValue));
  EXPECT_TRUE(body_hit(*set, space, "login.test", kValue + kPlain));
  EXPECT_TRUE(header_hit(*set, space, "api.test", https, "X-Key", "never-to-be-sent"));
  SecretScanner scanner(*set, space, "api.test", https);
  EXPECT_TRUE(scanner.scan_url("/?k=" + kPlain));
}

TEST(SecretScanner, WellKnownTokenMayGoHome) {
  const auto set = set_of({});
  ScanSpace space(*set);
  const auto https = Scheme::Https;
  EXPECT_FALSE(header_hit(*set, space, "api.anthropic.com", https, "X-Api-Key", kAnthropicKey));
  EXPECT_TRUE(header_hit(*set, space, "example.com", https, "X-Api-Key", kAnthropicKey));
  EXPECT_TRUE(
      header_hit(*set, space, "api.anthropic.com", Scheme::Http, "X-Api-Key", kAnthropicKey));
  EXPECT_TRUE(body_hit(*set, space, "api.anthropic.com", kAnthropicKey));
  EXPECT_FALSE(body_hit(*set, space, "platform.claude.com",
                        "{\"refresh_token\":\"sk-ant-ort01-" + kRandom.substr(5, 80) + "\"}"));
  for (const char* host : {"github.com", "api.github.com", "raw.githubusercontent.com"}) {
    EXPECT_FALSE(header_hit(*set, space, host, https, "Authorization",
                            "Basic " + base64("x-access-token:" + kGitHubToken)));
  }
  EXPECT_TRUE(header_hit(*set, space, "evil-github.com", https, "Authorization", kGitHubToken));
}

TEST(SecretScanner, ExactValueOfAWellKnownShape) {
  // Without hosts: where the shape belongs. With hosts: there, and the shape is no obstacle.
  const auto home = set_of({secret("ANTHROPIC_API_KEY", kAnthropicKey)});
  ScanSpace space(*home);
  EXPECT_FALSE(
      header_hit(*home, space, "api.anthropic.com", Scheme::Https, "X-Api-Key", kAnthropicKey));
  EXPECT_TRUE(header_hit(*home, space, "gateway.test", Scheme::Https, "X-Api-Key", kAnthropicKey));
  const auto gateway =
      set_of({SecretSpec{"KEY", kAnthropicKey, std::vector<std::string>{"gateway.test"}, false}});
  ScanSpace other(*gateway);
  EXPECT_FALSE(
      header_hit(*gateway, other, "gateway.test", Scheme::Https, "X-Api-Key", kAnthropicKey));
  EXPECT_TRUE(
      header_hit(*gateway, other, "api.anthropic.com", Scheme::Https, "X-Api-Key", kAnthropicKey));
  EXPECT_TRUE(body_hit(*gateway, other, "gateway.test", kAnthropicKey));
}

struct ShapeCase {
  std::string name;
  std::string token;
};

std::vector<ShapeCase> shape_cases() {
  const std::string alnum = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zA0cD3fG6iJ9lM2oP5rS8uV1xY4bC7eF0hI3kL6nO";
  const auto n = [&alnum](std::size_t size) { return alnum.substr(0, size); };
  const std::string lower = "3f9a1c7e5b2d8064e1a7c93b5f0d2e68a4b7c1d90e3f5a682b7d4c19e0f83a56";
  return {
      {"Anthropic key", "sk-ant-" + std::string("api03-") + n(32)},
      {"OpenAI project key", "sk-" + std::string("proj-") + n(40)},
      {"OpenAI key", "sk-" + n(20) + "T3Blbk" + "FJ" + n(20)},
      {"AWS access key id", "AKIA" + std::string("Q3EGRHOPK2JWVLT7")},
      {"AWS secret access key", "aws_secret_access_key = " + n(38) + "/+"},
      {"GitHub token", "gho_" + n(36)},
      {"GitHub fine-grained token", "github_pat_" + n(22) + "_" + n(59)},
      {"GitLab token", "glpat-" + n(20)},
      {"Slack token", "xoxb-" + std::string("481516234210-") + n(16)},
      {"Slack app token",
       "xapp-" + std::string("1-A07KQ3ZP5TX-4815162342108-") + lower.substr(0, 32)},
      {"Slack webhook", "hooks.slack.com/services/T07KQ3ZP5/B09XW4TR2/" + n(18)},
      {"Google API key", "AIza" + n(35)},
      {"Google OAuth token", "ya29." + n(40)},
      {"Google OAuth client secret", "GOCSPX-" + n(28)},
      {"npm token", "npm_" + n(36)},
      {"PyPI token", "pypi-AgEI" + n(50)},
      {"Stripe key", "sk_live_" + n(24)},
      {"Hugging Face token", "hf_" + std::string("qRkZpTwXcLmVsNdHyBfGjUaEoQiKtYxSvW")},
      {"DigitalOcean token", "dop_v1_" + lower},
      {"SendGrid key", "SG." + n(22) + "." + n(43)},
      {"Docker Hub token", "dckr_pat_" + n(27)},
      {"age secret key",
       "AGE-SECRET-KEY-1" +
           std::string("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7LZP9R8YX2FGTV0WDS3N5J4HKEC6")},
      {"private key", "-----BEGIN " + std::string("OPENSSH PRIVATE KEY-----\n") + n(24)},
  };
}

TEST(SecretScanner, ShapesAreFoundAtTheirShortestAndNotBelow) {
  const auto set = set_of({});
  ScanSpace space(*set);
  for (const ShapeCase& shape : shape_cases()) {
    for (const std::string before : {"", " ", "\"", "=", "https://u:", "\\n", "%3D"}) {
      const std::string body = before + shape.token;
      SecretScanner scanner(*set, space, "example.com", Scheme::Https);
      const auto hit = scanner.feed(body).refused;
      ASSERT_TRUE(hit) << shape.name << " after " << before;
      EXPECT_EQ(hit->name, shape.name);
      SecretScanner shorter(*set, space, "example.com", Scheme::Https);
      const auto none = shorter.feed(std::string_view(body).substr(0, body.size() - 1)).refused;
      EXPECT_FALSE(none) << shape.name << " is found too early after " << before;
    }
    for (std::size_t i = 0; i <= shape.token.size(); ++i) {
      SecretScanner scanner(*set, space, "example.com", Scheme::Https);
      std::size_t out = scanner.feed(std::string_view(shape.token).substr(0, i)).safe;
      const ScanResult second = scanner.feed(shape.token.substr(i) + " trailing");
      out += second.safe;
      ASSERT_TRUE(second.refused || i == shape.token.size()) << shape.name;
      ASSERT_LT(out, shape.token.size() + (i == shape.token.size() ? 1u : 0u)) << shape.name;
    }
  }
}

TEST(SecretScanner, PrivateKeysWithEscapedLinesAndHeaders) {
  const auto set = set_of({});
  ScanSpace space(*set);
  const std::string begin = "-----BEGIN " + std::string("RSA PRIVATE KEY-----");
  const std::string base = "MIIEpAIBAAKCAQEA7bq8mN3xYzAb";
  EXPECT_TRUE(body_hit(*set, space, "a.test", begin + "\n" + base));
  EXPECT_TRUE(body_hit(*set, space, "a.test", begin + "\r\n" + base));
  EXPECT_TRUE(body_hit(*set, space, "a.test", "{\"k\":\"" + begin + "\\n" + base + "\"}"));
  EXPECT_TRUE(body_hit(*set, space, "a.test",
                       begin + "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n" + base));
  EXPECT_FALSE(body_hit(*set, space, "a.test", "look for " + begin + " in the file"));
  EXPECT_FALSE(
      body_hit(*set, space, "a.test", "-----BEGIN " + std::string("PUBLIC KEY-----\n") + base));
}

TEST(SecretScanner, OrdinaryTextIsNoToken) {
  const auto set = set_of({});
  ScanSpace space(*set);
  for (const std::string text : {
           "sk-ant-api03-...",
           "export ANTHROPIC_API_KEY=sk-ant-...",
           "ghp_xxxx",
           "npm_config_cache",
           "npm_config_registry_and_some_more_words_that_are_long_enough",
           "AKIA",
           "hf_hub_download",
           "task-ant-api03",
           "aws_secret_access_key = $SECRET",
           "glpat-short",
           "xoxb-",
           "d3b07384d113edec49eaa6238ad5ff00d3b07384d113edec49eaa6238ad5ff00",
           "550e8400-e29b-41d4-a716-446655440000",
           "eyJhbGciOiJIUzI1NiJ9.e30.abc",
       }) {
    EXPECT_FALSE(body_hit(*set, space, "a.test", text)) << text;
  }
}

// An escape that the end cuts off is text: the secret's last byte may be a percent sign.
TEST(SecretScanner, FinishLooksAtWhatTheEndCutOff) {
  for (const std::string value : {"correct-horse%", "correct-horse%4"}) {
    const auto set = set_of({secret("TOKEN", value)});
    ScanSpace space(*set);
    SecretScanner scanner(*set, space, "api.test", Scheme::Https);
    EXPECT_FALSE(scanner.feed("%63" + value.substr(1)).refused) << value;
    const auto hit = scanner.finish();
    ASSERT_TRUE(hit) << value;
    EXPECT_EQ(hit->name, "TOKEN");
  }
}

TEST(SecretScanner, FinishFindsNothingInOrdinaryEnds) {
  const auto set = set_of({secret("TOKEN", "correct-horse%")});
  ScanSpace space(*set);
  SecretScanner scanner(*set, space, "api.test", Scheme::Https);
  EXPECT_FALSE(scanner.feed("%63orrect-horse").refused);
  EXPECT_FALSE(scanner.finish());
}

}  // namespace
}  // namespace bottle
