// What is found of what can be decoded: each secret, in each encoding, in each place, in one piece
// and byte by byte. Prints what is not found.
#include <gtest/gtest.h>

#include <array>
#include <cctype>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "proxy/guard/encodings.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {
namespace {

constexpr std::string_view kAlphanumeric =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kUpper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

std::string random_text(std::mt19937& random, std::string_view letters, std::size_t size) {
  std::string out;
  while (out.size() < size) out += letters[random() % letters.size()];
  return out;
}

struct Sample {
  std::string name;
  std::string text;
  bool exact;
};

// Exact values, and tokens of many kinds. None was ever issued. Joined from pieces, so that other
// scanners do not find them here.
std::vector<Sample> samples() {
  std::mt19937 random(7);
  const auto a = [&](std::size_t n) { return random_text(random, kAlphanumeric, n); };
  const auto x = [&](std::size_t n) { return random_text(random, kHexDigits, n); };
  const auto u = [&](std::size_t n) { return random_text(random, kUpper, n); };
  std::vector<Sample> out = {
      {"exact: 20 letters and digits", a(20), true},
      {"exact: a password with signs", "Tr0ub4dor&3 <" + a(9) + ">/" + a(6) + "%41", true},
      {"exact: hex", x(64), true},
      {"exact: a URL",
       "amqp"
       "://svc:" +
           a(24) + "@mq.internal.test/v1",
       true},
      {"exact: a long one", a(300), true},
      {"Anthropic key",
       "sk-"
       "ant-api03-" +
           a(93) + "AA",
       false},
      {"OpenAI project key",
       "sk-"
       "proj-" +
           a(74) +
           "T3Blbk"
           "FJ" +
           a(74),
       false},
      {"OpenAI key",
       "sk-" + a(20) +
           "T3Blbk"
           "FJ" +
           a(20),
       false},
      {"AWS access key id",
       "AKI"
       "A" +
           u(16),
       false},
      {"GitHub fine-grained token",
       "github"
       "_pat_" +
           a(22) + "_" + a(59),
       false},
      {"GitLab token",
       "glp"
       "at-" +
           a(20),
       false},
      {"Slack token",
       "xox"
       "b-481516234210-7071093215566-" +
           a(24),
       false},
      {"Slack webhook",
       "https://hooks.slack"
       ".com/services/T" +
           u(9) + "/B" + u(9) + "/" + a(24),
       false},
      {"Google API key",
       "AIz"
       "a" +
           a(35),
       false},
      {"Google OAuth token",
       "ya2"
       "9.a0" +
           a(60),
       false},
      {"Google OAuth client secret",
       "GOC"
       "SPX-" +
           a(28),
       false},
      {"PyPI token",
       "pypi-"
       "AgEIcHlwaS5vcmc" +
           a(90),
       false},
      {"Stripe key",
       "sk_"
       "live_" +
           a(24),
       false},
      {"Hugging Face token", "hf_" + random_text(random, kAlphanumeric.substr(0, 52), 34), false},
      {"DigitalOcean token",
       "dop"
       "_v1_" +
           x(64),
       false},
      {"SendGrid key",
       "SG"
       "." +
           a(22) + "." + a(43),
       false},
      {"Docker Hub token",
       "dckr"
       "_pat_" +
           a(27),
       false},
      {"private key",
       "-----BEGIN "
       "OPENSSH PRIVATE KEY-----\n" +
           a(70) + "\n" + a(70) + "\n",
       false},
      {"Shopify token",
       "shp"
       "at_" +
           x(32),
       false},
      {"Linear key",
       "lin"
       "_api_" +
           a(40),
       false},
      {"Notion token", std::string("ntn") + "_58291746305" + a(35), false},
      {"Doppler token",
       "dp"
       ".pt." +
           a(43),
       false},
      {"Pulumi token",
       "pul"
       "-" +
           x(40),
       false},
      {"Postman key",
       "PM"
       "AK-" +
           x(24) + "-" + x(34),
       false},
      {"OpenRouter key",
       "sk-"
       "or-v1-" +
           x(64),
       false},
      {"Groq key",
       "gs"
       "k_" +
           a(52),
       false},
      {"Perplexity key",
       "pp"
       "lx-" +
           a(48),
       false},
      {"Grafana token", std::string("glsa") + "_" + a(32) + "_" + x(8), false},
      {"Square token", std::string("sq0") + "atp-" + a(22), false},
      {"Databricks token",
       "dap"
       "i" +
           x(32),
       false},
  };
  return out;
}

std::string base64(std::string_view text) {
  std::string padded(text);
  while (padded.size() % 3 != 0) padded += '\0';
  std::string out = base64_core(padded, 0);
  const std::size_t pad = padded.size() - text.size();
  return out.substr(0, out.size() - pad) + std::string(pad, '=');
}

std::string each(std::string_view text, const std::function<std::string(unsigned char)>& write) {
  std::string out;
  for (const char c : text) out += write(static_cast<unsigned char>(c));
  return out;
}

std::string hex2(unsigned char c) {
  const char byte = static_cast<char>(c);
  return hex_lower(std::string_view(&byte, 1));
}

std::string wrapped(std::string_view text, std::size_t width, std::string_view between) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += width) {
    if (at > 0) out += between;
    out += text.substr(at, width);
  }
  return out;
}

