#include "proxy/shown/opaque_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>

namespace bottle {
namespace {

using namespace std::string_view_literals;

constexpr std::uint8_t kStandard = 0x40;  // only in base64
constexpr std::uint8_t kUrl = 0x80;       // only in base64url
constexpr std::uint8_t kNone = 0xff;
constexpr std::uint8_t kValue = 0x3f;

// The value of each character, and which of the two alphabets it is bound to.
constexpr std::array<std::uint8_t, 256> kCharacters = [] {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNone);
  std::uint8_t value = 0;
  for (unsigned char c = 'A'; c <= 'Z'; ++c) table[c] = value++;
  for (unsigned char c = 'a'; c <= 'z'; ++c) table[c] = value++;
  for (unsigned char c = '0'; c <= '9'; ++c) table[c] = value++;
  table['+'] = 62 | kStandard;
  // 63 with both marks would be kNone; a mark is enough.
  table['/'] = 63 | kStandard;
  table['-'] = 62 | kUrl;
  table['_'] = 63 | kUrl;
  return table;
}();
static_assert(kCharacters['_'] != kNone && kCharacters['/'] != kNone);

// Bytes that are judged together. Random ones have 7.64 bits of entropy in so many, give or take
// 0.03; text that fills a third of them is noticed.
constexpr std::size_t kWindow = 512;
constexpr double kLeastEntropy = 7.2;     // bits a byte
constexpr std::size_t kBeginning = 64;    // bytes in which a medium shows itself
constexpr std::size_t kMostPrefix = 128;  // of a data URL

std::uint32_t big_endian(ByteView at) {
  std::uint32_t out = 0;
  for (const char c : at.substr(0, 4)) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

bool is_png(ByteView bytes) {
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n"sv) || bytes.size() < 33) return false;
  const ByteView chunk = bytes.substr(8);
  return big_endian(chunk) == 13 && chunk.substr(4).starts_with("IHDR");
}

// A marker segment of a length that is possible.
bool is_jpeg(ByteView bytes) {
  if (!bytes.starts_with("\xff\xd8\xff"sv) || bytes.size() < 6) return false;
  const auto marker = static_cast<unsigned char>(bytes[3]);
  return marker >= 0xc0 && marker != 0xff && big_endian(bytes.substr(2)) % 0x10000 >= 2;
}

bool is_gif(ByteView bytes) {
  const bool named = bytes.starts_with("GIF87a") || bytes.starts_with("GIF89a");
  // Width and height are not zero.
  return named && bytes.size() >= 13 && bytes.substr(6, 2) != "\0\0"sv &&
         bytes.substr(8, 2) != "\0\0"sv;
}

bool is_webp(ByteView bytes) {
  return bytes.size() >= 16 && bytes.starts_with("RIFF") && bytes.substr(8).starts_with("WEBPVP8");
}

bool is_pdf(ByteView bytes) {
  constexpr std::size_t kVersion = 8;  // "%PDF-1.7"
  if (!bytes.starts_with("%PDF-") || bytes.size() <= kVersion) return false;
  const char major = bytes[5];
  return (major == '1' || major == '2') && bytes[6] == '.' && bytes[7] >= '0' && bytes[7] <= '9' &&
         (bytes[kVersion] == '\n' || bytes[kVersion] == '\r');
}

bool is_medium(ByteView bytes) {
  return is_png(bytes) || is_jpeg(bytes) || is_gif(bytes) || is_webp(bytes) || is_pdf(bytes);
}

// n * log2(n), for the counts in a window.
const std::array<double, kWindow + 1>& weights() {
  static const auto kWeights = [] {
    std::array<double, kWindow + 1> table{};
    for (std::size_t n = 1; n <= kWindow; ++n) {
      table[n] = static_cast<double>(n) * std::log2(static_cast<double>(n));
    }
    return table;
  }();
  return kWeights;
}

// Counts the bytes of one window.
class Window {
 public:
  void add(std::uint8_t byte) {
    ++counts_[byte];
    ++size_;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool is_random() const {
    double sum = 0;
    for (const std::uint16_t count : counts_) sum += weights_[count];
    const auto size = static_cast<double>(size_);
    return size_ > 0 && std::log2(size) - sum / size >= kLeastEntropy;
  }
  void clear() {
    counts_.fill(0);
    size_ = 0;
  }

 private:
  const std::array<double, kWindow + 1>& weights_ = weights();
  std::array<std::uint16_t, 256> counts_{};
  std::size_t size_ = 0;
};

// The characters without their padding; nothing if they are not strictly base64.
std::optional<ByteView> base64_characters(ByteView text) {
  ByteView characters = text;
  while (characters.ends_with('=') && text.size() - characters.size() < 2) {
    characters.remove_suffix(1);
  }
  const std::size_t padding = text.size() - characters.size();
  if (characters.size() % 4 == 1) return std::nullopt;
  if (padding != 0 && text.size() % 4 != 0) return std::nullopt;
  // Text is recognised by its first characters.
  constexpr std::size_t kStep = 64;
  constexpr std::uint8_t kBoth = kStandard | kUrl;
  std::uint8_t seen = 0;
  for (ByteView rest = characters; !rest.empty();) {
    const ByteView step = rest.substr(0, kStep);
    rest.remove_prefix(step.size());
    std::uint8_t unknown = 0;
    for (const char c : step) {
      const std::uint8_t entry = kCharacters[static_cast<unsigned char>(c)];
      unknown |= static_cast<std::uint8_t>(entry == kNone);
      seen |= entry;
    }
    if (unknown != 0 || (seen & kBoth) == kBoth) return std::nullopt;
  }
  return characters;
}

// True if a medium, or random, is in them.
bool decodes_to_opaque(ByteView characters) {
  Window window;
  std::array<char, kBeginning> beginning{};
  std::size_t bytes = 0;
  std::uint32_t bits = 0;
  std::size_t open = 0;
  for (const char c : characters) {
    bits = bits << 6 | (kCharacters[static_cast<unsigned char>(c)] & kValue);
    open += 6;
    if (open < 8) continue;
    open -= 8;
    const auto byte = static_cast<std::uint8_t>(bits >> open);
    if (bytes < kBeginning) {
      beginning[bytes] = static_cast<char>(byte);
      if (bytes + 1 == kBeginning && is_medium(ByteView(beginning.data(), kBeginning))) return true;
    }
    ++bytes;
    window.add(byte);
    if (window.size() < kWindow) continue;
    if (!window.is_random()) return false;
    window.clear();
  }
  // Too few bytes cannot have the entropy. The last ones are not judged then, unless they are all.
  constexpr std::size_t kTooFew = 352;
  return (bytes >= kWindow && window.size() < kTooFew) || window.is_random();
}

// Behind "data:TYPE;base64,"; 0 without one.
std::size_t data_url_prefix(ByteView raw) {
  constexpr std::string_view kBase64 = ";base64,";
  if (!raw.starts_with("data:")) return 0;
  const std::size_t at = raw.substr(0, kMostPrefix).find(kBase64);
  return at == ByteView::npos ? 0 : at + kBase64.size();
}

}  // namespace

OpaquePart opaque_part(ByteView raw) {
  const std::size_t begin = data_url_prefix(raw);
  const ByteView text = raw.substr(begin);
  if (text.size() < kShortestOpaque) return {};
  const auto characters = base64_characters(text);
  if (!characters || !decodes_to_opaque(*characters)) return {};
  return OpaquePart{.begin = begin, .end = raw.size()};
}

}  // namespace bottle
