// The allowlist and the policy, by how many rules there are.
#include "proxy/flow/policy.h"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "proxy/contract/host_pattern.h"

namespace bottle::micro {
namespace {

std::string host_number(std::int64_t i) { return "host" + std::to_string(i) + ".example.com"; }

// Every fourth entry is a wildcard; the last one is a whole name.
std::vector<std::string> entries(std::int64_t count) {
  std::vector<std::string> out;
  for (std::int64_t i = 1; i <= count; ++i) {
    out.push_back(i % 4 == 1 && i < count ? "*." + host_number(i) : host_number(i));
  }
  return out;
}

void decide(benchmark::State& state, PolicySpec spec, const std::string& host, bool allowed) {
  const auto policy = Policy::make(std::move(spec));
  if (!policy) return state.SkipWithError(policy.error().message.c_str());
  const Destination destination = parse_host(host, 443).value();
  for (auto _ : state) {
    const Decision decision = policy->decide(destination, Scheme::Https, "/v1/messages?beta=true");
    if (decision.refusal.has_value() == allowed) return state.SkipWithError("another decision");
  }
}

// The look-up alone, as a policy makes it. Also with more entries than a policy takes.
void allowlist_lookup(benchmark::State& state) {
  const std::vector<HostPattern> patterns = host_patterns(entries(state.range(0)));
  const Destination destination = parse_host(host_number(state.range(0)), 443).value();
  for (auto _ : state) {
    for (const HostPattern& pattern : patterns) {
      benchmark::DoNotOptimize(pattern.matches(destination.kind, destination.host));
    }
  }
}
BENCHMARK(allowlist_lookup)->Arg(1)->Arg(1000)->Arg(10000);

// A host that the last entry allows.
void policy_allowed(benchmark::State& state) {
  PolicySpec spec;
  spec.allow = entries(state.range(0));
  decide(state, std::move(spec), host_number(state.range(0)), true);
}
BENCHMARK(policy_allowed)->Arg(1)->Arg(1000);

// A host that no entry allows.
void policy_refused(benchmark::State& state) {
  PolicySpec spec;
  spec.allow = entries(state.range(0));
  decide(state, std::move(spec), host_number(0), false);
}
BENCHMARK(policy_refused)->Arg(1)->Arg(1000);

// Every host is allowed, and the last of the routes covers the path.
void policy_routes(benchmark::State& state) {
  PolicySpec spec;
  spec.allow = {"*"};
  for (std::int64_t i = 1; i <= state.range(0); ++i) {
    spec.routes.push_back(host_number(i) + "/v1=scan");
  }
  decide(state, std::move(spec), host_number(state.range(0)), true);
}
BENCHMARK(policy_routes)->Arg(1)->Arg(1000);

}  // namespace
}  // namespace bottle::micro
