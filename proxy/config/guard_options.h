#pragma once

#include <string>

#include "proxy/config/config.h"
#include "proxy/contract/error.h"

namespace bottle {

// The values of the guard's options, into the configuration. The Error (kUsage) says what is wrong
// with one.
[[nodiscard]] Expected<void> set_on_secret(Config& c, const std::string& value);
[[nodiscard]] Expected<void> set_responses(Config& c, const std::string& value);
[[nodiscard]] Expected<void> set_opaque(Config& c, const std::string& value);
[[nodiscard]] Expected<void> set_scanner_shows(Config& c, const std::string& value);
[[nodiscard]] Expected<void> set_ignored(Config& c, const std::string& value);
[[nodiscard]] Expected<void> set_guard_set(Config& c, const std::string& value);

}  // namespace bottle
