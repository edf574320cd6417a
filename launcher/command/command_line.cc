#include "launcher/command/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "launcher/command/commands.h"
#include "proxy/contract/nearest_word.h"

namespace bottle::launcher {
namespace {

constexpr const char* kFooter = R"(
Examples:
  bottle start --allow example.com curl -sS https://example.com/
  bottle start claude                     run an agent of the manifest (bottle.json)
  bottle start demo                       run a demonstration; needs no internet
  bottle init                             write a manifest
  bottle doctor                           check whether this machine can run bottles

`bottle COMMAND --help` shows the options of a command; an installation has them as man pages
(man bottle-start). docs/exit-codes.md lists the exit codes.
)";

using Words = std::vector<std::string>;
using Parsed = Expected<std::unique_ptr<Command>>;

// One of each row; the one whose subcommand was parsed counts.
using Calls = std::vector<std::unique_ptr<TableCommand>>;

Calls make_calls() {
  Calls out;
  for (const auto& row : command_table()) out.push_back(row.make());
  return out;
}

void add_option(CLI::App& app, const Option& option) {
  if (auto* const* const flag = std::get_if<bool*>(&option.into)) {
    app.add_flag(option.names, **flag, option.help);
    return;
  }
  auto* const added = std::visit(
      [&app, &option](auto* into) { return app.add_option(option.names, *into, option.help); },
      option.into);
  if (option.is_positional()) {
    added->type_name("")->required(std::holds_alternative<std::string*>(option.into));
    return;
  }
  added->type_name(option.value);
  if (std::holds_alternative<std::vector<std::string>*>(option.into)) {
    // One value an option, so that a positional argument after it is not swallowed.
    added->allow_extra_args(false)->take_all();
  } else {
    added->take_last();
  }
}

std::unique_ptr<CLI::App> make_app(const Calls& calls) {
  auto app = std::make_unique<CLI::App>(
      "Runs a command in isolation. Its requests are decrypted, checked and scanned.", "bottle");
  const Option help = help_option();
  const Option version = version_option();
  app->set_version_flag(version.names, std::string("bottle ") + BOTTLE_VERSION, version.help);
  app->set_help_flag(help.names, help.help);
  app->require_subcommand(1);
  app->footer(kFooter);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const CommandRow& row = command_table()[i];
    std::string words(row.summary);
    if (!row.usage.empty()) words += ": " + std::string(row.usage);
    auto* const command = app->add_subcommand(std::string(row.name), words);
    command->set_help_flag(help.names, help.help);
    command->footer(std::string(row.footer));
    for (const auto& option : calls[i]->option_list()) add_option(*command, option);
  }
  return app;
}

// The row's index, or the number of rows.
std::size_t row_of(std::string_view name) {
  const auto table = command_table();
  const auto found = std::find_if(table.begin(), table.end(),
                                  [name](const CommandRow& row) { return row.name == name; });
  return static_cast<std::size_t>(found - table.begin());
}

Error unknown_command(const std::string& word) {
  std::vector<std::string_view> names;
  std::string list;
  for (const auto& row : command_table()) {
    names.push_back(row.name);
    list.append(list.empty() ? "" : ", ").append(row.name);
  }
  return usage_error("unknown command \"" + word + "\"",
                     did_you_mean(word, names) + "what exists: " + list +
                         "; to run a program: bottle start " + word);
}

// The first word that looks like an option of the command and is none. Values of options that begin
// with a hyphen may be taken for one: the parser has refused the line already.
std::optional<std::string> unknown_option(const std::vector<Option>& options, const Words& words) {
  for (const auto& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("-") || name == "-") continue;
    const bool known = std::any_of(options.begin(), options.end(), [&name](const Option& one) {
      const auto names = one.each_name();
      return std::find(names.begin(), names.end(), name) != names.end();
    });
    if (!known) return name;
  }
  return std::nullopt;
}

