#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/guard/address_guard.h"

namespace bottle {

inline constexpr std::size_t kMaxAddressNotes = 8;  // and one that counts the rest

// A sentence for each allowed host to which every request would be refused: it is a closed address
// (10.0.0.1, also as localhost) that `guard` does not open.
[[nodiscard]] std::vector<std::string> address_notes(const Config& config,
                                                     const AddressGuard& guard);

}  // namespace bottle
