#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// The launcher's side of the messages of proxy/contract/control_words.h. Each is a line with its
// end.
[[nodiscard]] std::string set_secrets_message(
    const std::vector<std::pair<std::string, std::string>>& values);  // name and value
[[nodiscard]] std::string list_secrets_message();
// Why `name` has no newer value; an empty text ends it.
[[nodiscard]] std::string trouble_message(const std::string& name, std::string_view text);

struct ListedSecret {
  std::string name{};
  bool kept_out = false;
  std::vector<std::string> hosts{};
  std::uint64_t former = 0;             // old values that are still guarded
  std::optional<std::int64_t> since{};  // seconds since 1970; none: since the start
  std::string trouble{};
};

struct ControlAnswer {
  std::vector<std::string> changed{};
  std::vector<ListedSecret> secrets{};
};
// The Error is the one that the proxy told of, or says that its answer is none.
[[nodiscard]] Expected<ControlAnswer> read_control_answer(std::string_view line);

}  // namespace bottle::launcher
