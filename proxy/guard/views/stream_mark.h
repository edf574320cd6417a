#pragma once

#include <cstdint>

#include "proxy/base/bytes.h"

namespace bottle {

enum class StreamMark : std::uint8_t { None, Maybe, Gzip, Zlib, Zstd };

// Recognises a compressed stream by its first bytes: gzip (RFC 1952 section 2.3.1), zstd (RFC 8878
// section 3.1.1), zlib (RFC 1950 section 2.2). Brotli has no such mark. Maybe: more bytes would
// tell (never with four).
[[nodiscard]] StreamMark stream_mark(ByteView beginning) noexcept;
// Where a stream may begin in a text, which may end in its mark; npos if there is none. Of zlib the
// marks that its library writes.
[[nodiscard]] std::size_t find_stream_mark(ByteView text) noexcept;

}  // namespace bottle
