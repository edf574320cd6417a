#include "proxy/contract/error.h"

#include <system_error>

namespace bottle {

Error system_error(std::string what, int errno_value, std::string hint, ExitCode code) {
  what += ": " + std::generic_category().message(errno_value);
  return Error{code, std::move(what), std::move(hint)};
}

}  // namespace bottle
