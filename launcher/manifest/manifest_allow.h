#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A host that a manifest is to allow.
struct HostEntry {
  std::string host{};   // as in "allow"
  std::string route{};  // empty: none of its own
};

// A manifest's text with a host added to "allow" of a bottle's "egress", and to its "routes".
// Everything else stays as it is: comments, order, indentation, line ends. nullopt: it is there
// already. `file` is only used in messages. Fails where parse_manifest() does, if there is no such
// bottle, and if the manifest has another route for the host.
Expected<std::optional<std::string>> with_allowed(std::string_view text, const std::string& file,
                                                  const std::string& bottle,
                                                  const HostEntry& entry);

// The lines that differ, each with "-" or "+", and the line before them. For people: on a terminal
// a line can do nothing, and a long one is cut.
std::string line_difference(std::string_view before, std::string_view after);

}  // namespace bottle::launcher
