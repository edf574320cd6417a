// A leaf certificate, as the first connection to a host needs it.
#include <benchmark/benchmark.h>

#include "certs/certificate_authority.h"

namespace bottle::micro {
namespace {

void mint_leaf(benchmark::State& state) {
  CaOptions options;
  options.names = CaNames::Any;
  const auto ca = CertificateAuthority::create(options).value();
  const ServerName name = ServerName::parse("api.example.com").value();
  const auto now = WallClock::now();
  for (auto _ : state) {
    const auto leaf = ca->mint(name, now);
    if (!leaf) return state.SkipWithError("no certificate");
    benchmark::DoNotOptimize(leaf->certificate());
  }
}
BENCHMARK(mint_leaf)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace bottle::micro
