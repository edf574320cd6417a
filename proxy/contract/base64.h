#pragma once

#include <string>
#include <string_view>

namespace bottle {

// With padding (RFC 4648 section 4).
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace bottle
