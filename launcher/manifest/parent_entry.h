#pragma once

#include <optional>
#include <string>

#include "proxy/contract/error.h"
#include "proxy/contract/json_tree.h"
#include "proxy/contract/parent_address.h"

namespace bottle::launcher {

// Where a parent proxy's password comes from. Its environment variable is PARENT_PROXY_PASSWORD.
struct ParentPassword {
  enum class Source { kFromHost, kPrompt, kFile };
  Source source = Source::kFromHost;
  std::string text{};  // prompt: the question; file: the path
  TextPosition place{};
};

// "parent" in "egress": the proxy of the network that the machine is in.
//   "http://[USER@]HOST:PORT"
//   {"from_host": true}            what the caller's HTTPS_PROXY and NO_PROXY say
//   {"url": "…", "password": {"file": "~/…"}, "no_proxy": "a.example.com,10.0.0.0/8"}
struct ParentEntry {
  bool from_host = false;
  std::optional<ParentAddress> address{};  // without a password
  std::optional<ParentPassword> password{};
  std::string no_proxy{};
};

// An Error with line, column and what is allowed there, or nothing.
std::optional<Error> read_parent(const JsonNode& node, const std::string& file,
                                 std::optional<ParentEntry>& out);

}  // namespace bottle::launcher