std::string json(std::string_view text) {
  return each(text, [](unsigned char c) {
    if (c == '"' || c == '\\') return std::string{'\\', static_cast<char>(c)};
    if (c == '\n') return std::string("\\n");
    return std::string(1, static_cast<char>(c));
  });
}

std::string percent(std::string_view text) {
  return each(text, [](unsigned char c) { return "%" + hex2(c); });
}

struct Encoding {
  std::string name;
  std::function<std::string(const std::string&)> encode;
  bool exact_only = false;   // a token's shape does not survive it
  bool can_be_host = false;  // of lower-case letters and digits
};

std::string padded32(const std::string& text) {
  std::string whole = text;
  while (whole.size() % 5 != 0) whole += ' ';
  return base32_core(whole, 0);
}

std::vector<Encoding> encodings() {
  using S = const std::string&;
  return {
      {"raw", [](S t) { return t; }},
      {"percent", [](S t) { return percent(t); }},
      {"percent twice", [](S t) { return percent(percent(t)); }},
      {"percent three times", [](S t) { return percent(percent(percent(t))); }},
      {"JSON", [](S t) { return json(t); }},
      {"JSON in JSON", [](S t) { return json("{\"a\":\"" + json(t) + "\"}"); }},
      {"JSON, four levels", [](S t) { return json(json(json(json(t)))); }},
      {"JSON \\u", [](S t) { return each(t, [](unsigned char c) { return "\\u00" + hex2(c); }); }},
      {"HTML numbers",
       [](S t) { return each(t, [](unsigned char c) { return "&#" + std::to_string(c) + ";"; }); }},
      {"HTML hex numbers",
       [](S t) { return each(t, [](unsigned char c) { return "&#x" + hex2(c) + ";"; }); }},
      {"base64", [](S t) { return base64(t); }},
      {"base64 inside more", [](S t) { return base64("some=" + t + "\nand=more\n"); }},
      {"base64url", [](S t) { return base64_url_safe(base64("x " + t + " y")); }},
      {"base64 in lines of 76",
       [](S t) { return wrapped(base64("export K=" + t + "\n"), 76, "\n"); }},
      {"base64 in lines, in JSON",
       [](S t) { return wrapped(base64("export K=" + t + "\n"), 60, "\\n"); }},
      {"base64 in base64", [](S t) { return base64(base64(t)); }},
      {"base64 of JSON of percent",
       [](S t) { return base64("{\"k\":\"" + json(percent(t)) + "\"}"); }},
      {"base32", [](S t) { return padded32(t); }},
      {"hex", [](S t) { return hex_lower(t); }, false, true},
      {"hex with colons", [](S t) { return wrapped(hex_lower(t), 2, ":"); }},
      {"hex \\x", [](S t) { return each(t, [](unsigned char c) { return "\\x" + hex2(c); }); }},
      {"hex of base64", [](S t) { return hex_lower(base64(t)); }},
      {"quoted-printable",
       [](S t) {
         return "a=3Db=3Dc " + each(t, [](unsigned char c) {
                  const bool plain = std::isalnum(c) != 0 || c == '-' || c == '_';
                  return plain ? std::string(1, static_cast<char>(c)) : "=" + hex2(c);
                });
       }},
      {"zero-width between", [](S t) { return wrapped(t, 3, "\xe2\x80\x8b"); }},
      {"full width",
       [](S t) {
         return each(t, [](unsigned char c) {
           if (c <= 0x20 || c > 0x7e) return std::string(1, static_cast<char>(c));
           const unsigned point = 0xff01u + c - 0x21u;
           return std::string{static_cast<char>(0xe0 | (point >> 12)),
                              static_cast<char>(0x80 | ((point >> 6) & 0x3f)),
                              static_cast<char>(0x80 | (point & 0x3f))};
         });
       }},
      {"dashes between", [](S t) { return wrapped(t, 4, "-"); }, true},
      {"lines of 8", [](S t) { return wrapped(t, 8, "\n"); }, true},
      {"UTF-16",
       [](S t) {
         return each(t, [](unsigned char c) { return std::string{static_cast<char>(c), 0}; });
       },
       true},
      {"reversed", [](S t) { return std::string(t.rbegin(), t.rend()); }, true},
      {"decimal numbers",
       [](S t) { return each(t, [](unsigned char c) { return std::to_string(c) + ", "; }); }},
  };
}

