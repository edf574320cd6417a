#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// How a text stands in a body.
enum class LeafCoding : std::uint8_t {
  Plain,
  Json,  // inside a string's quotes, which JsonLeaves found
  Form,  // a value of application/x-www-form-urlencoded
};

// `leaf` as its reader takes it. A character that is no escape stands for itself, and half a
// surrogate pair becomes U+FFFD.
[[nodiscard]] Bytes decode_leaf(LeafCoding coding, ByteView leaf);

struct TextSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool operator==(const TextSpan&) const = default;
};

// A change of a leaf: `span` of its decoded text, and the text that takes its place.
struct LeafEdit {
  TextSpan span;
  std::string text;
  TextSpan raw = {};  // set by edit_leaf(): the bytes of the leaf that went
};

// The leaf with the edits, which are in order and do not overlap. Every other byte is as it was. An
// escape, and a character of UTF-8, of which a part is in a span goes as a whole.
[[nodiscard]] Bytes edit_leaf(LeafCoding coding, ByteView leaf, std::vector<LeafEdit>& edits);

}  // namespace bottle
