#include "proxy/config/guard_options.h"

#include <utility>

#include "proxy/contract/proxy_contract.h"

namespace bottle {
namespace {

Error unfit(std::string what) { return Error{ExitCode::kUsage, std::move(what), ""}; }

Expected<void> add_rule(Config& c, Expected<GuardRule> rule) {
  if (!rule) return unfit(rule.error().message + ". " + rule.error().hint);
  if (c.guard.rules.size() == kMaxGuardRules) {
    return unfit("more than " + std::to_string(kMaxGuardRules) + " rules for the guard");
  }
  c.guard.rules.push_back(std::move(*rule));
  return {};
}

}  // namespace

Expected<void> set_on_secret(Config& c, const std::string& value) {
  return add_rule(c, parse_on_secret(value));
}

Expected<void> set_responses(Config& c, const std::string& value) {
  return add_rule(c, parse_responses(value));
}

Expected<void> set_opaque(Config& c, const std::string& value) {
  return add_rule(c, parse_opaque(value));
}

Expected<void> set_scanner_shows(Config& c, const std::string& value) {
  if (value != kShowsNew && value != kShowsAll) {
    return unfit("'" + value.substr(0, 100) +
                 "' is not what pipelock can be shown; write new or all");
  }
  c.show_all = value == kShowsAll;
  return {};
}

Expected<void> set_ignored(Config& c, const std::string& value) {
  const std::string problem = problem_with_fingerprint(value);
  if (!problem.empty()) {
    return unfit("'" + value.substr(0, 100) + "' is no fingerprint: " + problem);
  }
  if (c.guard.ignore.size() == kMaxIgnored) {
    return unfit("more than " + std::to_string(kMaxIgnored) + " fingerprints");
  }
  c.guard.ignore.push_back(value);
  return {};
}

Expected<void> set_guard_set(Config& c, const std::string& value) {
  if (value != kFinancialSet) return unfit("'" + value + "': --guard-set takes financial");
  c.guard.financial = true;
  return {};
}

}  // namespace bottle
