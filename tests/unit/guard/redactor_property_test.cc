#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proxy/guard/encodings.h"
#include "proxy/guard/redactor.h"

namespace bottle {
namespace {

const SecretSet& secrets() {
  static const std::unique_ptr<const SecretSet> set = [] {
    auto made = SecretSet::make({SecretSpec{
        .name = "OWN", .value = "pass\"word\\with\nall/of it", .hosts = {}, .in_body = false}});
    EXPECT_TRUE(made);
    return std::move(*made);
  }();
  return *set;
}

// Writes JSON texts with secrets in them, each with a seed of its own.
class Writer {
 public:
  explicit Writer(std::uint32_t seed) : random_(seed) {}

  std::string text() {
    std::string out;
    value(out, 0);
    return out;
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_()) % n; }
  void space(std::string& out) { out.append(below(8) == 0 ? 1 + below(2) : 0, " \n\t"[below(3)]); }

  void value(std::string& out, unsigned depth) {
    space(out);
    switch (below(depth > 6 ? 4 : 7)) {
      case 0:
        out += std::vector<const char*>{"0", "-1.5e3", "true", "null", "false"}[below(5)];
        break;
      case 1:
      case 2:
      case 3:
        string(out);
        break;
      case 4:
        list(out, '[', ']', [&] { value(out, depth + 1); });
        break;
      default:
        list(out, '{', '}', [&] {
          out += "\"k" + std::to_string(below(100)) + "\":";
          value(out, depth + 1);
        });
    }
    space(out);
  }

  template <class Item>
  void list(std::string& out, char open, char close, Item item) {
    out += open;
    for (unsigned i = 0, n = below(5); i < n; ++i) {
      if (i > 0) out += ',';
      item();
    }
    out += close;
  }

  void string(std::string& out) {
    out += '"';
    for (unsigned i = 0, n = below(6); i < n; ++i) piece(out);
    out += '"';
  }

  void piece(std::string& out) {
    switch (below(12)) {
      case 0:
        out += " ghp_" + std::string(36 + below(3), static_cast<char>('a' + below(26))) + " ";
        break;
      case 1:
        out += escaped("ghp_" + std::string(36, 'x'));
        break;
      case 2:
        out += R"(pass\"word\\with\nall\/of it)";
        break;
      case 3:
        out += hex_lower("pass\"word\\with\nall/of it");
        break;
      case 4:
        out += escaped("pass\"word\\with\nall/of it");
        break;
      case 5:
        out += std::vector<const char*>{
            "\\n",     "\\\"",           "\\\\",     "\\/",
            "\\u00e9", "\\ud83d\\ude00", "\xc3\xa9", "\xf0\x9f\x98\x80"}[below(8)];
        break;
      case 6:
        out += std::string(below(3000), static_cast<char>('a' + below(26)));
        break;
      default:
        out +=
            std::vector<const char*>{" ", "words and more", "a=b", "%20", "/x/", "-----"}[below(6)];
    }
  }

  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) out += "\\u00" + hex_lower(std::string_view(&c, 1));
    return out;
  }

  std::mt19937 random_;
};

class RedactorProperties : public testing::Test {
 protected:
  std::optional<std::string> redact(std::string text, std::vector<Finding>* findings = nullptr) {
    Redactor redactor(place_, RedactKind::Json, std::move(text));
    for (;;) {
      const auto done = redactor.step();
      if (!done) return std::nullopt;
      if (*done) break;
    }
    if (findings != nullptr) *findings = redactor.findings();
    return redactor.take_text();
  }
  bool hits(std::string_view text) {
    SecretScanner scanner(secrets(), space_, "h.test", Scheme::Https);
    return scanner.feed(text).refused || scanner.finish();
  }

  ScanSpace space_{secrets()};
  const ScanPlace place_{
      .secrets = secrets(), .space = space_, .host = "h.test", .scheme = Scheme::Https};
};

// The text with what the findings name taken out, and the redacted one without its marks: the same
// bytes if nothing else was changed. Findings of whole values that went later have other places.
std::string without(std::string text, const std::vector<Finding>& findings) {
  for (auto it = findings.rbegin(); it != findings.rend(); ++it) {
    text.erase(static_cast<std::size_t>(it->begin), static_cast<std::size_t>(it->end - it->begin));
  }
  return text;
}
std::string without_marks(std::string text) {
  for (const std::string& name : {std::string("GitHub token"), std::string("OWN")}) {
    const std::string mark = redaction_of(name);
    for (std::size_t at = 0; (at = text.find(mark, at)) != std::string::npos;) {
      text.erase(at, mark.size());
    }
  }
  return text;
}

TEST_F(RedactorProperties, ValidTextsStayValidAndLoseTheirSecretsAlone) {
  int with_hits = 0;
  for (std::uint32_t seed = 0; seed < 400; ++seed) {
    const std::string in = Writer(seed).text();
    ASSERT_TRUE(nlohmann::json::accept(in)) << in;
    std::vector<Finding> findings;
    const auto out = redact(in, &findings);
    ASSERT_TRUE(out) << "seed " << seed;
    EXPECT_TRUE(nlohmann::json::accept(*out)) << "seed " << seed;
    EXPECT_FALSE(hits(*out)) << "seed " << seed;
    EXPECT_EQ(redact(*out), out) << "seed " << seed;
    if (!hits(in)) {
      EXPECT_EQ(*out, in) << "seed " << seed;
      continue;
    }
    ++with_hits;
    if (findings.size() < Redactor::kMaxTold) {
      EXPECT_EQ(without_marks(*out), without(in, findings)) << "seed " << seed;
    }
  }
  EXPECT_GT(with_hits, 100);
}

TEST_F(RedactorProperties, WhatIsNoJsonIsRefusedOrClean) {
  std::mt19937 random(7);
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::string in = Writer(seed).text();
    in[random() % in.size()] = static_cast<char>(random());
    const auto out = redact(in);
    if (!out) continue;
    EXPECT_FALSE(hits(*out)) << "seed " << seed;
    if (*out != in) {
      EXPECT_TRUE(JsonLeaves(*out).valid()) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace bottle
