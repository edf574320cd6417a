#include "proxy/guard/shapes/scanner_patterns.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "proxy/guard/redactor.h"
#include "proxy/guard/secret_set.h"

namespace bottle {
namespace {

const SecretSet& set() {
  static const auto kSet = [] {
    GuardOptions options;
    options.scanner = true;
    auto made = SecretSet::make({}, options);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }();
  return *kSet;
}

std::string redacted(const SecretSet& secrets, const std::string& text) {
  ScanSpace space(secrets);
  const ScanPlace place{.secrets = secrets, .space = space, .host = "a.test"};
  Redactor redactor(place, RedactKind::Plain, text);
  for (;;) {
    const auto done = redactor.step();
    if (!done) return "refused: " + done.error().detail;
    if (*done) return redactor.take_text();
  }
}
std::string redacted(const std::string& text) { return redacted(*set().for_scanner(), text); }

const std::string kExample = std::string("AKIA") + "IOSFODNN7EXAMPLE";

TEST(ScannerPatterns, AreInASetOfTheirOwn) {
  EXPECT_EQ(redacted("id " + kExample + " end"), "id [bottle: AWS Access ID removed] end");
  EXPECT_EQ(redacted(set(), "id " + kExample), "id " + kExample);
  const auto without = SecretSet::make({});
  ASSERT_TRUE(without);
  EXPECT_EQ((*without)->for_scanner(), nullptr);
}

TEST(ScannerPatterns, AreFoundInAnyCase) {
  EXPECT_EQ(redacted("SK-ANT-K7QW2ZXR9TLM"), "[bottle: Anthropic API Key removed]");
  EXPECT_EQ(redacted("akia2zxr9tlmb4vn8cyp"), "[bottle: AWS Access ID removed]");
}

TEST(ScannerPatterns, ASettingGoesToItsEnd) {
  EXPECT_EQ(redacted("a?password=p/a:s!s$w@rd next").find("w@rd"), std::string::npos);
  const std::string text = redacted("export DB_PASSWORD=change/me$now&all\nexport A=b");
  EXPECT_EQ(text.find("now"), std::string::npos) << text;
  EXPECT_NE(text.find("export A=b"), std::string::npos) << text;
}

// Of a header alone the rest of the text stays; of a key everything goes.
TEST(ScannerPatterns, AKeyGoesWithItsHeader) {
  const std::string header = std::string("-----BEGIN ") + "PRIVATE KEY-----";
  const std::string code = redacted("if (line == '" + header + "') return; // more code");
  EXPECT_EQ(code.find("BEGIN"), std::string::npos) << code;
  EXPECT_NE(code.find("more code"), std::string::npos) << code;
  const std::string lines =
      "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n"
      "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu\n";
  const std::string end = std::string("-----END ") + "PRIVATE KEY-----";
  for (const std::string& key : {header + "\n" + lines + end, header + "\n" + lines}) {
    const std::string text = redacted(key + "\n");
    EXPECT_EQ(text.find("MzEfYyjiWA4R4"), std::string::npos) << text;
  }
}

// Patterns of numbers have the checks that pipelock has.
TEST(ScannerPatterns, NumbersAreCheckedAsPipelockDoes) {
  const auto goes = [](const std::string& text) { return redacted(text) != text; };
  EXPECT_TRUE(goes("4111 1111 1111 1111"));
  EXPECT_TRUE(goes("gb82west12345698765432"));
  EXPECT_TRUE(goes("123-45-6789"));
  EXPECT_TRUE(goes("0x" + std::string(64, 'a')));
  EXPECT_FALSE(goes("0x" + std::string(65, 'a')));
  EXPECT_FALSE(goes("123-45-67890"));
  EXPECT_FALSE(goes("4111 1111 1111 1112"));
  EXPECT_FALSE(goes("gb83west12345698765432"));
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(goes("at 17329423421234567" + std::to_string(10 + i)));
}

// A loose pattern meets random base64 now and then, and an image must stay what it is.
TEST(ScannerPatterns, DoNotChangeCiphertext) {
  std::string random;
  std::uint64_t state = 0x9e3779b97f4a7c15u;
  constexpr std::string_view kBase64 =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (int i = 0; i < 400'000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    random += kBase64[state >> 58];
  }
  EXPECT_EQ(redacted(random), random);
}

}  // namespace
}  // namespace bottle
