#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "proxy/contract/audit_chain.h"
#include "proxy/flow/audit.h"
#include "proxy/flow/audit_file.h"

namespace bottle {

// A directory for an audit log, removed with what is in it.
class TempDir {
 public:
  TempDir() {
    std::string name = testing::TempDir() + "/audit-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file() const { return path_ + "/audit.jsonl"; }

 private:
  std::string path_;
};

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// A line as it was before it got its chain.
inline std::string unchained(const std::string& line) {
  const auto parts = chain_parts(line);
  if (!parts) return "no chain: " + line;
  return std::string(parts->hashed.substr(0, parts->hashed.rfind(",\"line\":"))) + "}";
}

// How many lines follow each other, from the oldest file on; -1: one does not.
inline int checked(const std::string& file, ChainLink* last = nullptr) {
  ChainLink link;
  int count = 0;
  for (int number = kAuditFiles; number >= 0; --number) {
    bool first = true;
    for (const std::string& line : lines_of(number == 0 ? file : older_audit_file(file, number))) {
      const auto parts = chain_parts(line);
      if (!parts) continue;
      if (count == 0) link = {parts->line - 1, std::string(parts->after)};
      if (first && parts->after != link.value) return -1;
      if (parts->line != link.line + 1) return -1;
      if (parts->value != chain_value(link.value, parts->hashed, &audit_sha256)) return -1;
      link = {parts->line, std::string(parts->value)};
      first = false;
      ++count;
    }
  }
  if (last != nullptr) *last = link;
  return count;
}

inline AuditRecord sample() {
  AuditRecord record;
  record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1700000000123));
  record.id = "01HX";
  record.route = "scan";
  record.client_protocol = "h2";
  record.upstream_protocol = "http/1.1";
  record.method = "POST";
  record.host = "api.example.com";
  record.port = 443;
  record.target = "/v1/messages?beta=true&key=abc";
  record.status = 200;
  record.bytes_in = 12;
  record.bytes_out = 3456;
  record.ttfb = std::chrono::milliseconds(80);
  record.total = std::chrono::milliseconds(950);
  record.scanned_request_body = true;
  return record;
}

// A request to a host that is not allowed.
inline AuditRecord refused_host(const std::string& host) {
  AuditRecord record = sample();
  record.verdict = Verdict::Refused;
  record.by = DecidedBy::Policy;
  record.reason = "host_not_allowed";
  record.host = host;
  record.status = 403;
  record.upstream_protocol.clear();
  return record;
}

}  // namespace bottle
