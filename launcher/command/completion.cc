#include "launcher/command/completion.h"

#include <map>

namespace bottle::launcher {
namespace {

// How a value or an argument of this kind is completed, in bash and in zsh. Empty: a
// file.
struct Source {
  std::string_view bash;
  std::string_view zsh;
};
const std::map<std::string_view, Source>& sources() {
  static const std::map<std::string_view, Source> kSources{
      {"ID", {"$(bottle list --quiet 2>/dev/null)", "($(bottle list --quiet 2>/dev/null))"}},
      {"SHELL", {"bash zsh", "(bash zsh)"}},
      {"HOST", {"", " "}},
      {"CIDR", {"", " "}},
      {"URL", {"", " "}},
      {"MAPPING", {"", " "}},
  };
  return kSources;
}

// Values that are words, by option.
const std::map<std::string_view, std::string_view>& known_words() {
  static const std::map<std::string_view, std::string_view> kWords{
      {"--backend", "local docker"},
      {"--scanner", "pipelock guard"},
      {"--shell", "sh fish csh"},
      {"--preset", "claude codex git"},
  };
  return kWords;
}

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : between) + word;
  return out;
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

std::string zsh_value(const OptionWords& option) {
  const auto words = known_words().find(option.names.back());
  if (words != known_words().end()) return ":word:(" + std::string(words->second) + ")";
  const auto source = sources().find(option.value);
  if (source != sources().end()) return ":" + option.value + ":" + std::string(source->second.zsh);
  return ":" + option.value + ":_files";
}

}  // namespace

std::string bash_completion(const std::vector<CommandWords>& commands) {
  std::string names;
  std::string cases;
  std::string values;
  std::map<std::string, bool> done;
  for (const auto& command : commands) {
    names += (names.empty() ? "" : " ") + command.name;
    std::string options;
    for (const auto& option : command.options) {
      options += (options.empty() ? "" : " ") + joined(option.names, " ");
      if (option.value.empty() || done[option.names.back()]) continue;
      done[option.names.back()] = true;
      const auto words = known_words().find(option.names.back());
      if (words != known_words().end()) {
        values += "    " + joined(option.names, "|") + ") COMPREPLY=($(compgen -W '" +
                  std::string(words->second) + "' -- \"$word\")); return ;;\n";
      } else if (sources().contains(option.value)) {
        values += "    " + joined(option.names, "|") + ") return ;;\n";
      } else {
        values += "    " + joined(option.names, "|") +
                  ") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n";
      }
    }
    const auto source = sources().find(command.argument);
    const std::string arguments =
        source == sources().end() ? "" : " " + std::string(source->second.bash);
    cases += "    " + command.name + ") words=\"" + options + arguments + "\" ;;\n";
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

std::string zsh_completion(const std::vector<CommandWords>& commands) {
  std::string names;
  std::string cases;
  for (const auto& command : commands) {
    names += "    '" + for_zsh(command.name) + ":" + for_zsh(command.help) + "'\n";
    cases += "    " + command.name + ")\n      _arguments";
    for (const auto& option : command.options) {
      const std::string value = option.value.empty() ? "" : zsh_value(option);
      for (const auto& name : option.names) {
        cases += " \\\n        '*" + name + "[" + for_zsh(option.help) + "]" + value + "'";
      }
    }
    const auto source = sources().find(command.argument);
    if (source != sources().end()) {
      cases += " \\\n        '*:" + command.argument + ":" + std::string(source->second.zsh) + "'";
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
    context.out << bash_completion(command_words());
  } else if (options.shell == "zsh") {
    context.out << zsh_completion(command_words());
  } else {
    return Error{ExitCode::kUsage, "there is no completion for the shell \"" + options.shell + "\"",
                 "it takes bash or zsh"};
  }
  return 0;
}

}  // namespace bottle::launcher
