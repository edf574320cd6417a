#pragma once

#include <optional>
#include <string>

#include "launcher/command/context.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Writes a fingerprint into "ignore" of the "guard" of a bottle in the manifest. `name`: a bottle
// or an agent; without one it is the bottle that `bottle start` would make. `manifest`: the file,
// else the one that is found from here.
Expected<int> ignore_secret(const std::string& fingerprint, const std::optional<std::string>& name,
                            const std::optional<std::string>& manifest, const Context& context);

}  // namespace bottle::launcher
