#include "proxy/guard/views/escape_view.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/utf8_out.h"
#include "proxy/contract/hex_digit.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bottle {

// The beginning of a text, as an escape.
struct EscapeView::Escape {
  enum class Kind : std::uint8_t { None, CutOff, Byte, Point, Unit };  // Unit: of UTF-16
  Kind kind = Kind::None;
  std::uint8_t size = 0;
  std::uint32_t value = 0;
};

namespace {

bool is_special(char c) { return c == '%' || c == '\\' || c == '&'; }

constexpr std::size_t kBlock = 16;

// How many bytes from `from` on are not special; copies them to `to` if there is a `to`, which then
// may be written to kBlock - 1 bytes further.
std::size_t pass_plain(const char* from, std::size_t size, char* to) {
  std::size_t i = 0;
#if defined(__SSE2__)
  const __m128i percent = _mm_set1_epi8('%');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i ampersand = _mm_set1_epi8('&');
  for (; i + kBlock <= size; i += kBlock) {
    const __m128i block = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
    if (to != nullptr) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), block);
    const __m128i hit =
        _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, percent), _mm_cmpeq_epi8(block, backslash)),
                     _mm_cmpeq_epi8(block, ampersand));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(hit));
    if (mask != 0) return i + static_cast<std::size_t>(__builtin_ctz(mask));
  }
#endif
  for (; i < size && !is_special(from[i]); ++i) {
    if (to != nullptr) to[i] = from[i];
  }
  return i;
}

#if defined(__x86_64__)
// Whole blocks without special bytes.
__attribute__((target("avx2"))) std::size_t pass_plain_blocks(const char* from, std::size_t size) {
  const __m256i percent = _mm256_set1_epi8('%');
  const __m256i backslash = _mm256_set1_epi8('\\');
  const __m256i ampersand = _mm256_set1_epi8('&');
  const auto special = [&](std::size_t at) __attribute__((target("avx2"))) {
    const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + at));
    return _mm256_or_si256(
        _mm256_or_si256(_mm256_cmpeq_epi8(block, percent), _mm256_cmpeq_epi8(block, backslash)),
        _mm256_cmpeq_epi8(block, ampersand));
  };
  std::size_t i = 0;
  for (; i + 64 <= size; i += 64) {
    const __m256i any = _mm256_or_si256(special(i), special(i + 32));
    if (_mm256_testz_si256(any, any) == 0) break;
  }
  return i;
}
#endif

std::size_t find_special(const char* from, std::size_t size) {
  std::size_t i = 0;
#if defined(__x86_64__)
  static const bool avx2 = __builtin_cpu_supports("avx2") != 0;
  if (avx2) i = pass_plain_blocks(from, size);
#endif
  return i + pass_plain(from + i, size - i, nullptr);
}

struct Name {
  std::string_view name;
  char meaning;
};
// The names of HTML's character references that stand for ASCII.
constexpr Name kNames[] = {
    {"amp", '&'},    {"AMP", '&'},    {"lt", '<'},     {"LT", '<'},       {"gt", '>'},
    {"GT", '>'},     {"quot", '"'},   {"QUOT", '"'},   {"apos", '\''},    {"sol", '/'},
    {"plus", '+'},   {"equals", '='}, {"lowbar", '_'}, {"UnderBar", '_'}, {"hyphen", '-'},
    {"dash", '-'},   {"minus", '-'},  {"period", '.'}, {"colon", ':'},    {"semi", ';'},
    {"num", '#'},    {"nbsp", ' '},   {"Tab", '\t'},   {"NewLine", '\n'}, {"excl", '!'},
    {"dollar", '$'}, {"percnt", '%'}, {"lpar", '('},   {"rpar", ')'},     {"ast", '*'},
    {"midast", '*'}, {"comma", ','},  {"quest", '?'},  {"commat", '@'},   {"lsqb", '['},
    {"lbrack", '['}, {"rsqb", ']'},   {"rbrack", ']'}, {"bsol", '\\'},    {"Hat", '^'},
    {"grave", '`'},  {"lcub", '{'},   {"lbrace", '{'}, {"rcub", '}'},     {"rbrace", '}'},
    {"vert", '|'},   {"verbar", '|'}, {"tilde", '~'},
};
constexpr std::size_t kLongestName = 8;

using Size = std::size_t;

