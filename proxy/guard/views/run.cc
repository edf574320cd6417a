#include "proxy/guard/views/run.h"

#include <algorithm>
#include <cstring>

namespace bottle {
namespace {

bool is_separator(std::uint64_t c) { return c == '/' || c == '-' || c == '_' || c == '+'; }

// Four characters of base64: of a stream that is compressed with gzip, zstd or zlib.
bool begins_stream(std::uint32_t chars) {
  static constexpr std::uint32_t kGzip = 0x48347349;  // H4sI
  static constexpr std::uint32_t kZstd = 0x4b4c5576;  // KLUv
  static constexpr std::uint32_t kZlib = 0x65;        // e, and a letter for each level
  if (chars == kGzip || chars == kZstd) return true;
  const std::uint32_t level = chars >> 16 & 0xff;
  return chars >> 24 == kZlib && (level == 'J' || level == 'A' || level == 'F' || level == 'N');
}

}  // namespace

Run::Run(ViewSink& sink)
    : base64_(sink),
      upper_base32_(sink, kUpperBase32, 4),
      lower_base32_(sink, kLowerBase32, 5),
      hex_(sink, kHexAlphabet, 6),
      hex_words_(sink, kHexAlphabet, 7) {}

void Run::begin(std::uint64_t at, std::size_t word) {
  open_ = true;
  base64_.begin(at);
  upper_base32_.begin(at, 1);
  lower_base32_.begin(at, 1);
  hex_.begin(at, 1);
  has_words_ = word == 4 || word == 8 || word == 16;
  if (has_words_) hex_words_.begin(at, word / 2);
  end_ = at;
  watched_ = 0;
  recent_ = 0;
}

void Run::next_word(bool known) {
  if (known) {
    hand_out();
    base64_.begins_here(0);
  } else {
    watched_ = kGlued - 4;
    recent_ = '/';
  }
}

void Run::add(const char* chars, std::size_t size, std::uint64_t end) {
  if (watched_ < kGlued) {
    const std::size_t watch = std::min(size, kGlued - watched_);
    watch_beginning(chars, watch, end - (size - watch));
    chars += watch;
    size -= watch;
  }
  stage(chars, size, end);
}

void Run::watch_beginning(const char* chars, std::size_t size, std::uint64_t end) {
  watched_ += size;
  std::size_t staged = 0;
  for (std::size_t i = 0; i < size; ++i) {
    recent_ = recent_ << 8 | static_cast<unsigned char>(chars[i]);
    const std::uint64_t first = recent_ >> 24 & 0xff;
    if ((first != 'H') & (first != 'K') & (first != 'e')) continue;
    if (!is_separator(recent_ >> 32 & 0xff)) continue;
    if (!begins_stream(static_cast<std::uint32_t>(recent_))) continue;
    stage(chars + staged, i + 1 - staged, end - (size - i - 1));
    staged = i + 1;
    hand_out();
    base64_.begins_here(4);
  }
  stage(chars + staged, size - staged, end);
}

void Run::stage(const char* chars, std::size_t size, std::uint64_t end) {
  if (size > kStage - staged_) {
    hand_out();
    for (; size > kStage; chars += kStage, size -= kStage) {
      end_ = end - (size - kStage);
      read(chars, kStage);
    }
  }
  std::memcpy(stage_.data() + staged_, chars, size);
  staged_ += size;
  end_ = end;
}

void Run::hand_out() {
  read(stage_.data(), staged_);
  staged_ = 0;
}

void Run::read(const char* chars, std::size_t size) {
  if (size == 0) return;
  base64_.read(chars, size, end_);
  upper_base32_.read(chars, size, end_);
  lower_base32_.read(chars, size, end_);
  hex_.read(chars, size, end_);
  if (has_words_) hex_words_.read(chars, size, end_);
}

void Run::finish() {
  hand_out();
  base64_.finish(end_);
  upper_base32_.finish(end_);
  lower_base32_.finish(end_);
  hex_.finish(end_);
  if (has_words_) hex_words_.finish(end_);
  open_ = false;
}

}  // namespace bottle
