#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "launcher/manifest/manifest.h"

namespace bottle::launcher {

// Where the value of a kept-out secret came from, so that a newer one can be had while the bottle
// runs. Taken from the manifest at the start, and never from a later version of it: the agent may
// have changed the file. Holds no value.
struct SecretSource {
  std::string name{};
  EnvValue::Source source = EnvValue::Source::kLiteral;
  // kFile: the absolute path; kCommand: the command; kPrompt: the question; else none.
  std::vector<std::string> words{};
  std::chrono::seconds ttl{0};  // how long a value of a command is good; 0: not known
};

// The word for it: "command", "file", "from_host", "prompt", "literal".
std::string_view source_word(EnvValue::Source source);

}  // namespace bottle::launcher
