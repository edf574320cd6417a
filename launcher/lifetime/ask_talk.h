#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle::launcher {

// The launcher's side of the messages about asks: requests that wait for the person's word. Each
// message is a line with its end.

// `after`: the version that is known; the answer comes when there is another one, or after
// kAskListWait.
[[nodiscard]] std::string list_asks_message(std::optional<std::uint64_t> after);
// `answer`: "allow", "once" or "deny". `by`: the program that gives it, for the audit log; empty: a
// person does.
[[nodiscard]] std::string answer_ask_message(const std::string& ask, const std::string& answer,
                                             const std::string& by = {});

// As the proxy tells it. The texts come from the agent.
struct ListedAsk {
  std::string ask{};  // its number
  std::string host{};
  std::uint16_t port = 0;
  std::string method{};
  std::string path{};
  std::int64_t since = 0;  // seconds since 1970
  std::int64_t seconds_left = 0;
  std::uint64_t waiting = 1;  // requests
};
struct AskList {
  std::uint64_t version = 0;
  std::vector<ListedAsk> asks{};
};
inline constexpr std::size_t kMaxAsks = 64;  // further ones of an answer are left out

// The Error is the one that the proxy told of (kProxy: a proxy that knows no asks has one, too), or
// says that its answer is none.
[[nodiscard]] Expected<AskList> read_asks(std::string_view line);

}  // namespace bottle::launcher
