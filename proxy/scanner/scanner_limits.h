#pragma once

#include <chrono>
#include <cstddef>

namespace bottle {

// Of the front, which answers the client out of what the exit told and the scanner passed.
struct AnswerJudgeLimits {
  std::size_t compared_body = 256 * 1024;  // up to here a changed body shows before its head is out
  std::size_t event = 8u << 20;            // of a stream, held until the scanner passes it
  std::size_t passed = 256 * 1024;         // ... and not yet taken by the client
  std::chrono::milliseconds end{5'000};    // the exit says how it ended after the scanner has
  std::chrono::milliseconds grpc_request{10'000};  // a call that takes longer is a client's stream
};

}  // namespace bottle
