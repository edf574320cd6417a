#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "launcher/command/command.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// --help, --version: a text for standard output.
class PrintText final : public Command {
 public:
  explicit PrintText(std::string text) : text_(std::move(text)) {}
  Expected<int> run(const Context& context) const override;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// `arguments` without the program's name. Everything after the first `--` is the command to run in
// a bottle, untouched; so is, with `start`, everything from the first word that means a command.
// Without a `meaning_of`, each first word is an entry's name. Errors are of kind kUsage.
Expected<std::unique_ptr<Command>> parse_command_line(const std::vector<std::string>& arguments,
                                                      const WordTest& meaning_of = {});

}  // namespace bottle::launcher
