#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A manifest's text with a fingerprint added to the "ignore" of a bottle's "guard". Everything else
// stays as it is: comments, order, indentation, line ends. nullopt: it is there already. `file` is
// only used in messages. Fails where parse_manifest() does, and if there is no such bottle.
Expected<std::optional<std::string>> with_ignored(std::string_view text, const std::string& file,
                                                  const std::string& bottle,
                                                  std::string_view fingerprint);

}  // namespace bottle::launcher
