#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"

namespace bottle {

// How the text of a body is got at.
enum class TextKind : std::uint8_t {
  Plain,   // as it stands: text, markdown, sources
  Html,    // without its tags
  Json,    // strings without their escapes
  Events,  // server-sent events, whose data belong together
  None,    // no text: a picture, an archive
};

// As many bytes as the kind is decided by.
inline constexpr std::size_t kKindBytes = 64;

// The kind of a body by its Content-Type (empty: it has none) and its first bytes: all of it, or
// kKindBytes. The bytes decide what is no text; a picture's type on a text changes nothing.
[[nodiscard]] TextKind text_kind(std::string_view content_type, ByteView beginning) noexcept;

}  // namespace bottle