// `words` have what the parser refused; `called` is empty or the command that they are for.
Error bad_words(const std::string& called, const CLI::ParseError& error, const Words& words) {
  const std::string name = called.empty() ? "" : called + " ";
  const std::string help =
      "bottle " + name + "--help shows the options; a command to run comes after --";
  // A word that is missing may be one that was taken for an option.
  const bool may_be_unknown = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                              dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  if (!may_be_unknown) return usage_error(error.what(), help);
  std::vector<Option> options{help_option()};
  if (called.empty()) {
    options.push_back(version_option());
  } else {
    const auto call = command_table()[row_of(called)].make();
    for (auto& option : call->option_list()) options.push_back(std::move(option));
  }
  const auto unknown = unknown_option(options, words);
  if (!unknown) return usage_error(error.what(), help);
  std::vector<std::string> names;
  for (const auto& option : options) {
    for (auto& one : option.each_name()) {
      if (one.starts_with("--")) names.push_back(std::move(one));
    }
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  return usage_error("unknown option " + *unknown + (called.empty() ? "" : " of bottle " + called),
                     did_you_mean(*unknown, views) + help);
}

// The words after the first `--`.
Expected<Words> words_after(const Words& arguments, Words::const_iterator dashes) {
  if (dashes == arguments.end()) return Words();
  Words words(dashes + 1, arguments.end());
  if (words.empty()) {
    return usage_error("there is no command after --",
                       "example: bottle start -- curl https://host/");
  }
  if (words.front().empty()) {
    return usage_error("the command is an empty word", "is a variable in it not set?");
  }
  return words;
}

// Each word before the first `--` is bottle's own.
Parsed read_own(const Words& arguments) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  Words own(arguments.begin(), dashes);
  if (own.empty()) return usage_error("nothing to do", "bottle --help shows what there is");
  const std::string first = own.front();
  if (!first.starts_with("-") && row_of(first) == command_table().size()) {
    return unknown_command(first);
  }
  auto words = words_after(arguments, dashes);
  if (!words) return std::move(words.error());
  auto calls = make_calls();
  const auto app = make_app(calls);
  try {
    std::reverse(own.begin(), own.end());  // CLI11 takes a vector from its end
    app->parse(own);
  } catch (const CLI::CallForHelp&) {
    const auto parsed = app->get_subcommands();
    return {
        std::make_unique<PrintText>(parsed.empty() ? app->help() : parsed.front()->help("bottle"))};
  } catch (const CLI::CallForVersion&) {
    return {std::make_unique<PrintText>(std::string("bottle ") + BOTTLE_VERSION + "\n")};
  } catch (const CLI::ParseError& error) {
    return bad_words(first.starts_with("-") ? "" : first, error, {arguments.begin(), dashes});
  }
  const std::string name = app->get_subcommands().front()->get_name();
  auto& call = calls[row_of(name)];
  if (!words->empty() && !call->takes_words()) {
    return usage_error("bottle " + name + " takes no command after --",
                       "bottle " + name + " --help");
  }
  if (auto accepted = call->accept(std::move(*words)); !accepted) {
    return std::move(accepted.error());
  }
  return {std::move(call)};
}

bool takes_value(const std::vector<Option>& options, const std::string& name) {
  return std::any_of(options.begin(), options.end(), [&name](const Option& option) {
    const auto names = option.each_name();
    return !option.value.empty() && std::find(names.begin(), names.end(), name) != names.end();
  });
}

// Where the first word stands that is neither an option of the command nor an option's value.
std::size_t first_word(const CommandRow& row, const Words& words) {
  const auto call = row.make();
  const auto options = call->option_list();
  std::size_t at = 1;
  while (at < words.size() && words[at].starts_with("-")) {
    at += takes_value(options, words[at]) ? 2 : 1;
  }
  return std::min(at, words.size());
}

}  // namespace

Expected<int> PrintText::run(const Context& context) const {
  context.out << text_;
  return 0;
}

Expected<std::unique_ptr<Command>> parse_command_line(const std::vector<std::string>& arguments,
                                                      const WordTest& meaning_of) {
  const auto dashes = std::find(arguments.begin(), arguments.end(), "--");
  const Words own(arguments.begin(), dashes);
  const std::size_t row = own.empty() ? command_table().size() : row_of(own.front());
  if (row == command_table().size() || command_table()[row].read_bare == nullptr) {
    return read_own(arguments);
  }
  const std::size_t at = first_word(command_table()[row], own);
  if (at >= own.size()) return read_own(arguments);
  return command_table()[row].read_bare(
      {.arguments = arguments, .at = at, .read = read_own, .meaning_of = meaning_of});
}

}  // namespace bottle::launcher
