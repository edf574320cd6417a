#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "proxy/guard/encodings.h"
#include "proxy/guard/head_scan.h"
#include "proxy/guard/secret_scanner.h"

// Values that only the proxy has, and their placeholders.
namespace bottle {
namespace {

const std::string kValue = "ghp_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW";
const std::string kPlaceholder = "ghp_Xn3Vd8TqYc5Ls1WzKf6RmJ9bGh2PaUe4Oi7S";

SecretSpec kept_out(KeptOut place = {}) {
  place.placeholder = kPlaceholder;
  SecretSpec spec;
  spec.name = "GITHUB_TOKEN";
  spec.value = kValue;
  spec.hosts = {"api.github.com", "api.test"};
  spec.kept_out = std::move(place);
  return spec;
}

struct Guarded {
  explicit Guarded(SecretSpec spec = kept_out()) : set(std::move(*SecretSet::make({spec}))) {}
  std::unique_ptr<const SecretSet> set;
  ScanSpace space{*set};

  // The name of what is refused in a head, or "".
  std::string head(const std::string& field, const std::string& target,
                   const std::string& host = "api.test", Scheme scheme = Scheme::Https) {
    CleanTexts clean;
    HeadScan scan(*set, space, clean, host, scheme);
    RequestHead request;
    request.target = target;
    request.fields.add("authorization", field);
    const auto found = scan.look(request);
    EXPECT_TRUE(found || scan.notes().empty());
    return found ? found->name : "";
  }
  std::string body(const std::string& text, const std::string& host = "api.test") {
    SecretScanner scanner(*set, space, host, Scheme::Https);
    auto found = scanner.feed(text).refused;
    if (!found) found = scanner.finish();
    return found ? found->name : "";
  }
};

TEST(KeptOut, TheValueGoesNowhere) {
  Guarded guarded;
  for (const std::string host : {"api.test", "api.github.com", "github.com", "other.test"}) {
    EXPECT_EQ(guarded.head("Bearer " + kValue, "/", host), "GITHUB_TOKEN") << host;
    EXPECT_EQ(guarded.head("", "/?k=" + kValue, host), "GITHUB_TOKEN") << host;
    EXPECT_EQ(guarded.body("a " + kValue + " b", host), "GITHUB_TOKEN") << host;
    EXPECT_EQ(guarded.body("a " + hex_lower(kValue) + " b", host), "GITHUB_TOKEN") << host;
  }
}

TEST(KeptOut, ThePlaceholderGoesToItsHostsInItsParts) {
  Guarded guarded;
  EXPECT_EQ(guarded.head("Bearer " + kPlaceholder, "/"), "");
  EXPECT_EQ(guarded.head("Bearer " + kPlaceholder, "/", "api.github.com"), "");
  EXPECT_EQ(guarded.head("", "/?k=" + kPlaceholder), "GITHUB_TOKEN");
  EXPECT_EQ(guarded.body("a " + kPlaceholder + " b"), "GITHUB_TOKEN");
  EXPECT_EQ(guarded.head("Bearer " + kPlaceholder, "/", "other.test"), "GITHUB_TOKEN");
  EXPECT_EQ(guarded.head("Bearer " + kPlaceholder, "/", "api.test", Scheme::Http), "GITHUB_TOKEN");
  KeptOut any;
  any.in_header = false;
  any.in_any_header = true;
  EXPECT_EQ(Guarded(kept_out(any)).head("Bearer " + kPlaceholder, "/"), "");
  KeptOut place;
  place.in_header = false;
  place.in_query = true;
  place.in_body = true;
  Guarded elsewhere(kept_out(place));
  EXPECT_EQ(elsewhere.head("Bearer " + kPlaceholder, "/"), "GITHUB_TOKEN");
  EXPECT_EQ(elsewhere.head("", "/?k=" + kPlaceholder), "");
  EXPECT_EQ(elsewhere.body("a " + kPlaceholder + " b"), "");
  EXPECT_EQ(elsewhere.body("a " + kPlaceholder + " b", "other.test"), "GITHUB_TOKEN");
}

TEST(KeptOut, AKeyThatSignsIsInNoPart) {
  KeptOut place;
  place.in_header = false;
  place.in_aws_signature = true;
  Guarded guarded(kept_out(place));
  EXPECT_EQ(guarded.head("Bearer " + kPlaceholder, "/"), "GITHUB_TOKEN");
  EXPECT_EQ(guarded.head("", "/?k=" + kPlaceholder), "GITHUB_TOKEN");
  EXPECT_EQ(guarded.body("a " + kPlaceholder + " b"), "GITHUB_TOKEN");
}

TEST(KeptOut, BothHaveOneFingerprint) {
  Guarded guarded;
  const auto print_of = [&](const std::string& text) {
    SecretScanner scanner(*guarded.set, guarded.space, "other.test", Scheme::Https);
    const auto found = scanner.feed(text).refused;
    return found ? found->fingerprint : "";
  };
  EXPECT_NE(print_of(kValue + " "), "");
  EXPECT_EQ(print_of(kValue + " "), print_of(kPlaceholder + " "));
}

TEST(KeptOut, AFormerValueGoesNowhereToo) {
  SecretSpec spec = kept_out();
  const std::string former = "Zq8Rw3Tn6yBv1KxMd5GhJ2Lf4Ck9Pe7sXu";
  spec.former = {former};
  Guarded guarded(spec);
  for (const std::string host : {"api.test", "other.test"}) {
    EXPECT_EQ(guarded.head("Bearer " + former, "/", host), "GITHUB_TOKEN") << host;
    EXPECT_EQ(guarded.body("a " + hex_lower(former) + " b", host), "GITHUB_TOKEN") << host;
  }
  EXPECT_EQ(guarded.head("Bearer " + kPlaceholder, "/"), "");
}

TEST(KeptOut, BadPlaceholdersAreRefused) {
  const auto bad = [](auto change) {
    SecretSpec spec = kept_out();
    change(spec);
    const auto made = SecretSet::make({spec});
    if (made) return std::string();
    EXPECT_EQ(made.error().message.find(kValue), std::string::npos);
    return made.error().message;
  };
  EXPECT_NE(bad([](SecretSpec& s) { s.hosts.reset(); }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.hosts.emplace(); }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.in_body = true; }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.kept_out->in_header = false; }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.kept_out->in_aws_signature = true; }), "");
  EXPECT_EQ(bad([](SecretSpec& s) { s.kept_out->placeholder += "x"; }), "");  // another length
  EXPECT_NE(bad([](SecretSpec& s) { s.value = "x" + kPlaceholder; }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.kept_out->placeholder = "too-short-for-1"; }), "");
  EXPECT_EQ(bad([](SecretSpec& s) { s.value += "+"; }), "");
  EXPECT_NE(bad([](SecretSpec& s) {
              s.value += "+";
              s.kept_out->in_body = true;
            }),
            "");
  EXPECT_NE(bad([](SecretSpec& s) { s.former.resize(kMaxFormer + 1, kValue); }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.former = {"short"}; }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.kept_out->placeholder = kValue; }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.kept_out->placeholder[5] = '\n'; }), "");
  EXPECT_NE(bad([](SecretSpec& s) { s.value[5] = '\r'; }), "");
  EXPECT_NE(bad([](SecretSpec& s) {
              s.value = "k7Qw2ZxR9tLmB4v";
              s.kept_out->placeholder = "Xn3Vd8TqYc5Ls1W";
            }),
            "");
}

}  // namespace
}  // namespace bottle
