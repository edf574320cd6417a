#pragma once

#include <cstdint>
#include <string_view>

namespace bottle {

// The party that decided how an exchange or a connection ended: "by" in the audit log.
enum class DecidedBy : std::uint8_t {
  None,  // nothing is decided, or its Code tells
  Policy,
  Guard,
  Pipelock,
  Proxy,
  Exit,
  Origin,
  Client,
};

// The word in the log; empty for `None`.
[[nodiscard]] constexpr std::string_view to_string(DecidedBy by) noexcept {
  switch (by) {
    case DecidedBy::None:
      return {};
    case DecidedBy::Policy:
      return "policy";
    case DecidedBy::Guard:
      return "guard";
    case DecidedBy::Pipelock:
      return "pipelock";
    case DecidedBy::Proxy:
      return "proxy";
    case DecidedBy::Exit:
      return "exit";
    case DecidedBy::Origin:
      return "origin";
    case DecidedBy::Client:
      return "client";
  }
  return "proxy";
}

}  // namespace bottle
