#include "proxy/guard/shapes/token_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "proxy/contract/checksum.h"
#include "proxy/guard/shapes/token_text.h"
#include "tests/support/shape_finder.h"

namespace bottle {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string base64_of(std::string_view bytes) {
  std::string text;
  unsigned held = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) text.push_back(kBase64[bits >> (held - 6) & 63u]);
    bits &= 0xffffu;
  }
  if (held > 0) text.push_back(kBase64[bits << (6 - held) & 63u]);
  return text;
}

ShapeFinder& all_shapes() {
  static ShapeFinder shapes(token_shapes());
  return shapes;
}

struct Form {
  std::string name;
  std::string form;
};

// At least one for each shape whose value is random; the shortest that is real.
std::vector<Form> random_forms() {
  return {
      {"Anthropic key", "sk-ant-api03-{W32}"},
      {"OpenAI project key", "sk-proj-{W40}"},
      {"OpenAI key",
       "sk-{A20}T3Blbk"
       "FJ{A20}"},
      {"OpenRouter key", "sk-or-v1-{X64}"},
      {"Groq key", "gsk_{A48}"},
      {"xAI key", "xai-{A70}"},
      {"Perplexity key", "pplx-{A40}"},
      {"Replicate token", "r8_{A37}"},
      {"Hugging Face token", "hf_{L34}"},
      {"Mistral key", "MISTRAL_API_KEY={A32}"},
      {"Cohere key", "CO_API_KEY: \"{A40}"},
      {"AWS access key id", "AKIA{V16}"},
      {"AWS secret access key", "aws_secret_access_key = {B40}"},
      {"AWS Bedrock key", "ABSK{B109}"},
      {"Azure storage key", "AccountKey={B43}"},
      {"Azure shared access signature", "?sv=2022-11-02&sig={B43}="},
      {"Azure client secret", "{A3}8Q~{A31}"},
      {"Google API key", "AIza{W35}"},
      {"Google OAuth token", "ya29.{W40}"},
      {"Google OAuth client secret", "GOCSPX-{W28}"},
      {"Google service account", "\"private_key_id\": \"{X40}"},
      {"DigitalOcean token", "dop_v1_{X64}"},
      {"Databricks token", "dapi{X32}"},
      {"Cloudflare token", "cfut_{A40}"},
      {"Cloudflare origin CA key", "v1.0-{X24}-{X100}"},
      {"Cloudflare API token", "CLOUDFLARE_API_TOKEN={A40}"},
      {"Vercel token", "vcp_{A24}"},
      {"Vercel token in a setting", "VERCEL_TOKEN={A24}"},
      {"Netlify token", "nfp_{A36}"},
      {"Fly.io token", "fo1_{A43}"},
      {"Fly.io token", "fm2_{B80}"},
      {"Heroku key", "HRKU-AA{W58}"},
      {"Heroku key in a setting", "HEROKU_API_KEY={X8}-{X4}-{X4}-{X4}-{X12}"},
      {"Supabase token", "sbp_{X40}"},
      {"Supabase token", "sb_secret_{A31}"},
      {"Shopify token", "shpat_{X32}"},
      {"GitHub token", "ghp_{A36}"},
      {"GitHub token", "ghs_{A36}"},
      {"GitHub fine-grained token", "github_pat_{A22}_{A59}"},
      {"GitLab token", "glpat-{A20}"},
      {"Bitbucket token", "ATBB{A28}"},
      {"npm token", "npm_{A36}"},
      {"PyPI token", "pypi-AgEI{W50}"},
      {"Docker Hub token", "dckr_pat_{W27}"},
      {"Slack token", "xoxb-{D12}-{A16}"},
      {"Slack token", "xoxb-{D12}-{D12}-{A24}"},
      {"Slack app token", "xapp-1-A{U10}-{D12}-{X32}"},
      {"Slack webhook", "https://hooks.slack.com/services/T{U8}/B{U8}/{A18}"},
      {"Discord webhook", "https://discord.com/api/webhooks/{D18}/{W60}"},
      {"Telegram bot token", "{D10}:AA{W33}"},
      {"Telegram bot token", "/bot{D9}:AA{W33}"},
      {"Twilio API key", "SK{X32}"},
      {"Twilio auth token", "TWILIO_AUTH_TOKEN={X32}"},
      {"Mailgun key", "key-{X32}"},
      {"Mailgun key", "{X32}-{X8}-{X8}"},
      {"SendGrid key", "SG.{A22}.{A43}"},
      {"Linear key", "lin_api_{A40}"},
      {"Notion token", "ntn_{D11}{A35}"},
      {"Airtable token", "pat{A14}.{X64}"},
      {"Figma token", "figd_{W40}"},
      {"Atlassian token", "ATATT3{W100}"},
      {"Postman key", "PMAK-{X24}-{X34}"},
      {"Stripe key", "sk_live_{A24}"},
      {"Square access token", "SQUARE_ACCESS_TOKEN=EAAA{A60}"},
      {"Square token", "sq0atp-{A22}"},
      {"Datadog key", "DD_API_KEY={X32}"},
      {"Datadog token", "ddapp_{A32}"},
      {"New Relic key", "NRAK-{U27}"},
      {"New Relic license key", "{X36}NRAL"},
      {"Sentry token", "sntryu_{X64}"},
      {"Sentry DSN", "https://{X32}@o12345.ingest.sentry.io/6"},
      {"Grafana token", "glsa_{A32}_{X8}"},
      {"Terraform token", "{A14}.atlasv1.{W60}"},
      {"Vault token", "hvs.{A24}"},
      {"Vault token in a setting", "VAULT_TOKEN=s.{A24}"},
      {"Doppler token", "dp.st.prd.{A40}"},
      {"Doppler token", "dp.pt.{A40}"},
      {"Pulumi token", "pul-{X40}"},
      {"age secret key", "AGE-SECRET-KEY-1{Q58}"},
      {"private key",
       "-----BEGIN "
       "RSA PRIVATE KEY-----\n{B64}\n"},
      {"private key",
       "-----BEGIN "
       "OPENSSH PRIVATE KEY-----\\n{B64}"},
      {"private key",
       "-----BEGIN "
       "PGP PRIVATE KEY BLOCK-----\n\n{B64}"},
      {"database URL with a password", "postgres://app:{A16}@db.internal.test-corp.net:5432/app"},
      {"database URL with a password", "mongodb+srv://app:{A12}@cluster0.abcde.mongodb.net/x"},
      {"database URL with a password", "rediss://:{A20}@cache:6379"},
      {"database URL with a password", "amqp://u:{A12}@mq.corp.net/"},
      {"database URL with a password", "mysql://u:{A12}@sql.corp.net"},
      {"database URL of an example", "postgres://app:{A16}@localhost:5432/app"},
      {"database URL of an example", "mysql://user:password@db.corp.net/x"},
      {".netrc line", "machine api.corp.net login me password {A12}"},
  };
}

