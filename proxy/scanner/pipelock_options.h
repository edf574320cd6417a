#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/body/content_decoder.h"
#include "proxy/scanner/scanner_limits.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// The proxy's knowledge of the pipelock behind it.
struct PipelockOptions {
  std::string bottle_id;  // names the bottle in pipelock's log
  // Its fetch_proxy.max_response_mb in bytes and fetch_proxy.timeout_seconds: where it ends a body
  // early and calls that an end. 0: not known, no check.
  std::uint64_t max_response_bytes = 0;
  std::chrono::milliseconds timeout{0};
  std::chrono::milliseconds sse_comment{15'000};  // clients' watchdogs start at about 20 s
  // Where the exit listens, as pipelock sees it: the ports that the allowlist of the start opens. A
  // request to another port, which was allowed later, is shown to pipelock with one of these.
  // Empty: there is no exit.
  std::vector<std::uint16_t> exit_ports;
  H1ClientLimits h1;
  DecodeLimits decode;
  AnswerJudgeLimits exit;
};

// "<bottle>-<exchange>" for X-Pipelock-Agent: at most 64 of [A-Za-z0-9._-], other characters as
// "_"; the exchange's id is kept whole where the two are too long.
[[nodiscard]] std::string pipelock_agent(std::string_view bottle, std::string_view exchange);

}  // namespace bottle
