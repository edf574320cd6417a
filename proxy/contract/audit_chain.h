#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The chain over the lines of the audit log, as bottle-proxy writes it and `bottle logs --verify`
// reads it. Each part of the log has a chain of its own, since the files of one are rotated at
// other times than those of another.
//
//   {"time":…,"line":7,"chain":"HEX"}            a line
//   {"time":…,"line":7,"chain":"HEX","after":"HEX"}   the first line of a file
//
// HEX is half of a SHA-256 of the chain value before (32 characters) and of all bytes of the line
// in front of `,"chain":`. So each value commits to all lines before it. 128 bits: no program finds
// a second line for a value, and a line stays short. There is no key: a person who can write the
// file can compute a new chain for all lines that follow.
namespace bottle {

inline constexpr std::size_t kChainDigits = 32;
inline constexpr std::string_view kFirstChain = "00000000000000000000000000000000";

// A value of a chain, in place: each line makes one.
class ChainValue {
 public:
  ChainValue() noexcept : ChainValue(kFirstChain) {}
  // Of other than kChainDigits characters the first ones count, and 0 stands for what is missing.
  ChainValue(std::string_view text) noexcept;
  ChainValue(const std::string& text) noexcept : ChainValue(std::string_view(text)) {}
  operator std::string_view() const noexcept { return {digits_.data(), digits_.size()}; }
  bool operator==(const ChainValue&) const = default;
  friend bool operator==(const ChainValue& value, std::string_view text) noexcept {
    return std::string_view(value) == text;
  }

 private:
  std::array<char, kChainDigits> digits_;
};

// The end of a chain.
struct ChainLink {
  std::uint64_t line = 0;  // how many lines it has, those of files that are gone too
  ChainValue value;
  bool operator==(const ChainLink&) const = default;
};

// Of `front` and `back` as one text. The two programs have implementations of their own.
using Sha256Function = std::array<unsigned char, 32> (*)(std::string_view front,
                                                         std::string_view back);

struct ChainedLine {
  std::string text;  // ends in '\n'
  ChainLink link;
};
// `line`: a JSON object with a key at least, and '\n'. `first`: it will be the first line of a
// file, so it has the value before it too, which a reader may lack.
[[nodiscard]] ChainedLine chain_line(std::string_view line, const ChainLink& before, bool first,
                                     Sha256Function sha256);

// A line with its chain, taken apart. Views of the line.
struct ChainParts {
  std::string_view hashed;
  std::uint64_t line = 0;
  std::string_view value;
  std::string_view after;  // empty: it is not the first one of a file
};
// `line` without '\n'. nullopt: it has no chain, or not in the form above.
[[nodiscard]] std::optional<ChainParts> chain_parts(std::string_view line) noexcept;
// The value that a line must have.
[[nodiscard]] ChainValue chain_value(std::string_view before, std::string_view hashed,
                                     Sha256Function sha256);
// A line that moves to the front of a new file. `line` with or without '\n'; one without a chain
// stays as it is.
[[nodiscard]] std::string with_value_before(std::string_view line, std::string_view before);

// How far from its end a file is searched for its last line that is whole.
inline constexpr std::size_t kChainTail = 256 * 1024;
struct ChainTail {
  ChainLink link;
  bool found = false;          // false: no line of it has a chain
  std::size_t unfinished = 0;  // bytes behind that line that are no line of the chain
  bool open = false;           // the last byte is no line end
};
// `tail`: the last bytes of a file, at most kChainTail.
[[nodiscard]] ChainTail chain_tail(std::string_view tail);

}  // namespace bottle
