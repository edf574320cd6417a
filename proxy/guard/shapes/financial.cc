#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certs/digest.h"
#include "proxy/guard/shapes/phrase_words.h"
#include "proxy/guard/shapes/token_shapes.h"
#include "proxy/guard/shapes/token_text.h"

// Numbers and phrases that mean money. Each has a checksum, which is what tells them from others.
namespace bottle {
namespace {

// Payment services publish these for tests.
constexpr std::array<std::string_view, 12> kTestCards = {
    "4242424242424242", "4111111111111111", "4012888888881881", "4000056655665556",
    "5555555555554444", "5105105105105100", "2223003122003222", "5200828282828210",
    "378282246310005",  "371449635398431",  "6011111111111117", "6011000990139424"};

// The first `size` letters and digits, and the text behind them.
struct Taken {
  std::string kept;
  std::string_view rest;
};
Taken take(std::string_view text, std::size_t size) {
  Taken taken;
  while (!text.empty() && taken.kept.size() < size) {
    const char c = text.front();
    if (is_alnum(c)) taken.kept.push_back(c);
    if (!is_alnum(c) && c != ' ' && c != '-') break;
    text.remove_prefix(1);
  }
  taken.rest = text;
  return taken;
}

bool passes_luhn(std::string_view digits) noexcept {
  unsigned sum = 0;
  bool twice = false;
  for (std::size_t i = digits.size(); i-- > 0; twice = !twice) {
    unsigned digit = static_cast<unsigned>(digits[i] - '0') * (twice ? 2u : 1u);
    sum += digit > 9 ? digit - 9 : digit;
  }
  return sum % 10 == 0;
}

bool is_card(std::string_view text) noexcept {
  const std::size_t size = text.starts_with('3') ? 15 : 16;
  const Taken taken = take(text, size);
  const std::string& card = taken.kept;
  // Another digit or letter behind it: a longer number of another kind.
  if (card.size() < size || (!taken.rest.empty() && is_alnum(taken.rest.front()))) return false;
  if (!std::all_of(card.begin(), card.end(), is_digit) || !passes_luhn(card)) return false;
  // "4000000000000002": a number for tests has few digits of its own.
  return entropy(card) > 1.9 && !is_regular(card) &&
         std::find(kTestCards.begin(), kTestCards.end(), card) == kTestCards.end();
}

struct Country {
  std::string_view code;
  std::size_t size;
};
// The registry of IBANs: how long each country's are.
constexpr std::array<Country, 50> kCountries = {
    {{"AD", 24}, {"AE", 23}, {"AL", 28}, {"AT", 20}, {"AZ", 28}, {"BA", 20}, {"BE", 16}, {"BG", 22},
     {"BH", 22}, {"BR", 29}, {"CH", 21}, {"CR", 22}, {"CY", 28}, {"CZ", 24}, {"DE", 22}, {"DK", 18},
     {"DO", 28}, {"EE", 20}, {"ES", 24}, {"FI", 18}, {"FR", 27}, {"GB", 22}, {"GE", 22}, {"GI", 23},
     {"GR", 27}, {"HR", 21}, {"HU", 28}, {"IE", 22}, {"IL", 23}, {"IS", 26}, {"IT", 27}, {"KW", 30},
     {"KZ", 20}, {"LB", 28}, {"LI", 21}, {"LT", 20}, {"LU", 20}, {"LV", 21}, {"MC", 27}, {"MT", 31},
     {"NL", 18}, {"NO", 15}, {"PL", 28}, {"PT", 25}, {"RO", 24}, {"SA", 24}, {"SE", 24}, {"SI", 19},
     {"SK", 24}, {"TR", 26}}};

bool is_iban(std::string_view text) noexcept {
  const auto country =
      std::find_if(kCountries.begin(), kCountries.end(),
                   [text](const Country& one) { return text.starts_with(one.code); });
  if (country == kCountries.end()) return false;
  const std::string iban = take(text, country->size).kept;
  if (iban.size() < country->size || std::any_of(iban.begin(), iban.end(), is_lower)) return false;
  // ISO 7064: the first four to the end, letters as two digits.
  unsigned rest = 0;
  for (const char c : iban.substr(4) + iban.substr(0, 4)) {
    rest = is_digit(c) ? rest * 10 + static_cast<unsigned>(c - '0')
                       : rest * 100 + static_cast<unsigned>(c - 'A') + 10;
    rest %= 97;
  }
  return rest == 1 && !is_regular(iban.substr(4)) && entropy(iban) > 2;
}

// Base58 to exactly `size` bytes, or nothing.
std::optional<std::string> decode_base58(std::string_view text, std::size_t size) {
  constexpr std::string_view kAlphabet =
      "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  std::string bytes(size, '\0');
  for (const char c : text) {
    const std::size_t digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    std::size_t carry = digit;
    for (std::size_t i = size; i-- > 0;) {
      carry += 58u * static_cast<unsigned char>(bytes[i]);
      bytes[i] = static_cast<char>(carry & 0xffu);
      carry >>= 8;
    }
    if (carry != 0) return std::nullopt;
  }
  return bytes;
}

std::string_view as_bytes(const Digest& digest) noexcept {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

bool is_wif_key(std::string_view text) noexcept {
  // Of a compressed public key one byte longer.
  const bool compressed = !text.starts_with('5');
  const std::size_t characters = compressed ? 52 : 51;
  if (text.size() < characters) return false;
  const auto bytes = decode_base58(text.substr(0, characters), compressed ? 38 : 37);
  if (!bytes || !bytes->starts_with('\x80')) return false;
  const std::string_view payload = std::string_view(*bytes).substr(0, bytes->size() - 4);
  const Digest digest = sha256(as_bytes(sha256(payload)));
  return std::string_view(*bytes).ends_with(as_bytes(digest).substr(0, 4));
}

std::optional<unsigned> word_number(std::string_view word) {
  static const std::vector<std::string_view> words = [] {
    std::vector<std::string_view> list;
    constexpr std::string_view kSpace = " \n";
    std::string_view rest = kPhraseWords;
    while (true) {
      rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
      if (rest.empty()) break;
      list.push_back(rest.substr(0, rest.find_first_of(kSpace)));
      rest.remove_prefix(list.back().size());
    }
    return list;
  }();
  const auto at = std::lower_bound(words.begin(), words.end(), word);
  if (at == words.end() || *at != word) return std::nullopt;
  return static_cast<unsigned>(at - words.begin());
}

// BIP-39: 11 bits a word; a bit of checksum for each 32 of entropy.
bool has_phrase_checksum(const std::vector<unsigned>& numbers, std::size_t words) {
  const std::size_t entropy_bytes = words * 4 / 3;
  std::string bytes(entropy_bytes + 1, '\0');
  for (std::size_t bit = 0; bit < words * 11; ++bit) {
    if ((numbers[bit / 11] >> (10 - bit % 11) & 1u) == 0) continue;
    bytes[bit / 8] =
        static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) | 0x80u >> bit % 8);
  }
  const unsigned kept = 8 - static_cast<unsigned>(words / 3);
  const auto sum = static_cast<unsigned char>(bytes.back());
  return sum >> kept == sha256(std::string_view(bytes).substr(0, entropy_bytes))[0] >> kept;
}

bool is_phrase(std::string_view text) noexcept {
  std::vector<unsigned> numbers;
  while (numbers.size() < 24) {
    const std::string_view word =
        text.substr(0, text.find_first_not_of("abcdefghijklmnopqrstuvwxyz"));
    const auto number = word_number(word);
    if (!number) break;
    numbers.push_back(*number);
    text.remove_prefix(word.size());
    if (!text.starts_with(' ')) break;
    text.remove_prefix(1);
  }
  // "abandon abandon … about" is the standard's own example.
  std::vector<unsigned> distinct = numbers;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (distinct.size() < 8) return false;
  for (std::size_t words = 12; words <= numbers.size(); words += 3) {
    if (has_phrase_checksum(numbers, words)) return true;
  }
  return false;
}

#define BOTTLE_LEFT_OF_NUMBER "(?:^|[^A-Za-z0-9_.\\-])"

constexpr std::array kShapes = {
    TokenShape{.name = "card number",
               .pattern = BOTTLE_LEFT_OF_NUMBER
               "(?:(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|6(?:011|4[4-9][0-9]|5[0-9]{2}))"
               "(?:[ \\-]?[0-9]{4}){3}|3[47][0-9]{2}[ \\-]?[0-9]{6}[ \\-]?[0-9]{5})",
               .homes = {},
               .check = is_card,
               .alphabet = TokenAlphabet::Spaced},
    TokenShape{.name = "IBAN",
               .pattern = BOTTLE_LEFT_OF_NUMBER "[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,27}",
               .homes = {},
               .check = is_iban,
               .alphabet = TokenAlphabet::Spaced},
    TokenShape{.name = "Bitcoin private key",
               .pattern = "(?:^|[^A-Za-z0-9_\\-+/])(?:5[HJK][1-9A-HJ-NP-Za-km-z]{49}|"
                          "[KL][1-9A-HJ-NP-Za-km-z]{51})",
               .homes = {},
               .check = is_wif_key},
    TokenShape{.name = "recovery phrase",
               .pattern = "(?:^|[^a-z])[a-z]{3,8}(?: [a-z]{3,8}){11}",
               .homes = {},
               .check = is_phrase,
               .alphabet = TokenAlphabet::Spaced},
};

#undef BOTTLE_LEFT_OF_NUMBER

}  // namespace

std::span<const TokenShape> financial_shapes() noexcept { return kShapes; }

}  // namespace bottle
