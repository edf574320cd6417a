#include "launcher/command/completion.h"

#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "launcher/command/commands.h"
#include "launcher/manifest/manifest.h"

namespace bottle::launcher {
namespace {

std::string joined(const std::vector<std::string>& words, const std::string& between) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : between) + word;
  return out;
}

// The values that an option or an argument can have: words, the output of a command, files.
struct Values {
  std::string words{};
  std::string command{};
  bool files = false;
};

std::string names_of_table() {
  std::string out;
  for (const auto& row : command_table()) out += (out.empty() ? "" : " ") + std::string(row.name);
  return out;
}

Values values_of(const Option& option) {
  if (!option.words().empty()) return {.words = joined(option.words(), " ")};
  const std::string& kind = option.is_positional() ? option.names : option.value;
  if (kind == "ID") return {.command = "bottle list --quiet"};
  if (kind == "NAME") return {.command = "bottle completion --list names"};
  if (kind == "HOST") return {.command = "bottle completion --list hosts"};
  if (kind == "COMMAND") return {.words = names_of_table()};
  return {.files = kind == "FILE" || kind == "DIR"};
}

// The options as they are typed, and the positional arguments.
struct Completions {
  std::vector<Option> options{};
  std::vector<Option> arguments{};
};

Completions completions_of(const CommandRow& row) {
  const auto call = row.make();
  Completions out{.options = {help_option()}};
  for (auto& option : call->option_list()) {
    auto& list = option.is_positional() ? out.arguments : out.options;
    list.push_back(std::move(option));
  }
  return out;
}

// As "$words" of bash and zsh take them.
std::string in_shell(const Values& values) {
  return values.command.empty() ? values.words : "$(" + values.command + " 2>/dev/null)";
}

// A host can be a pattern, which the shell must not take for files' names: no word is expanded.
std::string bash_value(const Option& option) {
  const Values values = values_of(option);
  if (values.files) return "mapfile -t COMPREPLY < <(compgen -f -- \"$word\"); ";
  const std::string words = in_shell(values);
  if (words.empty()) return "";
  return "mapfile -t COMPREPLY < <(compgen -W \"" + words + "\" -- \"$word\"); ";
}

std::string zsh_value(const Option& option) {
  const Values values = values_of(option);
  if (values.files) return ":" + option.value + ":_files";
  const std::string words = in_shell(values);
  if (words.empty()) return ":" + option.value + ": ";
  return ":word:(" + words + ")";
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

std::string for_fish(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// The part of a line of `complete` from -a on, with the switches that say whether files are meant.
std::string fish_value(const Values& values) {
  if (values.files) return " -r -F";
  if (!values.command.empty()) return " -x -a '(" + values.command + " 2>/dev/null)'";
  return values.words.empty() ? " -x" : " -x -a " + for_fish(values.words);
}

// Agents and bottles, and the demo; or the hosts that they may reach. None without a manifest.
Expected<int> print_list(const std::string& what, const Context& context) {
  std::set<std::string> words;
  const auto file = find_manifest(context.around.directory, context.around.home);
  const auto manifest = file ? load_manifest(*file) : Expected<Manifest>(Manifest{});
  if (!manifest) return manifest.error();
  if (what == "names") {
    words.emplace(kDemoName);
    for (const auto& [name, agent] : manifest->agents) words.insert(name);
    for (const auto& [name, bottle] : manifest->bottles) words.insert(name);
  } else {
    for (const auto& [name, bottle] : manifest->bottles) {
      words.insert(bottle.allow.begin(), bottle.allow.end());
    }
  }
  for (const auto& word : words) context.out << word << "\n";
  return 0;
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
    for (const auto& argument : completions.arguments) {
      if (const auto more = in_shell(values_of(argument)); !more.empty()) words += " " + more;
    }
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
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
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
    for (const auto& argument : completions.arguments) {
      const auto words = in_shell(values_of(argument));
      if (!words.empty()) cases += " \\\n        '*:" + argument.names + ":(" + words + ")'";
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

std::string fish_completion(std::span<const CommandRow> commands) {
  std::string out =
      "# fish completion for bottle: bottle completion fish | source\n"
      "complete -c bottle -f\n"
      "complete -c bottle -n __fish_use_subcommand -s V -l version -d 'print the version'\n"
      "complete -c bottle -n __fish_use_subcommand -s h -l help -d 'print this help'\n";
  for (const auto& row : commands) {
    const std::string name(row.name);
    out += "complete -c bottle -n __fish_use_subcommand -a " + name + " -d " +
           for_fish(row.summary) + "\n";
    const std::string line = "complete -c bottle -n '__fish_seen_subcommand_from " + name + "'";
    const auto completions = completions_of(row);
    for (const auto& option : completions.options) {
      out += line;
      for (const auto& one : option.each_name()) {
        out += one.starts_with("--") ? " -l " + one.substr(2) : " -s " + one.substr(1);
      }
      if (!option.value.empty()) out += fish_value(values_of(option));
      out += " -d " + for_fish(option.help) + "\n";
    }
    for (const auto& argument : completions.arguments) {
      const Values values = values_of(argument);
      if (!in_shell(values).empty()) out += line + fish_value(values) + "\n";
    }
  }
  return out;
}

Expected<void> check_completion(const CompletionOptions& options) {
  if (options.shell.has_value() != options.list.has_value()) return {};
  return usage_error("bottle completion takes a shell, or --list", "bottle completion bash");
}

Expected<int> run_completion(const CompletionOptions& options, const Context& context) {
  if (options.list) {
    if (*options.list == "names" || *options.list == "hosts") {
      return print_list(*options.list, context);
    }
    return usage_error("there is no list of \"" + *options.list + "\"", "it takes names or hosts");
  }
  if (options.shell == "bash") {
    context.out << bash_completion(command_table());
  } else if (options.shell == "zsh") {
    context.out << zsh_completion(command_table());
  } else if (options.shell == "fish") {
    context.out << fish_completion(command_table());
  } else {
    return usage_error("there is no completion for the shell \"" + *options.shell + "\"",
                       "it takes bash, zsh or fish");
  }
  return 0;
}

}  // namespace bottle::launcher
