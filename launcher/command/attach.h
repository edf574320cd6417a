#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "launcher/command/command.h"

namespace bottle::launcher {

// `bottle attach`: the terminal of a bottle that runs detached.
struct AttachOptions {
  std::string id{};
  bool take = false;  // from another attachment
};
std::vector<Option> attach_options(AttachOptions& to);
Expected<int> run_attach(const AttachOptions& options, const Context& context);

// Looks whether a full-screen program has the terminal's other screen.
class ScreenWatch {
 public:
  void see(std::string_view output);
  bool other_screen() const { return other_; }

 private:
  std::string tail_{};  // of the output before: a sequence may be cut
  bool other_ = false;
};

// Looks for the keys that detach, Ctrl-P Ctrl-Q, among those that a person types.
class DetachKeys {
 public:
  struct Typed {
    std::string text;  // for the command
    bool detach = false;
  };
  // A Ctrl-P is kept until the next key tells what it means.
  Typed take(std::string_view typed);

 private:
  bool half_ = false;
};

}  // namespace bottle::launcher
