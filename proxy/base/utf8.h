#pragma once

#include <cstddef>
#include <string_view>

namespace bottle {

// Length of the well-formed UTF-8 sequence at the front (RFC 3629); 0 if there is none.
[[nodiscard]] std::size_t utf8_size(std::string_view text) noexcept;

}  // namespace bottle