// Digits of base 8, 10 or 16 from `at` on: how many, at most `most`, and their value.
struct Digits {
  Size count = 0;
  std::uint32_t value = 0;
};
Digits read_digits(ByteView text, Size at, Size most, std::uint32_t base) {
  Digits digits;
  for (; digits.count < most && at + digits.count < text.size(); ++digits.count) {
    const std::uint8_t digit = hex_digit(text[at + digits.count]);
    if (digit >= base) break;
    digits.value = digits.value * base + digit;
  }
  return digits;
}

constexpr std::uint32_t kLastPoint = 0x10ffff;

// The byte that a backslash and a letter stand for; 0: that is no such escape.
constexpr std::array<char, 256> kBackslashed = [] {
  constexpr ByteView kLetters = "n\"\\/rtbf'";
  constexpr ByteView kMeaning = "\n\"\\/\r\t\b\f'";
  std::array<char, 256> out{};
  for (Size i = 0; i < kLetters.size(); ++i) {
    out[static_cast<unsigned char>(kLetters[i])] = kMeaning[i];
  }
  return out;
}();

char backslashed(char letter) { return kBackslashed[static_cast<unsigned char>(letter)]; }

template <class Escape>
struct Reader {
  using Kind = typename Escape::Kind;

  static Escape cut_off() { return {.kind = Kind::CutOff}; }
  static Escape made(Kind kind, Size size, std::uint32_t value) {
    return {.kind = kind, .size = static_cast<std::uint8_t>(size), .value = value};
  }

  // Exactly `count` hex digits behind a beginning of `at` bytes.
  static Escape fixed(Kind kind, ByteView text, Size at, Size count, bool final) {
    const Digits digits = read_digits(text, at, count, 16);
    if (digits.count == count && digits.value <= kLastPoint) {
      return made(kind, at + count, digits.value);
    }
    return at + digits.count == text.size() && digits.count < count && !final ? cut_off()
                                                                              : Escape{};
  }

  static Escape backslash(ByteView text, bool final) {
    if (text.size() < 2) return final ? Escape{} : cut_off();
    const char meaning = backslashed(text[1]);
    if (meaning != 0) return made(Kind::Byte, 2, static_cast<unsigned char>(meaning));
    switch (text[1]) {
      case 'x':
        return fixed(Kind::Byte, text, 2, 2, final);
      case 'U':
        return fixed(Kind::Point, text, 2, 8, final);
      case 'u':
        if (text.size() > 2 && text[2] == '{') return braced(text, final);
        return fixed(Kind::Unit, text, 2, 4, final);
      case '0':
      case '1':
      case '2':
      case '3': {
        const Digits digits = read_digits(text, 1, 3, 8);
        if (digits.count == 3) return made(Kind::Byte, 4, digits.value);
        return 1 + digits.count == text.size() && !final ? cut_off() : Escape{};
      }
      default:
        return {};
    }
  }

  static Escape braced(ByteView text, bool final) {
    const Digits digits = read_digits(text, 3, 6, 16);
    const Size end = 3 + digits.count;
    if (end == text.size()) return final ? Escape{} : cut_off();
    if (text[end] != '}' || digits.count == 0 || digits.value > kLastPoint) return {};
    return made(Kind::Point, end + 1, digits.value);
  }

  // Browsers and most libraries read a numeric reference without its ';', too.
  static Escape reference(ByteView text, bool final) {
    if (text.size() < 2) return final ? Escape{} : cut_off();
    if (text[1] != '#') return named(text, final);
    const bool hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
    const Size at = hex ? 3 : 2;
    const Digits digits = read_digits(text, at, 8, hex ? 16 : 10);
    const Size end = std::min(at + digits.count, text.size());
    if (end == text.size() && !final) return cut_off();
    if (digits.count == 0 || digits.value > kLastPoint) return {};
    return made(Kind::Point, end < text.size() && text[end] == ';' ? end + 1 : end, digits.value);
  }

