#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace bottle::launcher::watch {

// Parts of an audit line as a person reads them. The agent chooses much of a line, so all of them
// are printable.

// A text or a number; empty if the line has neither.
std::string text_of(const nlohmann::json& entry, const char* key, std::size_t most = 400);
bool is(const nlohmann::json& entry, const char* key, std::string_view text);
// "12 B", "1.5 KiB", "3.0 MiB".
std::string amount_words(double bytes);
// "redacted GitHub token in messages[3].content (k5xw4ytq2mzrhd6a)", of each finding.
std::string findings_words(const nlohmann::json& entry);
// HOST or HOST:PORT, which `bottle allow` takes, of a line whose host the allowlist does not have:
// refused for that, or learned. Empty if the line is another one, or if the name could mean
// something to a shell: a name that was only asked for may be anything.
std::string host_to_allow(const nlohmann::json& entry);

}  // namespace bottle::launcher::watch
