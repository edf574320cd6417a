#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "launcher/lifetime/ask_talk.h"
#include "proxy/contract/ask_answer.h"

namespace bottle::launcher {

// An ask as it is told outside of the proxy. The agent chose host, method and path: nothing but
// printable ASCII is left of them here.

// "GET https://pypi.org/simple/"; without the query.
[[nodiscard]] std::string ask_url(const ListedAsk& ask);
// The host as `bottle allow` takes it: "pypi.org", "pypi.org:8443".
[[nodiscard]] std::string ask_target(const ListedAsk& ask);
// The line on the launcher's standard error, without its end.
[[nodiscard]] std::string ask_line(const ListedAsk& ask, const std::string& bottle);
// The two texts of a desktop notification. Its server may take marks of HTML for such.
[[nodiscard]] std::string ask_title(const std::string& bottle);
[[nodiscard]] std::string ask_notice(const ListedAsk& ask, const std::string& bottle);
// The ask with all that the proxy told, in the order of docs/control.md.
[[nodiscard]] nlohmann::ordered_json ask_object(const ListedAsk& ask);
// One line of JSON for --ask-command.
[[nodiscard]] std::string ask_json(const ListedAsk& ask, const std::string& bottle);

}  // namespace bottle::launcher
