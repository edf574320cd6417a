#pragma once

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "launcher/plan/spec.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// The calls that a command line can ask for, a struct each.
struct PrintText {
  std::string text;  // --help, --version: to stdout, exit 0
};
struct RunDemo {
  StartOptions options;
};
struct ListOptions {
  bool json = false;
  bool quiet = false;  // ids alone
};
struct StopOptions {
  std::vector<std::string> ids{};
  bool all = false;
  bool quiet = false;
};
struct LogsOptions {
  std::optional<std::string> id{};
  bool follow = false;
  bool json = false;
};
struct ExecOptions {
  std::string id{};
  std::vector<std::string> command{};
};
struct EnvOptions {
  std::optional<std::string> id{};
  std::optional<std::string> proxy{};
  std::optional<std::string> ca{};
  std::optional<std::string> bundle{};
  std::optional<std::string> shell{};
};
struct DoctorOptions {
  bool json = false;
  bool quiet = false;
  std::optional<std::string> targets{};
  std::vector<std::string> command{};  // in a bottle: run when all is well
};
struct InitOptions {
  std::vector<std::string> presets{};
  std::optional<std::string> file{};
  bool force = false;
  bool print = false;
};
struct CompletionOptions {
  std::string shell{};
};
using Command =
    std::variant<PrintText, StartOptions, RunDemo, ListOptions, StopOptions, LogsOptions,
                 ExecOptions, EnvOptions, DoctorOptions, InitOptions, CompletionOptions>;

// Tells the meaning of the first word of `bottle start WORD`; the options are those that are known.
using WordTest = std::function<WordMeaning(const StartOptions& options, const std::string& word)>;

// `arguments` without the program's name. Everything after the first `--` is the command to run in
// a bottle, untouched; so is, with `start`, everything from the first word that means a command.
// Without a `meaning_of`, each first word is an entry's name. Errors are of kind kUsage.
Expected<Command> parse_command_line(const std::vector<std::string>& arguments,
                                     const WordTest& meaning_of = {});

// The same command line as data, for shell completion.
struct OptionWords {
  std::vector<std::string> names{};  // "-q", "--quiet"
  std::string help{};
  std::string value{};  // what it takes: "FILE"; empty: nothing
};
struct CommandWords {
  std::string name{};
  std::string help{};
  std::string argument{};  // "NAME", "ID"; empty: none
  std::vector<OptionWords> options{};
};
std::vector<CommandWords> command_words();

}  // namespace bottle::launcher
