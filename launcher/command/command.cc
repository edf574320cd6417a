#include "launcher/command/command.h"

#include <sstream>

namespace bottle::launcher {

std::vector<std::string> Option::each_name() const {
  std::vector<std::string> out;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) out.push_back(std::move(name));
  return out;
}

Error usage_error(std::string message, std::string hint) {
  return Error{ExitCode::kUsage, std::move(message), std::move(hint)};
}

}  // namespace bottle::launcher
