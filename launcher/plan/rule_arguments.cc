#include "launcher/plan/rule_arguments.h"

#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher {

void add_rule_arguments(const BottleSpec& spec, std::vector<std::string>& arguments) {
  const auto all = [&arguments](const char* option, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      arguments.emplace_back(option);
      arguments.push_back(value);
    }
  };
  all(proxy_flag::kOnSecret, spec.guard.on_secret);
  all(proxy_flag::kResponses, spec.guard.responses);
  all(proxy_flag::kOpaque, spec.guard.opaque);
  if (spec.guard.show_all) all(proxy_flag::kScannerShows, {kShowsAll});
  all(proxy_flag::kGuardIgnore, spec.guard.ignore);
  if (spec.guard.financial) all(proxy_flag::kGuardSet, {kFinancialSet});
  all(proxy_flag::kMethods, spec.origins.methods);
  all(proxy_flag::kTlsLegacy, spec.origins.tls_legacy);
}

}  // namespace bottle::launcher
