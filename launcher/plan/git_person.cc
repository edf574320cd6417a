#include "launcher/plan/git_person.h"

#include <algorithm>
#include <array>

namespace bottle::launcher {
namespace {

constexpr std::array kSettings{
    PersonSetting{"author.email", "a commit has it"},
    PersonSetting{"author.name", "a commit has it"},
    PersonSetting{"branch.sort", "the order of a list"},
    PersonSetting{"color.*", "colours of what git prints"},
    PersonSetting{"column.ui", "the layout of lists"},
    PersonSetting{"commit.verbose", "whether the editor shows the change"},
    PersonSetting{"committer.email", "a commit has it"},
    PersonSetting{"committer.name", "a commit has it"},
    PersonSetting{"diff.algorithm", "one of git's own ways to compare"},
    PersonSetting{"diff.colormoved", "colours of moved lines"},
    PersonSetting{"diff.mnemonicprefix", "letters in the head of a diff"},
    PersonSetting{"diff.noprefix", "letters in the head of a diff"},
    PersonSetting{"diff.renames", "whether renames are found"},
    PersonSetting{"fetch.prune", "whether names that are gone are forgotten"},
    PersonSetting{"fetch.prunetags", "the same of tags"},
    PersonSetting{"init.defaultbranch", "the name of the first branch"},
    PersonSetting{"log.abbrevcommit", "how a log looks"},
    PersonSetting{"log.date", "how a log looks"},
    PersonSetting{"merge.conflictstyle", "how a conflict looks in a file"},
    PersonSetting{"merge.ff", "whether a merge may be a fast-forward"},
    PersonSetting{"pull.ff", "whether a pull must be a fast-forward"},
    PersonSetting{"pull.rebase", "a word that chooses what pull does"},
    PersonSetting{"push.default", "which branch is pushed"},
    PersonSetting{"push.followtags", "whether tags go along"},
    PersonSetting{"rebase.autosquash", "whether fixups are put in order"},
    PersonSetting{"rebase.autostash", "whether changes are put aside"},
    PersonSetting{"rebase.updaterefs", "whether branches in between are moved"},
    PersonSetting{"rerere.enabled", "whether resolved conflicts are remembered"},
    PersonSetting{"status.short", "how status looks"},
    PersonSetting{"status.showuntrackedfiles", "how much status lists"},
    PersonSetting{"tag.sort", "the order of a list"},
};

// Nothing in it has a meaning in a configuration file.
bool is_plain_key(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.';
  });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::span<const PersonSetting> person_settings() { return kSettings; }

bool is_person_setting(std::string_view key) {
  return is_plain_key(key) &&
         std::any_of(kSettings.begin(), kSettings.end(), [key](const PersonSetting& setting) {
           if (!setting.key.ends_with(".*")) return setting.key == key;
           const auto begin = setting.key.substr(0, setting.key.size() - 1);
           return key.starts_with(begin) && key.size() > begin.size();
         });
}

bool is_plain_value(std::string_view value) {
  constexpr std::size_t kMost = 256;
  return value.size() <= kMost && std::none_of(value.begin(), value.end(), is_control);
}

std::string config_value(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    if (!is_control(c)) out += c;
  }
  return out + "\"";
}

std::string person_config_text(const std::map<std::string, std::string>& settings) {
  std::string out;
  for (const auto& [key, value] : settings) {
    if (!is_person_setting(key) || !is_plain_value(value)) continue;
    const auto section_end = key.find('.');
    const auto name_begin = key.rfind('.');
    out += "[" + key.substr(0, section_end);
    if (name_begin > section_end) {
      out += " " + config_value(key.substr(section_end + 1, name_begin - section_end - 1));
    }
    out += "]\n\t" + key.substr(name_begin + 1) + " = " + config_value(value) + "\n";
  }
  return out;
}

}  // namespace bottle::launcher
