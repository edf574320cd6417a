#pragma once

#include <string_view>

namespace bottle {

// The English list of BIP-39: 2048 words in alphabetical order, white space around each.
extern const std::string_view kPhraseWords;

}  // namespace bottle
