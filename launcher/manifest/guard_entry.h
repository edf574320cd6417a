#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// "guard" of a bottle: what the proxy's guard is told. In the words of bottle-proxy's options.
struct GuardEntry {
  std::vector<std::string> on_secret{};  // "HOST=refuse|redact", or the word for every host
  std::vector<std::string> responses{};  // "HOST=off|note|block", the same
  std::vector<std::string> opaque{};     // "HOST=guard|scan|refuse", the same
  std::vector<std::string> ignore{};     // fingerprints
  bool show_all = false;                 // "scanner_shows": "all"
  bool keep_seen = true;                 // the next start knows the texts that the scanner passed
  bool financial = false;

  bool operator==(const GuardEntry&) const = default;
};

// Checks the value of the key completely; the first thing that is wrong is the error. `file` is
// only used in messages.
std::optional<Error> read_guard(const JsonNode& node, const std::string& file, GuardEntry& out);

}  // namespace bottle::launcher
