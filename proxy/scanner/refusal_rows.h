#pragma once

#include <string_view>

namespace bottle {

// One row: a reason of pipelock's, and its meaning here.
struct RefusalRow {
  std::string_view text;  // how its line begins after "blocked: ", or its code
  std::string_view word;  // ours
  std::string_view hint;
  bool in_target = false;  // the secret may stand in the request's target
  bool anywhere = false;   // `text` may stand anywhere in the line
  bool vague = false;      // a code's row says more
};

// Null: no row. `line` is without "blocked: ".
[[nodiscard]] const RefusalRow* row_of_line(std::string_view line);
// Of X-Pipelock-Block-Reason.
[[nodiscard]] const RefusalRow* row_of_code(std::string_view code);

}  // namespace bottle
