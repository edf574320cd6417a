#include "proxy/guard/literal_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <tuple>
#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kLongFrom = 15;

bool is_word_byte(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Groups are compared as numbers, and the shorter ones by their low bytes.
static_assert(std::endian::native == std::endian::little);

std::uint64_t load(const char* at, std::size_t size) noexcept {
  std::uint64_t out = 0;
  std::memcpy(&out, at, size);
  return out;
}

}  // namespace

LiteralSet::LiteralSet(std::vector<Literal> literals) {
  const auto before = [](const Literal& a, const Literal& b) {
    return std::tie(a.text, a.owner, a.whole_word) < std::tie(b.text, b.owner, b.whole_word);
  };
  std::sort(literals.begin(), literals.end(), before);
  for (Literal& literal : literals) {
    if (literal.text.size() < kShortest || literal.text.size() > kLongest) continue;
    const bool known = !literals_.empty() && literals_.back().text == literal.text &&
                       literals_.back().owner == literal.owner;
    if (!known) literals_.push_back(std::move(literal));
  }
  long_.build(literals_, kLongFrom, kLongest + 1);
  short_.build(literals_, kShortest, kLongFrom);
}

void LiteralSet::Table::build(const std::vector<Literal>& literals, std::size_t from,
                              std::size_t below) {
  for (std::size_t i = 0; i < literals.size(); ++i) {
    const Bytes& text = literals[i].text;
    if (text.size() < from || text.size() >= below) continue;
    for (std::size_t offset = 0; offset < stride; ++offset) {
      entries.push_back(Entry{.group = load(text.data() + offset, group_size),
                              .literal = static_cast<std::uint32_t>(i),
                              .offset = static_cast<std::uint32_t>(offset)});
    }
  }
  if (entries.empty()) return;
  const auto bits =
      static_cast<unsigned>(std::clamp<std::size_t>(std::bit_width(entries.size()), 8u, 18u));
  shift = LiteralFilter::kHashBits - bits;
  const auto by_hash = [](const Entry& a, const Entry& b) {
    return std::pair(LiteralFilter::hash_of(a.group), a.group) <
           std::pair(LiteralFilter::hash_of(b.group), b.group);
  };
  std::sort(entries.begin(), entries.end(), by_hash);
  filter.begin(entries.size());
  starts.assign((std::size_t{1} << bits) + 1, 0);
  for (const Entry& entry : entries) {
    filter.add(entry.group);
    ++starts[range_of(entry.group) + 1];
  }
  for (std::size_t i = 1; i < starts.size(); ++i) starts[i] += starts[i - 1];
}

std::uint64_t LiteralSet::Table::group_at(const char* at) const noexcept {
  return load(at, group_size);
}

std::size_t LiteralSet::Table::range_of(std::uint64_t group) const noexcept {
  return LiteralFilter::hash_of(group) >> shift;
}

// A part of the text that is in one piece in memory.
struct LiteralStream::Window {
  ByteView text;
  std::uint64_t position;     // of its first byte
  std::uint64_t starts_from;  // an occurrence in it begins from here
  std::uint64_t starts_below;
  std::uint64_t ends_behind;  // and ends behind this
  std::uint64_t text_before;  // bytes of the stream's text that `text` continues, but does not have
};

void LiteralStream::reset(std::uint64_t position) noexcept {
  position_ = position;
  tail_size_ = 0;
  waiting_.clear();
}

void LiteralStream::scan(const LiteralSet& set, ByteView bytes, LiteralListener& listener) {
  if (bytes.empty() || set.empty()) return;
  if (!waiting_.empty() && !settle(bytes.front(), listener)) return;
  if (tail_size_ > 0) {
    // Occurrences that began in the tail.
    std::array<char, 2 * LiteralSet::kLongest> joined;
    const std::size_t more = std::min(bytes.size(), LiteralSet::kLongest);
    std::memcpy(joined.data(), tail_.data(), tail_size_);
    std::memcpy(joined.data() + tail_size_, bytes.data(), more);
    const std::uint64_t from = position_ - tail_size_;
    const Window window{.text = ByteView(joined.data(), tail_size_ + more),
                        .position = from,
                        .starts_from = from,
                        .starts_below = position_,
                        .ends_behind = position_,
                        .text_before = 0};
    if (!look(set, window, listener)) return;
  }
  const Window window{.text = bytes,
                      .position = position_,
                      .starts_from = position_,
                      .starts_below = position_ + bytes.size(),
                      .ends_behind = position_,
                      .text_before = tail_size_};
  if (!look(set, window, listener)) return;
  keep(bytes);
}

