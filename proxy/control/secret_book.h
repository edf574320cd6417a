#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/control/control_message.h"
#include "proxy/guard/secret_set.h"

namespace bottle {

// All that is known of a proxy's secrets, with their values: what a change starts from. A value
// type of main's thread. No value that was here is forgotten before kMaxFormer newer ones of its
// name.
class SecretBook {
 public:
  // A change, whole and checked (SecretSet::check()), which has not been made.
  struct Change {
    std::vector<SecretSpec> secrets;
    std::vector<std::string>
        names;  // secrets that have another value, other hosts or parts; empty: none
  };

  explicit SecretBook(std::vector<SecretSpec> secrets) : secrets_(std::move(secrets)) {}

  [[nodiscard]] const std::vector<SecretSpec>& secrets() const noexcept { return secrets_; }
  // New values for secrets with a placeholder. Fails as a whole: an unknown name, one whose value
  // the agent itself has, or a value that cannot stand for its placeholder.
  [[nodiscard]] Expected<Change> with_values(std::vector<NewSecret> values) const;
  // Another list in the place of this one. A value that is not in it any more stays guarded, at no
  // host, and so do former ones.
  [[nodiscard]] Expected<Change> with_list(std::vector<SecretSpec> list) const;
  // The change was made.
  void take(Change change, std::chrono::system_clock::time_point now);

  // False: there is no such secret. An empty text ends it.
  [[nodiscard]] bool note_trouble(const std::string& name, std::string text);
  [[nodiscard]] std::vector<SecretState> states() const;

 private:
  struct News {
    std::optional<std::chrono::system_clock::time_point> since{};
    std::string trouble{};
  };
  std::vector<SecretSpec> secrets_;
  std::map<std::string, News> news_;
};

}  // namespace bottle
