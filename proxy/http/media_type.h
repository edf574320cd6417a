#pragma once

#include <string>

#include "proxy/http/fields.h"

namespace bottle {

// The type of a message's Content-Type (RFC 9110 section 8.3.1) in lower case, without parameters.
// Empty if there is none, or more than one.
[[nodiscard]] std::string media_type(const Fields& fields);

// application/json, or a type whose structure is JSON (RFC 6839 section 3.1).
[[nodiscard]] bool is_json_type(std::string_view type) noexcept;

}  // namespace bottle
