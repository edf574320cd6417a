#pragma once

#include <string>
#include <string_view>

#include "launcher/plan/secret.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// A random text that looks like `value` to the programs that read it, and is none of it: the same
// length, the beginning by which its maker's tokens are known (`ghp_`, `sk-ant-api03-`), the same
// separators, in each run of letters and digits the same kinds of characters, and a right checksum
// if the value has one. An Error (kEnvironment) about `name` if the value is no ASCII text of 16
// characters and more, or has too little in it that can be replaced.
Expected<Secret> placeholder_for(const std::string& name, std::string_view value);

}  // namespace bottle::launcher
