#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace bottle::launcher {

// How a secret looks wherever a person or a log may see it.
inline constexpr std::string_view kSecretMask = "***";

// A string that prints as ***. reveal() is the only way to its text; it is called where the value
// goes to the agent's environment and to the proxy's guard, and nowhere else.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  const std::string& reveal() const { return value_; }
  std::size_t size() const { return value_.size(); }

  friend std::ostream& operator<<(std::ostream& out, const Secret&) { return out << kSecretMask; }

 private:
  std::string value_;
};

}  // namespace bottle::launcher
