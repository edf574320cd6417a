#include "launcher/command/command.h"

#include <sstream>

namespace bottle::launcher {

namespace {

std::vector<std::string> split(const std::string& text, char between) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, between);) out.push_back(std::move(part));
  return out;
}

}  // namespace

std::vector<std::string> Option::each_name() const { return split(names, ','); }

std::vector<std::string> Option::words() const {
  return value.find('|') == std::string::npos ? std::vector<std::string>() : split(value, '|');
}

Error usage_error(std::string message, std::string hint) {
  return Error{ExitCode::kUsage, std::move(message), std::move(hint)};
}

}  // namespace bottle::launcher
