#include "proxy/guard/clean_texts.h"

namespace bottle {

// An empty place has the mark of zeros, which a text has once in 2^128.
CleanTexts::CleanTexts() : key_(random_hash_key()), marks_(kMarks) {}

CleanTexts::Mark CleanTexts::mark_of(std::string_view text) const noexcept {
  return keyed_hash(key_, text);
}

}  // namespace bottle
