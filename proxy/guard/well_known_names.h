#pragma once

#include <string_view>

namespace bottle {

// True for the name of a field that standards or the usual clients define, in any case: it says
// nothing, so it need not be looked at. Of a name that is not among these, nothing is assumed.
[[nodiscard]] bool is_well_known_name(std::string_view name) noexcept;

}  // namespace bottle
