#pragma once

#include <bitset>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/guard/finding.h"
#include "proxy/guard/literal_set.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/secret_set.h"
#include "proxy/guard/shape_database.h"

// The inside of a SecretSet, for secret_set.cc, which makes it, and for those that look with it.
namespace bottle {

struct SecretSetImpl {
  struct Exact {
    std::string name;
    Bytes value;
    std::optional<std::vector<std::string>> hosts;
    bool in_header = true;  // these parts may have it, of requests to `hosts`
    bool in_query = false;
    bool in_body = false;
    std::bitset<kMaxShapes> shapes;  // well-known shapes found in the value
    std::string fingerprint;
    bool kept_out = false;  // it is a value that only the proxy has, or its placeholder
  };

  explicit SecretSetImpl(MatchDatabase shapes_in) : shapes(std::move(shapes_in)) {}

  std::vector<Exact> exact;
  GuardOptions options;
  MatchDatabase shapes;
  LiteralSet plain{{}};     // in texts as they are
  LiteralSet squeezed{{}};  // in what squeeze() makes of them
  LiteralSet numbers{{}};   // of digits alone, likewise
  LiteralSet in_names{{}};  // in lower-case names, squeezed
  // Values and their hex, in lower case: in names, and too short for `in_names` maybe.
  std::vector<std::pair<std::string, std::size_t>> short_in_names;

  // Adds a value and its forms to what is looked for.
  struct Literals {
    std::vector<Literal> plain;
    std::vector<Literal> squeezed;
    std::vector<Literal> numbers;
    std::vector<Literal> in_names;
  };
  void add(Exact one, Literals& literals);
  // Which of the values are tokens of a well-known shape.
  void find_shapes();

  // True if the value may stand in that part of a request to that host (over https).
  [[nodiscard]] bool belongs(std::size_t value, RequestPart part, std::string_view host) const;
  // True if that part of a request to that host takes tokens of the shape.
  [[nodiscard]] bool is_home(std::size_t shape, RequestPart part, std::string_view host) const;
  // True if the token is a value, or in one, that may stand there.
  [[nodiscard]] bool is_own(ByteView token, RequestPart part, std::string_view host) const;
  // A kept-out value, or its placeholder, that has the token in it or is in it; null: there is
  // none.
  [[nodiscard]] const Exact* kept_out_as(ByteView token) const;
  [[nodiscard]] bool ignores(std::string_view fingerprint) const;
};

}  // namespace bottle