struct Place {
  std::string name;
  std::string before;
  std::string after;
};

const std::vector<Place>& body_places() {
  static const std::vector<Place> all = {
      {"JSON", R"({"model":"m","messages":[{"role":"user","content":"look: )", R"( ok"}]})"},
      {"form", "a=1&text=", "&b=2"},
      {"multipart", "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\n\r\n",
       "\r\n--b--\r\n"},
      {"raw", "", ""},
  };
  return all;
}

class Matrix {
 public:
  Matrix(const SecretSet& set, ScanSpace& space) : set_(set), space_(space) {}

  void body(const Sample& sample, const Encoding& encoding, const std::string& text) {
    for (const Place& place : body_places()) {
      const std::string whole = place.before + text + place.after;
      for (const bool bytes : {false, true}) {
        SecretScanner scanner(set_, space_, "example.com", Scheme::Https);
        bool found = false;
        for (std::size_t at = 0; at < whole.size() && !found; at += bytes ? 1 : whole.size()) {
          found = scanner.feed(std::string_view(whole).substr(at, bytes ? 1 : whole.size()))
                      .refused.has_value();
        }
        count(found || scanner.finish(), sample, encoding,
              place.name + (bytes ? ", byte by byte" : ""));
      }
    }
  }

  void head(const Sample& sample, const Encoding& encoding, const std::string& text) {
    SecretScanner scanner(set_, space_, "example.com", Scheme::Https);
    const bool fits = text.find_first_of(std::string_view("\n\r\0 ", 4)) == std::string::npos;
    if (fits) {
      count(scanner.scan_url("/a/" + text + "/b").has_value(), sample, encoding, "path");
      count(scanner.scan_url("/a?q=" + text + "&c=d").has_value(), sample, encoding, "query");
    }
    if (text.find_first_of(std::string_view("\n\r\0", 3)) == std::string::npos) {
      Fields fields;
      fields.add("Accept", "*/*");
      fields.add("X-Note", text);
      count(scanner.scan_fields(fields).has_value(), sample, encoding, "field");
    }
    if (!encoding.can_be_host || !sample.exact || text.size() > 200) return;
    const std::string host = wrapped(text, 40, ".") + ".example.com";
    SecretScanner by_host(set_, space_, host, Scheme::Https);
    count(by_host.scan_host().has_value(), sample, encoding, "host");
  }

  void report() const {
    std::cout << found_ << " of " << all_ << " found\n";
    for (const auto& [what, where] : missed_) {
      std::cout << "not found: " << what << " in " << where.size() << " places, as "
                << where.front() << '\n';
    }
  }
  [[nodiscard]] double share() const {
    return static_cast<double>(found_) / static_cast<double>(all_);
  }

 private:
  void count(bool found, const Sample& sample, const Encoding& encoding, const std::string& where) {
    ++all_;
    if (found) {
      ++found_;
    } else {
      missed_[sample.name + " as " + encoding.name].push_back(where);
    }
  }

  const SecretSet& set_;
  ScanSpace& space_;
  std::size_t all_ = 0;
  std::size_t found_ = 0;
  std::map<std::string, std::vector<std::string>> missed_;
};

TEST(GuardMatrix, WhatTheViewsDecodeIsFound) {
  std::vector<SecretSpec> specs;
  for (const Sample& sample : samples()) {
    if (sample.exact) {
      specs.push_back(SecretSpec{.name = "S" + std::to_string(specs.size()),
                                 .value = sample.text,
                                 .hosts = {},
                                 .in_body = false});
    }
  }
  const auto set = SecretSet::make(specs);
  ASSERT_TRUE(set);
  ScanSpace space(**set);
  Matrix matrix(**set, space);
  for (const Sample& sample : samples()) {
    for (const Encoding& encoding : encodings()) {
      if (encoding.exact_only && !sample.exact) continue;
      const std::string text = encoding.encode(sample.text);
      matrix.body(sample, encoding, text);
      matrix.head(sample, encoding, text);
    }
  }
  matrix.report();
  EXPECT_GE(matrix.share(), 0.99);
}

}  // namespace
}  // namespace bottle