std::string jwt(std::string_view payload, Maker& maker) {
  return base64_of("{\"alg\":\"HS256\",\"typ\":\"JWT\"}") + "." + base64_of(payload) + "." +
         maker.fill("{A43}");
}

std::string in_an_hour() {
  const auto then = std::chrono::system_clock::now() + std::chrono::hours(1);
  return std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(then.time_since_epoch()).count());
}

// The forms that take more than random characters.
std::vector<Form> made_forms(Maker& maker) {
  return {
      {"Discord bot token", base64_of("1" + maker.fill("{D17}")) + maker.fill(".{A6}.{A27}")},
      {"Discord bot token", base64_of("7" + maker.fill("{D16}")) + maker.fill(".{A6}.{A27}")},
      {"Discord bot token", base64_of("3" + maker.fill("{D18}")) + maker.fill(".{A6}.{W27}")},
      {"Discord bot token", base64_of("9" + maker.fill("{D19}")) + maker.fill(".{W6}.{A27}")},
      {"Grafana API key", base64_of(maker.fill("{\"k\":\"{A32}\",\"n\":\"ci\",\"id\":1}"))},
      {"basic authorization",
       "\"Authorization\": \"Basic " + base64_of("deploy:" + maker.fill("{A14}"))},
      {"JSON Web Token that is valid now",
       jwt("{\"sub\":\"7\",\"exp\":" + in_an_hour() + "}", maker)},
      {"JSON Web Token", jwt("{\"sub\":\"7\",\"exp\":1500000000}", maker)},
      {"Supabase service key", jwt("{\"iss\":\"supabase\",\"role\":\"service_role\"}", maker)},
  };
}

TEST(TokenShapes, EachIsFoundInManyTokens) {
  Maker maker(1);
  std::set<std::string> seen;
  for (int round = 0; round < 40; ++round) {
    std::vector<Form> tokens = made_forms(maker);
    for (const Form& form : random_forms()) tokens.push_back({form.name, maker.fill(form.form)});
    for (const Form& token : tokens) {
      for (const std::string before : {"", " ", "\n", "(", ","}) {
        std::string text = before;
        text.append(token.form).append("\" and more");
        EXPECT_TRUE(all_shapes().found(text).contains(token.name)) << token.name << ": " << text;
      }
      seen.insert(token.name);
    }
  }
  for (const TokenShape& shape : token_shapes()) {
    EXPECT_TRUE(seen.contains(std::string(shape.name))) << shape.name << " has no case";
  }
}

