#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/shares.h"
#include "proxy/http/authority.h"

namespace bottle {

// The part of a host's name that has one owner, as far as that can be told: the last two labels.
// An address is its own.
[[nodiscard]] std::string_view site_of(std::string_view host, HostKind kind) noexcept;

// A number for the destination's site. Other processes give other numbers, and no client can find
// two sites that share one.
[[nodiscard]] std::uint64_t place_of(const Destination& destination);

// On whose behalf an exchange of that client (Exchange::client) takes from a shared amount.
[[nodiscard]] Party party_of(std::uint64_t client, const Destination& destination);

}  // namespace bottle
