#include "launcher/plan/own_environment.h"

#include <cstdlib>
#include <cstring>

namespace bottle::launcher {

void wipe_variable(const std::string& name) {
  if (char* const value = std::getenv(name.c_str()); value != nullptr) {
    ::explicit_bzero(value, std::strlen(value));
  }
  ::unsetenv(name.c_str());
}

}  // namespace bottle::launcher