TEST(TokenShapes, RealTokenIsFoundWhateverIsPutBehindIt) {
  Maker maker(2);
  for (const Form& form : random_forms()) {
    // A value that only the name of its setting tells must end where it ends.
    if (form.form.find('=') != std::string::npos || form.form.find(':') != std::string::npos)
      continue;
    for (const std::string behind : {"EXAMPLE", "xxxxxxxxxxxxxxxxxxxx", "your-token", "."}) {
      const std::string text = maker.fill(form.form) + behind;
      EXPECT_TRUE(all_shapes().found(text).contains(form.name)) << form.name << ": " << text;
    }
  }
}

TEST(TokenShapes, DocumentationIsNoToken) {
  for (const Form& form : random_forms()) {
    if (form.name.starts_with("database") || form.name == ".netrc line") continue;
    for (const std::string& text :
         {Maker::fill_with(form.form, 'x'), Maker::fill_with(form.form, 'X'),
          Maker::fill_with(form.form, '0'), Maker::fill_in_order(form.form)}) {
      const auto found = all_shapes().found(text + " ");
      EXPECT_FALSE(found.contains(form.name)) << form.name << ": " << text;
    }
  }
}

TEST(TokenShapes, TooShortIsNoToken) {
  Maker maker(3);
  for (const Form& form : random_forms()) {
    // Of these the end may be anywhere.
    if (form.name.starts_with("database") || form.name == ".netrc line") continue;
    if (form.name == "private key" || form.name == "Sentry DSN") continue;
    if (form.form.find("{D12}-{D12}") != std::string::npos) continue;  // not the shortest
    std::string text = maker.fill(form.form);
    text.pop_back();
    const std::string in_text = " " + text + " ";
    EXPECT_FALSE(all_shapes().found(in_text).contains(form.name)) << form.name << ": " << in_text;
  }
}

TEST(TokenShapes, InsideALongerWordIsNoToken) {
  Maker maker(4);
  for (const std::string form :
       {"ghp_{A36}", "sk-proj-{W40}", "AKIA{V16}", "SK{X32}", "hf_{L34}", "gsk_{A48}"}) {
    const std::string text = "base64" + maker.fill(form);
    EXPECT_TRUE(all_shapes().found(text).empty()) << text;
  }
}

TEST(TokenShapes, OrdinaryTextIsNoToken) {
  Maker maker(5);
  for (const std::string& text : std::vector<std::string>{
           "commit " + maker.fill("{X40}"),
           "id: " + maker.fill("{X8}-{X4}-{X4}-{X4}-{X12}"),
           "sha256:" + maker.fill("{X64}"),
           "\"integrity\": \"sha512-" + maker.fill("{B86}=="),
           "data:image/png;base64," + maker.fill("{B400}"),
           "secret_access_key = " + maker.fill("{X40}"),
           "-----BEGIN "
           "PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAAS...\n-----END",
           "-----BEGIN "
           "RSA PRIVATE KEY-----\n<your key>\n",
           "postgres://user@host/db",
           "https://user:password@example.com/",
           "machine example.com login me password hello123",
           "Authorization: Basic " + base64_of("user:password"),
           "Authorization: Basic " + base64_of("Aladdin:open sesame"),
           "Authorization: Basic YOUR_BASE64_CREDENTIALS",
           "eyJhbGciOiJIUzI1NiJ9 alone",
           "heroku id " + maker.fill("{X8}-{X4}-{X4}-{X4}-{X12}"),
           "datadog build " + maker.fill("{X32}"),
       }) {
    EXPECT_TRUE(all_shapes().found(text + "\n").empty())
        << text << " is " << *all_shapes().found(text + "\n").begin();
  }
}

TEST(TokenShapes, PublishedExamplesAreNoTokens) {
  Maker maker(6);
  for (const std::string& text : std::vector<std::string>{
           "AKIA"
           "IOSFODNN7EXAMPLE",
           "aws_secret_access_key=wJalrXUtn"
           "FEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
           "sk_test_" + maker.fill("{A24}"),
           "ghp_" + std::string(36, 'x'),
           "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UV"
           "ErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
           "MTk4NjIyNDgzNDcxOTI1MjQ4."
           "Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
           "110201543:"
           "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
           jwt("{\"sub\":\"1234567890\",\"name\":\"John Doe\",\"iat\":1516239022}", maker),
       }) {
    EXPECT_TRUE(all_shapes().found(text + " ").empty()) << text;
  }
  EXPECT_TRUE(is_documented_example("your-api-token-here"));
  EXPECT_TRUE(is_documented_example("abcdefghijklmnopqrst"));
  EXPECT_TRUE(is_documented_example("deadbeefdeadbeefdeadbeef"));
  EXPECT_TRUE(is_documented_example("a1b2c3d4e5f6g7h8i9j0"));
  EXPECT_FALSE(is_documented_example(maker.fill("{A36}")));
}