  static Escape named(ByteView text, bool final) {
    const ByteView rest = text.substr(1, kLongestName + 1);
    Size size = 0;
    while (size < rest.size() && ((rest[size] | 0x20) >= 'a' && (rest[size] | 0x20) <= 'z')) ++size;
    const ByteView name = rest.substr(0, size);
    if (size < rest.size()) {
      if (rest[size] != ';') return {};
      for (const Name& known : kNames) {
        if (known.name != name) continue;
        return made(Kind::Byte, size + 2, static_cast<unsigned char>(known.meaning));
      }
      return {};
    }
    if (final || size > kLongestName) return {};
    const bool may_be = std::ranges::any_of(
        kNames, [name](const Name& known) { return known.name.starts_with(name); });
    return may_be ? cut_off() : Escape{};
  }

  // The escape that begins `text`, whose first byte is special. `final`: nothing follows `text`.
  static Escape read(ByteView text, bool final) {
    switch (text.front()) {
      case '%':
        if (text.size() > 1 && text[1] == 'u') return fixed(Kind::Unit, text, 2, 4, final);
        return fixed(Kind::Byte, text, 1, 2, final);
      case '\\':
        return backslash(text, final);
      default:
        return reference(text, final);
    }
  }
};

}  // namespace

std::size_t EscapeView::find_escape(ByteView in) noexcept {
  for (std::size_t i = 0; i < in.size(); ++i) {
    i += find_special(in.data() + i, in.size() - i);
    if (i == in.size()) break;
    if (Reader<Escape>::read(in.substr(i), false).kind != Escape::Kind::None) return i;
  }
  return ByteView::npos;
}

void EscapeView::decode(ByteView in, Bytes& out) {
  const std::size_t before = out.size();
  out.resize(before + held_size_ + in.size() + kBlock);
  char* to = out.data() + before;
  // An escape that the last call cut off: decided with a few bytes more.
  while (held_size_ > 0 && !in.empty()) {
    std::array<char, kMaxHeld + 1> joined;
    std::memcpy(joined.data(), held_.data(), held_size_);
    joined[held_size_] = in.front();
    const ByteView text(joined.data(), held_size_ + std::size_t{1});
    in.remove_prefix(1);
    held_size_ = 0;
    to = decode_to(text, false, to);
  }
  to = decode_to(in, false, to);
  out.resize(static_cast<std::size_t>(to - out.data()));
}

char* EscapeView::decode_to(ByteView in, bool final, char* to) {
  for (std::size_t i = 0; i < in.size();) {
    if (!is_special(in[i])) {
      const std::size_t plain = pass_plain(in.data() + i, in.size() - i, to);
      i += plain;
      to += plain;
      high_surrogate_ = 0;
      continue;
    }
    // By far the most.
    const char meaning = in[i] == '\\' && i + 1 < in.size() ? backslashed(in[i + 1]) : '\0';
    if (meaning != 0) {
      *to++ = meaning;
      i += 2;
      high_surrogate_ = 0;
      continue;
    }
    const Escape escape = Reader<Escape>::read(in.substr(i), final);
    if (escape.kind == Escape::Kind::CutOff) {
      held_size_ = static_cast<std::uint8_t>(in.copy(held_.data(), kMaxHeld, i));
      break;
    }
    if (escape.kind == Escape::Kind::None) {
      *to++ = in[i++];
      high_surrogate_ = 0;
      continue;
    }
    to = put(escape, to);
    i += escape.size;
  }
  return to;
}

char* EscapeView::put(const Escape& escape, char* to) {
  const std::uint16_t high = high_surrogate_;
  high_surrogate_ = 0;
  if (escape.kind == Escape::Kind::Byte) {
    *to++ = static_cast<char>(escape.value);
    return to;
  }
  if (escape.value < 0xd800 || escape.value >= 0xe000) return to + write_utf8(escape.value, to);
  // Half a pair has no byte form.
  if (escape.kind != Escape::Kind::Unit) return to;
  if (escape.value < 0xdc00) {
    high_surrogate_ = static_cast<std::uint16_t>(escape.value);
    return to;
  }
  if (high == 0) return to;
  return to + write_utf8(0x10000 + ((high - 0xd800u) << 10) + (escape.value - 0xdc00), to);
}

void EscapeView::flush(Bytes& out) {
  std::array<char, kMaxHeld> text = held_;
  const std::size_t size = held_size_;
  held_size_ = 0;
  std::array<char, kMaxHeld + kBlock> decoded;
  const char* end = decode_to(ByteView(text.data(), size), true, decoded.data());
  out.append(decoded.data(), static_cast<std::size_t>(end - decoded.data()));
  high_surrogate_ = 0;
}

}  // namespace bottle
