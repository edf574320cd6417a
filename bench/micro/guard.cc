// The guard's look at a request: its head and its body.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "bench/micro/samples.h"
#include "proxy/guard/clean_texts.h"
#include "proxy/guard/head_scan.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle::micro {
namespace {

// Five secrets that are in no sample.
const SecretSet& secrets() {
  static const std::unique_ptr<const SecretSet> set = [] {
    std::mt19937 random(3);
    std::vector<SecretSpec> specs;
    for (int i = 0; i < 5; ++i) {
      SecretSpec spec{.name = "S" + std::to_string(i), .value = {}, .hosts = {}, .in_body = false};
      for (int k = 0; k < 40; ++k) {
        spec.value += "abcdefghijklmnopqrstuvwxyz0123456789"[random() % 36];
      }
      specs.push_back(std::move(spec));
    }
    return std::move(*SecretSet::make(std::move(specs)));
  }();
  return *set;
}

void look_at_heads(benchmark::State& state, const std::vector<std::string>& hosts) {
  ScanSpace space(secrets());
  CleanTexts clean;
  const RequestHead head = vetted_request(kUsualRequest);
  std::size_t next = 0;
  for (auto _ : state) {
    HeadScan scan(secrets(), space, clean, hosts[next], Scheme::Https);
    if (scan.look(head)) return state.SkipWithError("the head was refused");
    next = next + 1 < hosts.size() ? next + 1 : 0;
  }
}

// To so many hosts that a head's texts are forgotten when it comes again.
void guard_head_first_time(benchmark::State& state) {
  std::vector<std::string> hosts;
  for (int i = 0; i < 16 * 1024; ++i) hosts.push_back("api" + std::to_string(i) + ".example.com");
  look_at_heads(state, hosts);
}
BENCHMARK(guard_head_first_time);

void guard_head_repeated(benchmark::State& state) { look_at_heads(state, {api_host().host}); }
BENCHMARK(guard_head_repeated);

// In pieces as a worker reads them.
void guard_body(benchmark::State& state) {
  constexpr std::size_t kPiece = 16 * 1024;
  ScanSpace space(secrets());
  const std::string body = conversation(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    SecretScanner scanner(secrets(), space, api_host().host, Scheme::Https);
    for (std::size_t at = 0; at < body.size(); at += kPiece) {
      const ScanResult result = scanner.feed(ByteView(body).substr(at, kPiece));
      if (result.refused) return state.SkipWithError("the body was refused");
    }
    if (scanner.finish()) return state.SkipWithError("the body was refused");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK(guard_body)->Arg(2'000)->Arg(200'000)->Arg(800'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bottle::micro
