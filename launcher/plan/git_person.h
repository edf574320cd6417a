#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace bottle::launcher {

// The settings of the person's own git configuration that a bottle takes over. The file itself is
// not in the bottle: aliases, helpers, filters, hooks and includes name programs and paths of this
// machine. A setting is here only if its value can be nothing else than a choice of words.

struct PersonSetting {
  std::string_view key;  // as git prints it; ".*" at the end: all below it
  std::string_view why;
};
std::span<const PersonSetting> person_settings();
bool is_person_setting(std::string_view key);

// A value that is taken over: short, and without control characters.
bool is_plain_value(std::string_view value);

// Lines of a configuration file. The keys are as git prints them; others than the above are left
// out.
std::string person_config_text(const std::map<std::string, std::string>& settings);

// A value in the quotes of git's configuration file. Control characters are left out.
std::string config_value(std::string_view value);

}  // namespace bottle::launcher
