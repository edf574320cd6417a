#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// A manifest's rules for single origins, in "egress": values of bottle-proxy's options.
struct OriginEntry {
  std::vector<std::string> methods{};     // "HOST=PROPFIND,REPORT"
  std::vector<std::string> tls_legacy{};  // "HOST"
};

// The value of "methods" or "tls", as `key` says. An Error has the place.
[[nodiscard]] std::optional<Error> read_origins(const JsonNode& node, const std::string& file,
                                                const std::string& key, OriginEntry& out);

}  // namespace bottle::launcher
