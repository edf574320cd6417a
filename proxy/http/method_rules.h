#pragma once

#include <string_view>

#include "proxy/base/result.h"
#include "proxy/contract/origin_rules.h"
#include "proxy/http/authority.h"

namespace bottle {

// NotSupported ("bad_method") for a method that is not GET, HEAD, POST, PUT, PATCH, DELETE or
// OPTIONS, and that no rule adds for the destination. CONNECT, TRACE, TRACK and PRI are refused
// even if a rule adds them.
[[nodiscard]] Result<void> check_method(std::string_view method, const OriginRules& rules,
                                        const Destination& to);

}  // namespace bottle
