#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// The launcher's side of the messages of proxy/contract/control_words.h. Each is a line with its
// end.
[[nodiscard]] std::string set_secrets_message(
    const std::vector<std::pair<std::string, std::string>>& values);  // name and value
[[nodiscard]] std::string list_secrets_message();
// Why `name` has no newer value; an empty text ends it.
[[nodiscard]] std::string trouble_message(const std::string& name, std::string_view text);

// A host, or "HOST:PORT"; an empty route: the one that the policy has for it.
struct AskedAllow {
  std::string host{};
  std::string route{};
  bool once = false;
  std::optional<std::int64_t> seconds{};
};
[[nodiscard]] std::string allow_message(const AskedAllow& asked);
[[nodiscard]] std::string deny_message(const std::string& host);
[[nodiscard]] std::string list_policy_message();
[[nodiscard]] std::string check_policy_message(const std::string& url);

// An entry of the allowlist or of the routes.
struct ListedRule {
  std::string host{};
  std::string route{};  // empty: none of its own
  std::string by{};     // the user that asked for it while the bottle ran; empty: of the start
  std::optional<std::int64_t> since{};
  std::optional<std::int64_t> until{};
  bool once = false;
  std::uint64_t hits = 0;
};

// The answer to check_policy_message().
struct PolicyVerdict {
  std::string host{};
  std::uint16_t port = 0;
  bool passes = false;
  std::string route{};
  bool learned = false;  // no entry allows it, and --learn lets it pass
  std::string reason{};
  std::string detail{};
  std::string hint{};
  std::optional<ListedRule> entry{};
  std::optional<ListedRule> route_entry{};
};

struct ListedSecret {
  std::string name{};
  bool kept_out = false;
  std::vector<std::string> hosts{};
  std::uint64_t former = 0;             // old values that are still guarded
  std::optional<std::int64_t> since{};  // seconds since 1970; none: since the start
  std::string trouble{};
};

struct ControlAnswer {
  std::vector<std::string> changed{};
  std::vector<ListedSecret> secrets{};
  std::vector<ListedRule> allow{};
  std::vector<ListedRule> routes{};
  std::optional<PolicyVerdict> check{};
};
// The Error is the one that the proxy told of, or says that its answer is none.
[[nodiscard]] Expected<ControlAnswer> read_control_answer(std::string_view line);

}  // namespace bottle::launcher
