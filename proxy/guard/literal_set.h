#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/literal_filter.h"

namespace bottle {

struct Literal {
  Bytes text;               // LiteralSet::kShortest to kLongest bytes
  std::size_t owner = 0;    // the caller's number
  bool whole_word = false;  // not inside a word of letters, digits and '_'
};

// Byte strings to look for in streams. Immutable; used by any number of threads. Making it costs
// microseconds: nothing is compiled.
//
// A string of 15 bytes has a group of eight that begins at a multiple of eight, wherever it stands.
// So one look at each eighth position is enough: the groups that a string can have there are in a
// table, a LiteralFilter in front of it. Strings of 8 to 14 bytes are looked for likewise, with
// groups of five at each fourth position. 5 GB/s and more with the first kind alone.
class LiteralSet {
 public:
  static constexpr std::size_t kShortest = 8;
  static constexpr std::size_t kLongest = 160;

  // Strings of another length are left out, and of equal ones of one owner all but one.
  explicit LiteralSet(std::vector<Literal> literals);

  [[nodiscard]] const Literal& operator[](std::size_t index) const { return literals_[index]; }
  [[nodiscard]] bool empty() const noexcept { return literals_.empty(); }

 private:
  friend class LiteralStream;
  struct Entry {
    std::uint64_t group = 0;
    std::uint32_t literal = 0;
    std::uint32_t offset = 0;  // of the group in the literal
  };
  // The groups of one size.
  struct Table {
    std::size_t stride = 8;
    std::size_t group_size = 8;
    unsigned shift = 0;  // of a hash, for `starts`
    LiteralFilter filter;
    std::vector<Entry> entries;         // by hash
    std::vector<std::uint32_t> starts;  // where the entries of a range of hashes begin

    void build(const std::vector<Literal>& literals, std::size_t from, std::size_t below);
    [[nodiscard]] std::uint64_t group_at(const char* at) const noexcept;
    [[nodiscard]] std::size_t range_of(std::uint64_t group) const noexcept;
  };

  std::vector<Literal> literals_;
  Table long_{};
  Table short_{.stride = 4, .group_size = 5, .shift = 0, .filter = {}, .entries = {}, .starts = {}};
};

// Told of an occurrence: text [begin, end) of the stream. False: that was enough.
class LiteralListener {
 public:
  virtual ~LiteralListener() = default;
  virtual bool found(std::size_t literal, std::uint64_t begin, std::uint64_t end) = 0;
};

// One text that comes in pieces; the finds do not depend on the cuts.
class LiteralStream {
 public:
  // Reports each occurrence whose last byte is in `bytes`; one that must end a word, with the byte
  // behind it. In no order.
  void scan(const LiteralSet& set, ByteView bytes, LiteralListener& listener);
  // The text ended: reports the finds that waited for a byte behind them.
  void finish(LiteralListener& listener);
  void reset(std::uint64_t position = 0) noexcept;
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  // An occurrence waits for the byte behind it.
  [[nodiscard]] bool waiting() const noexcept { return !waiting_.empty(); }

 private:
  struct Waiting {
    std::size_t literal;
    std::uint64_t begin;
    std::uint64_t end;
  };
  struct Window;

  [[nodiscard]] bool settle(char next, LiteralListener& listener);
  [[nodiscard]] bool look(const LiteralSet& set, const Window& window, LiteralListener& listener);
  template <std::size_t kStride, std::size_t kGroup>
  [[nodiscard]] bool look_in(const LiteralSet& set, const LiteralSet::Table& table,
                             const Window& window, LiteralListener& listener);
  [[nodiscard]] bool try_entries(const LiteralSet& set, const LiteralSet::Table& table,
                                 const Window& window, std::size_t at, LiteralListener& listener);
  void keep(ByteView bytes) noexcept;

  std::uint64_t position_ = 0;  // of the next byte
  std::array<char, LiteralSet::kLongest> tail_{};
  std::size_t tail_size_ = 0;
  std::vector<Waiting> waiting_;
};

}  // namespace bottle
