// The line of an exchange in the audit log, and its place in the chain.
#include "proxy/flow/audit.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <utility>

#include "proxy/contract/audit_chain.h"
#include "proxy/flow/audit_file.h"

namespace bottle::micro {
namespace {

AuditRecord exchange() {
  AuditRecord record;
  record.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1700000000123));
  record.id = "01HX5ZK7M2Q8W3E4R5T6Y7U8I9";
  record.route = "scan";
  record.client_protocol = "h2";
  record.upstream_protocol = "http/1.1";
  record.method = "POST";
  record.host = "api.example.com";
  record.port = 443;
  record.target = "/v1/messages?beta=true";
  record.status = 200;
  record.bytes_in = 20'480;
  record.bytes_out = 3'456;
  record.ttfb = std::chrono::milliseconds(80);
  record.total = std::chrono::milliseconds(950);
  record.scanned_request_body = true;
  return record;
}

void audit_line_of_exchange(benchmark::State& state) {
  const AuditRecord record = exchange();
  for (auto _ : state) benchmark::DoNotOptimize(audit_line(record));
}
BENCHMARK(audit_line_of_exchange);

void chain_audit_line(benchmark::State& state) {
  const std::string line = audit_line(exchange());
  ChainLink end;
  for (auto _ : state) {
    ChainedLine chained = chain_line(line, end, false, &audit_sha256);
    benchmark::DoNotOptimize(chained.text.data());
    end = std::move(chained.link);
  }
}
BENCHMARK(chain_audit_line);

}  // namespace
}  // namespace bottle::micro