void LiteralStream::finish(LiteralListener& listener) {
  const std::vector<Waiting> waiting = std::exchange(waiting_, {});
  for (const Waiting& one : waiting) {
    if (!listener.found(one.literal, one.begin, one.end)) return;
  }
}

bool LiteralStream::settle(char next, LiteralListener& listener) {
  if (!is_word_byte(next)) {
    finish(listener);
    return true;
  }
  waiting_.clear();
  return true;
}

bool LiteralStream::look(const LiteralSet& set, const Window& window, LiteralListener& listener) {
  if (!set.long_.entries.empty() && !look_in<8, 8>(set, set.long_, window, listener)) return false;
  return set.short_.entries.empty() || look_in<4, 5>(set, set.short_, window, listener);
}

template <std::size_t kStride, std::size_t kGroup>
bool LiteralStream::look_in(const LiteralSet& set, const LiteralSet::Table& table,
                            const Window& window, LiteralListener& listener) {
  const ByteView text = window.text;
  std::size_t at = static_cast<std::size_t>((0 - window.position) % kStride);
  for (LiteralFilter::Places places;; places.count = 0) {
    const std::size_t from = at;
    at = kGroup == 8 ? table.filter.collect_eights(text, at, places)
                     : table.filter.collect_fives(text, at, places);
    for (std::size_t i = 0; i < places.count; ++i) {
      if (!try_entries(set, table, window, places.at[i], listener)) return false;
    }
    if (at == from) break;
  }
  for (; at + kGroup <= text.size(); at += kStride) {
    if (!table.filter.may_have(load(text.data() + at, kGroup))) [[likely]]
      continue;
    if (!try_entries(set, table, window, at, listener)) return false;
  }
  return true;
}

bool LiteralStream::try_entries(const LiteralSet& set, const LiteralSet::Table& table,
                                const Window& window, std::size_t at, LiteralListener& listener) {
  const std::uint64_t group = table.group_at(window.text.data() + at);
  const std::size_t range = table.range_of(group);
  for (std::uint32_t i = table.starts[range]; i < table.starts[range + 1]; ++i) {
    const LiteralSet::Entry& entry = table.entries[i];
    if (entry.group != group || entry.offset > at) continue;
    const Literal& literal = set[entry.literal];
    const std::size_t start = at - entry.offset;
    const ByteView rest = window.text.substr(start);
    if (!rest.starts_with(literal.text)) continue;
    const std::uint64_t begin = window.position + start;
    const std::uint64_t end = begin + literal.text.size();
    if (begin < window.starts_from || begin >= window.starts_below || end <= window.ends_behind) {
      continue;
    }
    if (literal.whole_word) {
      char before = ' ';
      if (start > 0) {
        before = window.text[start - 1];
      } else if (window.text_before > 0) {
        before = tail_[tail_size_ - 1];
      }
      if (is_word_byte(literal.text.front()) && is_word_byte(before)) continue;
      if (is_word_byte(literal.text.back())) {
        if (rest.size() == literal.text.size()) {
          waiting_.push_back(Waiting{.literal = entry.literal, .begin = begin, .end = end});
          continue;
        }
        if (is_word_byte(rest[literal.text.size()])) continue;
      }
    }
    if (!listener.found(entry.literal, begin, end)) return false;
  }
  return true;
}

void LiteralStream::keep(ByteView bytes) noexcept {
  position_ += bytes.size();
  if (bytes.size() >= tail_.size()) {
    std::memcpy(tail_.data(), bytes.data() + bytes.size() - tail_.size(), tail_.size());
    tail_size_ = tail_.size();
    return;
  }
  const std::size_t room = tail_.size() - bytes.size();
  if (tail_size_ > room) {
    std::memmove(tail_.data(), tail_.data() + tail_size_ - room, room);
    tail_size_ = room;
  }
  std::memcpy(tail_.data() + tail_size_, bytes.data(), bytes.size());
  tail_size_ += bytes.size();
}

}  // namespace bottle
