#pragma once

#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace bottle {

// Does `bottle-proxy --healthcheck http://HOST:PORT[/PATH]`, for a container's HEALTHCHECK: an
// image without a shell has no other program for it. Sends one GET and reads the head's first line
// within 5 s. Well is any status below 500: a proxy answers 400 to a request that names no host,
// and that it answers at all is what was asked. Error: why it is not well, for a person.
[[nodiscard]] Result<void> healthcheck(std::string_view url);

}  // namespace bottle