TEST(TokenShapes, ChecksumMakesATokenOfAnExample) {
  constexpr std::string_view kDigits =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const std::string body(30, 'x');
  std::string sum;
  for (std::uint32_t crc = crc32_of(body); sum.size() < 6; crc /= 62)
    sum.insert(sum.begin(), kDigits[crc % 62]);
  EXPECT_EQ(token_checksum(body), sum);
  EXPECT_TRUE(all_shapes().found("ghp_" + body + sum).contains("GitHub token"));
  EXPECT_TRUE(all_shapes().found("npm_" + body + sum).contains("npm token"));
  EXPECT_EQ(crc32_of("123456789"), 0xcbf43926u);
}

TEST(TokenShapes, SpanIsTheTokenWithAllThatBelongsToIt) {
  Maker maker(7);
  std::string token;
  const std::string github = maker.fill("ghp_{A40}");
  (void)all_shapes().found("see " + github + ", and", &token);
  EXPECT_EQ(token, github);
  const std::string key =
      "-----BEGIN "
      "RSA PRIVATE KEY-----\n" +
      maker.fill("{B64}\n{B64}\n{B31}=\n") + "-----END RSA PRIVATE KEY-----";
  (void)all_shapes().found("key:\n" + key + "\nrest", &token);
  EXPECT_EQ(token, key);
}

TEST(TokenShapes, RandomTokensAreNeverTakenForExamples) {
  Maker maker(8);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    refused += looks_random(maker.fill("{A36}"), 62) ? 0 : 1;
    refused += looks_random(maker.fill("{A20}"), 62) ? 0 : 1;
    refused += looks_random(maker.fill("{X32}"), 16) ? 0 : 1;
    refused += looks_random(maker.fill("{V16}"), 32) ? 0 : 1;
    refused += looks_random(maker.fill("{L34}"), 52) ? 0 : 1;
  }
  EXPECT_LE(refused, 5);
}

TEST(TokenShapes, HomesAreHostsInCanonicalForm) {
  std::set<std::string_view> names;
  for (const TokenShape& shape : token_shapes()) {
    EXPECT_TRUE(names.insert(shape.name).second) << shape.name;
    for (const TokenHome& home : shape.homes) {
      EXPECT_TRUE(home.header || home.url || home.body) << home.host;
      EXPECT_TRUE(home.host == "*" || home.host.find('.') != std::string_view::npos) << home.host;
      EXPECT_TRUE(std::none_of(home.host.begin(), home.host.end(), is_upper)) << home.host;
    }
  }
  EXPECT_LE(token_shapes().size() + financial_shapes().size(), kMaxShapes);
  EXPECT_TRUE(host_matches("*", "any.test"));
  EXPECT_FALSE(host_matches("*.x.test", "x.test"));
}

struct HomeCase {
  std::string_view shape;
  std::string_view host;
  bool header;
  bool url;
  bool body;
};

TEST(TokenShapes, HomesTakeTheirTokensWhereTheyDocument) {
  for (const HomeCase& one : {
           HomeCase{"GitHub token", "api.github.com", true, false, false},
           HomeCase{"Anthropic key", "platform.claude.com", true, false, true},
           HomeCase{"Google API key", "maps.googleapis.com", true, true, false},
           HomeCase{"Telegram bot token", "api.telegram.org", false, true, false},
           HomeCase{"Azure shared access signature", "x.blob.core.windows.net", false, true, false},
           HomeCase{"Slack token", "slack.com", true, false, true},
           HomeCase{"Sentry DSN", "o1.ingest.sentry.io", true, true, true},
           HomeCase{"JSON Web Token that is valid now", "any.test", true, false, false},
           HomeCase{"basic authorization", "any.test", true, false, false},
           HomeCase{"Vault token", "vault.test", false, false, false},
       }) {
    bool header = false;
    bool url = false;
    bool body = false;
    for (const TokenShape& shape : token_shapes()) {
      if (shape.name != one.shape) continue;
      for (const TokenHome& home : shape.homes) {
        if (!host_matches(home.host, one.host)) continue;
        header = header || home.header;
        url = url || home.url;
        body = body || home.body;
      }
    }
    EXPECT_EQ(header, one.header) << one.shape;
    EXPECT_EQ(url, one.url) << one.shape;
    EXPECT_EQ(body, one.body) << one.shape;
  }
}

}  // namespace
}  // namespace bottle
