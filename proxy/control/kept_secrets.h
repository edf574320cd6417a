#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/guard/secret_set.h"

namespace bottle {

// A proxy's secrets with their former values, for the next process of the same proxy. The text has
// the values in it, and is binary (CBOR, RFC 8949): a value may have any bytes.
[[nodiscard]] std::string to_text(const std::vector<SecretSpec>& secrets);
[[nodiscard]] std::optional<std::vector<SecretSpec>> kept_secrets_in(std::string_view text);

}  // namespace bottle
