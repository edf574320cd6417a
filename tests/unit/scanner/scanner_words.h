#pragma once

#include <gtest/gtest.h>

#include <string>

#include "proxy/body/spool.h"

// How pipelock's answers look, and where its tests keep bodies.
namespace bottle::test {

inline const std::string kScannedOk =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\n\r\nok";

inline std::string block(int status, const std::string& text) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
         "Date: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: " +
         std::to_string(text.size() + 1) + "\r\n\r\n" + text + "\n";
}

// The same of 3.x: it says in fields that it is its own, and why.
inline std::string marked_block(int status, const std::string& text, const std::string& code,
                                const std::string& retry, const std::string& more = "") {
  std::string out = block(status, text);
  out.insert(out.find("Date: "), "X-Pipelock-Block-Reason: " + code + "\r\n" + more +
                                     "X-Pipelock-Block-Reason-Retry: " + retry +
                                     "\r\nX-Pipelock-Block-Reason-Version: 1\r\n");
  return out;
}

inline SpoolLimits spool_limits() {
  SpoolLimits limits;
  limits.directory = testing::TempDir();
  return limits;
}

}  // namespace bottle::test
