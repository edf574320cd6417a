#pragma once

#include <string>
#include <string_view>

#include "launcher/plan/secret.h"
#include "proxy/contract/error.h"
#include "proxy/contract/keyed_hash.h"

namespace bottle::launcher {

// Makes the placeholders of one bottle of one user what they are.
struct PlaceholderSource {
  HashKey key{};      // the user's; without it they cannot be guessed
  std::string place;  // the manifest and the bottle in it
};

// A text that looks like `value` to the programs that read it, and is none of it: the same length,
// the beginning by which its maker's tokens are known (`ghp_`, `sk-ant-api03-`), the same
// separators, in each run of letters and digits the same kinds of characters, and a right checksum
// if the value has one. The rest looks random; it depends on the source, on `name` and on all of
// what was just named, and not on the value: a new value of this shape has this placeholder, and
// the same value in another place or by another name has another one. An Error (kEnvironment) about
// `name` if the value is no ASCII text of 16 characters and more, or has too little in it that can
// be replaced.
Expected<Secret> placeholder_for(const PlaceholderSource& source, const std::string& name,
                                 std::string_view value);

}  // namespace bottle::launcher
