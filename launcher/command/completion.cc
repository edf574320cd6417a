#include "launcher/command/completion.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <vector>

#include "launcher/command/commands.h"

namespace bottle::launcher {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// The options as they are typed, and the positional argument.
struct Completions {
  std::vector<Option> options{};
  std::string argument{};        // "ID"; empty: none that can be completed
  std::string argument_words{};  // the words that it can be, as a shell expands them
};

Completions completions_of(const CommandRow& row) {
  const auto call = row.make();
  Completions out{.options = {help_option()}};
  for (auto& option : call->option_list()) {
    if (!option.is_positional()) {
      out.options.push_back(std::move(option));
    } else if (option.names == "ID") {
      out.argument = option.names;
      out.argument_words = "$(bottle list --quiet 2>/dev/null)";
    } else if (!option.words().empty()) {
      out.argument = option.names;
      out.argument_words = joined(option.words(), " ");
    }
  }
  return out;
}

// Whether the value can be anything. Values that are neither that nor words are files.
bool is_free(const Option& option) {
  constexpr std::array<std::string_view, 5> kFree{"HOST", "CIDR", "URL", "MAPPING", "FINGERPRINT"};
  return std::find(kFree.begin(), kFree.end(), option.value) != kFree.end();
}

std::string bash_value(const Option& option) {
  if (!option.words().empty()) {
    return "COMPREPLY=($(compgen -W '" + joined(option.words(), " ") + "' -- \"$word\")); ";
  }
  return is_free(option) ? "" : "COMPREPLY=($(compgen -f -- \"$word\")); ";
}

std::string zsh_value(const Option& option) {
  if (!option.words().empty()) return ":word:(" + joined(option.words(), " ") + ")";
  return ":" + option.value + (is_free(option) ? ": " : ":_files");
}

// Inside '…' of zsh's _arguments, where ':' and ']' have a meaning.
std::string for_zsh(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += "'\\''";
    } else {
      if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string bash_completion(std::span<const CommandRow> commands) {
  std::string names;
  std::string cases;
  std::string values;
  std::set<std::string> done;
  for (const auto& row : commands) {
    names += (names.empty() ? "" : " ") + std::string(row.name);
    const auto completions = completions_of(row);
    std::string words;
    for (const auto& option : completions.options) {
      words += (words.empty() ? "" : " ") + joined(option.each_name(), " ");
      if (option.value.empty() || !done.insert(option.names).second) continue;
      values +=
          "    " + joined(option.each_name(), "|") + ") " + bash_value(option) + "return ;;\n";
    }
    if (!completions.argument.empty()) words += " " + completions.argument_words;
    cases += "    " + std::string(row.name) + ") words=\"" + words + "\" ;;\n";
  }
  return "# bash completion for bottle: source <(bottle completion bash)\n"
         "_bottle() {\n"
         "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words i\n"
         "  COMPREPLY=()\n"
         "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
         "    # What follows -- is a command of its own.\n"
         "    if [ \"${COMP_WORDS[i]}\" = -- ]; then\n"
         "      if ((i + 1 == COMP_CWORD)); then COMPREPLY=($(compgen -c -- \"$word\"));\n"
         "      else COMPREPLY=($(compgen -f -- \"$word\")); fi\n"
         "      return\n"
         "    fi\n"
         "  done\n"
         "  case $before in\n" +
         values +
         "  esac\n"
         "  if ((COMP_CWORD == 1)); then\n"
         "    COMPREPLY=($(compgen -W '" +
         names +
         " --help --version' -- \"$word\"))\n"
         "    return\n"
         "  fi\n"
         "  case ${COMP_WORDS[1]} in\n" +
         cases +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
         "}\n"
         "complete -F _bottle bottle\n";
}

std::string zsh_completion(std::span<const CommandRow> commands) {
  std::string names;
  std::string cases;
  for (const auto& row : commands) {
    names += "    '" + for_zsh(row.name) + ":" + for_zsh(row.summary) + "'\n";
    cases += "    " + std::string(row.name) + ")\n      _arguments";
    const auto completions = completions_of(row);
    for (const auto& option : completions.options) {
      const std::string value = option.value.empty() ? "" : zsh_value(option);
      for (const auto& name : option.each_name()) {
        cases += " \\\n        '*" + name + "[" + for_zsh(option.help) + "]" + value + "'";
      }
    }
    if (!completions.argument.empty()) {
      cases += " \\\n        '*:" + completions.argument + ":(" + completions.argument_words + ")'";
    }
    cases += "\n      ;;\n";
  }
  return "#compdef bottle\n"
         "# zsh completion for bottle: bottle completion zsh > a file _bottle in $fpath\n"
         "_bottle() {\n"
         "  local -a commands\n"
         "  local dashes=${words[(I)--]}\n"
         "  # What follows -- is a command of its own.\n"
         "  if ((dashes > 0 && dashes < CURRENT)); then\n"
         "    shift dashes words\n"
         "    ((CURRENT -= dashes))\n"
         "    _normal\n"
         "    return\n"
         "  fi\n"
         "  commands=(\n" +
         names +
         "  )\n"
         "  if ((CURRENT == 2)); then\n"
         "    _describe command commands\n"
         "    return\n"
         "  fi\n"
         "  shift words\n"
         "  ((CURRENT -= 1))\n"
         "  case ${words[1]} in\n" +
         cases +
         "  esac\n"
         "}\n"
         "# Loaded from $fpath it is called at once; sourced it announces itself.\n"
         "if [[ ${funcstack[1]} == _bottle ]]; then _bottle \"$@\"; else compdef _bottle bottle; "
         "fi\n";
}

Expected<int> run_completion(const CompletionOptions& options, const Context& context) {
  if (options.shell == "bash") {
    context.out << bash_completion(command_table());
  } else if (options.shell == "zsh") {
    context.out << zsh_completion(command_table());
  } else {
    return Error{ExitCode::kUsage, "there is no completion for the shell \"" + options.shell + "\"",
                 "it takes bash or zsh"};
  }
  return 0;
}

}  // namespace bottle::launcher
