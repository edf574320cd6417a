#pragma once

#include <span>
#include <string_view>

namespace bottle {

// A host, or with a leading "*." every name below it, to which a kind of credential inherently
// belongs, and the parts where that service takes it.
struct TokenHome {
  std::string_view host;
  bool header = true;
  bool url = false;
  bool body = false;
};

// A kind of credential that can be told by its form alone. `pattern` is a regular expression of
// the vectorscan dialect, case-sensitive, that matches as soon as the shortest real token is there
// (what follows does not matter: a longer one has been seen too). It begins with a left
// boundary, so that random base64 does not hit.
struct TokenShape {
  std::string_view name;  // for people and the audit log: "GitHub token"
  std::string_view pattern;
  std::span<const TokenHome> homes;
};

[[nodiscard]] std::span<const TokenShape> token_shapes() noexcept;

// True if `host` (canonical: lower case, no dot at the end) is `pattern`, or lies below the name
// after "*." of a pattern that starts with it. The apex is not below itself.
[[nodiscard]] bool host_matches(std::string_view pattern, std::string_view host) noexcept;

}  // namespace bottle
