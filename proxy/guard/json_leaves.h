#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/guard/json_path.h"

namespace bottle {

// Walks the strings of a JSON text (RFC 8259, UTF-8) that is here as a whole, and checks it on its
// way: every strict reader takes a valid text for the same value. An escape of
// half a surrogate pair is no error (JavaScript writes them). `text` outlives it. Linear, without
// recursion; memory does not depend on the text.
class JsonLeaves {
 public:
  static constexpr std::size_t kMaxNesting = 128;  // deeper is not valid

  // A string: its bytes between the quotes, as they stand in the text.
  struct Leaf {
    std::size_t begin = 0;
    std::size_t end = 0;
    bool is_key = false;
  };

  explicit JsonLeaves(ByteView text) : text_(text) {}

  // The next string; nothing at the text's end, and where it is broken.
  [[nodiscard]] std::optional<Leaf> next() { return next_before(text_.size()); }
  // The same, and nothing if no string begins before `offset`.
  [[nodiscard]] std::optional<Leaf> next_before(std::size_t offset);
  // Up to here it has walked; the text's size or less.
  [[nodiscard]] std::size_t walked() const noexcept { return at_; }
  [[nodiscard]] bool is_broken() const noexcept { return expect_ == Expect::Broken; }
  // The last string that begins before `offset`; nothing if there is none. Never walks back.
  [[nodiscard]] std::optional<Leaf> last_before(std::size_t offset);
  // Walks the rest: true if the whole text is one JSON value.
  [[nodiscard]] bool valid();
  // "messages[12].content[0].text". Of a leaf that is not before one that was asked for earlier.
  [[nodiscard]] std::string path_of(const Leaf& leaf);

 private:
  enum class Expect : std::uint8_t {
    Value,
    ValueOrEnd,  // of an array that has begun
    Key,
    KeyOrEnd,  // of an object that has begun
    Colon,
    CommaOrEnd,
    Nothing,  // the value is whole
    Broken,
  };

  void skip_space();
  void token();
  void punctuation(char c);
  void open(bool array);
  void close(bool array);
  void string();
  [[nodiscard]] std::size_t escape_size(std::size_t at) const;
  void number();
  void word();
  void value_ended() { expect_ = depth_ == 0 ? Expect::Nothing : Expect::CommaOrEnd; }
  [[nodiscard]] bool wants_value() const {
    return expect_ == Expect::Value || expect_ == Expect::ValueOrEnd;
  }
  [[nodiscard]] bool wants_key() const {
    return expect_ == Expect::Key || expect_ == Expect::KeyOrEnd;
  }
  void broken() { expect_ = Expect::Broken; }

  ByteView text_;
  std::size_t at_ = 0;
  Expect expect_ = Expect::Value;
  std::bitset<kMaxNesting> arrays_;  // of the open levels: true for an array
  std::size_t depth_ = 0;
  std::optional<Leaf> last_;
  JsonPath path_;
  std::size_t path_at_ = 0;
};

}  // namespace bottle
