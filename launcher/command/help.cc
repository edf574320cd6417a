#include "launcher/command/help.h"

#include <vector>

#include "launcher/command/command_line.h"

namespace bottle::launcher {
namespace {

Expected<int> answer_of(const std::vector<std::string>& words, const Context& context) {
  const auto command = parse_command_line(words);
  if (!command) return command.error();
  return (*command)->run(context);
}

}  // namespace

Expected<int> run_help(const HelpOptions& options, const Context& context) {
  std::vector<std::string> words{"--help"};
  if (options.topic) words.insert(words.begin(), *options.topic);
  return answer_of(words, context);
}

Expected<int> run_version(const VersionOptions& /*options*/, const Context& context) {
  return answer_of({"--version"}, context);
}

}  // namespace bottle::launcher
