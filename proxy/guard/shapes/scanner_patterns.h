#pragma once

#include <span>
#include <string_view>

#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {

// The default patterns by which pipelock 2.3 refuses a body, with its names for them: any letter
// case, short tokens, documented examples, settings. They are too loose to refuse anything by. They
// are for bodies that are redacted and then go to pipelock: what it would refuse, turn after turn,
// is taken out before. docs/what-pipelock-sees.md has the table.
[[nodiscard]] std::span<const TokenShape> scanner_shapes() noexcept;

// Of a name of scanner_shapes(): the value has all kinds of characters, to a space or a quote.
[[nodiscard]] bool ends_at_space(std::string_view name) noexcept;
// ... and the line that begins a private key, with or without the key.
[[nodiscard]] bool is_key_header(std::string_view name) noexcept;

}  // namespace bottle
