#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// A commit or a tag as git hands it to a program that signs: the object without its signature.
struct GitObject {
  enum class Kind { kCommit, kTag };
  Kind kind = Kind::kCommit;
  std::string id{};                    // of the commit's tree, or of the tag's object
  std::vector<std::string> parents{};  // of a commit
  std::string name{};                  // of a tag
  std::string author{};                // of a commit: name and mail address
  std::string person{};                // committer or tagger
  std::string subject{};               // the first line of the message
};

inline constexpr std::size_t kMaxGitObject = 1024 * 1024;

// Takes nothing that git itself would not have written: a signature in the name space "git" must
// not be one on anything else. The Error says why; `hint` is empty.
Expected<GitObject> read_git_object(std::string_view text);

// "commit \"subject\" by …", for people: printable characters only.
std::string words_of(const GitObject& object);

}  // namespace bottle::launcher
