#include "launcher/plan/spec_rules.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "proxy/contract/guard_settings.h"
#include "proxy/contract/limit_text.h"

namespace bottle::launcher {
namespace {

Expected<void> choose_home(const StartOptions& options, BottleSpec& spec) {
  if (!options.home) return {};
  const auto wanted = home_by_name(*options.home);
  if (!wanted) {
    return Error{ExitCode::kUsage, "unknown home \"" + *options.home + "\"",
                 "--home takes private or kept"};
  }
  spec.home = *wanted;
  return {};
}

// Each replaces the manifest's of the same name.
Expected<void> merge_limits(const std::vector<std::string>& given, BottleSpec& spec) {
  for (const auto& text : given) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const std::string number = equals == std::string::npos ? "" : text.substr(equals + 1);
    const std::string problem = problem_with_limit(name, number);
    if (!problem.empty()) {
      return Error{ExitCode::kUsage, "--limit " + text + ": " + problem,
                   "it takes NAME=NUMBER, as in docs/limits.md: --limit write_stall_ms=600000"};
    }
    spec.limits[name] = number;
  }
  return {};
}

Expected<void> choose_resources(const StartOptions& options, BottleSpec& spec) {
  for (const auto& [name, value] :
       {std::pair{"memory", &options.memory}, {"cpus", &options.cpus}, {"pids", &options.pids}}) {
    if (!*value) continue;
    const auto wrong = set_resource(name, **value, spec.resources);
    if (wrong.empty()) continue;
    return Error{ExitCode::kUsage, "--" + std::string(name) + " " + **value + ": " + wrong,
                 "example: --memory 8g --cpus 4 --pids 4096"};
  }
  return {};
}

Expected<void> merge_ports(const StartOptions& options, BottleSpec& spec) {
  for (const auto& text : options.ports) {
    const auto rule = port_rule(text);
    if (!rule) {
      return Error{ExitCode::kUsage, "--publish " + text + " is not a port",
                   std::string(kPortForm)};
    }
    if (std::find(spec.ports.begin(), spec.ports.end(), *rule) == spec.ports.end()) {
      spec.ports.push_back(*rule);
    }
  }
  if (spec.ports.size() > kMaxPorts) {
    return Error{ExitCode::kUsage, "more than " + std::to_string(kMaxPorts) + " ports are named",
                 "`bottle forward` opens more while the bottle runs"};
  }
  if (!options.publish_address) return {};
  if (auto checked = check_publish_address(*options.publish_address); !checked) return checked;
  spec.publish_address = *options.publish_address;
  return {};
}

// The first rule that names a host counts, so those of the command line come first.
Expected<void> put_first(const char* option, const std::vector<std::string>& given,
                         Expected<GuardRule> (*parse)(std::string_view),
                         std::vector<std::string>& rules) {
  for (const auto& text : given) {
    const auto rule = parse(text);
    if (rule) continue;
    return Error{ExitCode::kUsage, std::string(option) + " " + text + ": " + rule.error().message,
                 rule.error().hint};
  }
  rules.insert(rules.begin(), given.begin(), given.end());
  return {};
}

Expected<void> merge_guard(const StartOptions& options, BottleSpec& spec) {
  auto merged = put_first("--on-secret", options.on_secret, parse_on_secret, spec.guard.on_secret);
  if (!merged) return merged;
  merged = put_first("--responses", options.responses, parse_responses, spec.guard.responses);
  if (!merged) return merged;
  if (options.show_all) spec.guard.show_all = true;
  return put_first("--opaque", options.opaque, parse_opaque, spec.guard.opaque);
}

// The command line comes before the manifest's.
Expected<void> choose_ask(const StartOptions& options, BottleSpec& spec) {
  if (options.ask && options.learn) {
    return Error{ExitCode::kUsage, "--ask and --learn do not go together",
                 "--ask holds a request for an unknown host, --learn lets it pass: leave one out"};
  }
  if (options.ask) spec.ask.asks = true;
  if (options.learn) spec.ask = AskEntry{.learns = true};
  if (!options.ask_command) return {};
  if (!spec.ask.asks) {
    return Error{ExitCode::kUsage, "--ask-command answers asks, and nothing is asked",
                 "add --ask, or \"ask\": true in the manifest"};
  }
  if (options.ask_command->empty()) {
    return Error{ExitCode::kUsage, "--ask-command needs a command",
                 "example: --ask-command my-ask-dialog"};
  }
  spec.ask.command = {"/bin/sh", "-c", *options.ask_command};
  return {};
}

}  // namespace

Expected<void> merge_rules(const StartOptions& options, BottleSpec& spec) {
  if (auto chosen = choose_home(options, spec); !chosen) return chosen;
  if (auto chosen = choose_ask(options, spec); !chosen) return chosen;
  if (auto merged = merge_limits(options.limits, spec); !merged) return merged;
  if (auto merged = merge_guard(options, spec); !merged) return merged;
  if (auto chosen = choose_resources(options, spec); !chosen) return chosen;
  return merge_ports(options, spec);
}

}  // namespace bottle::launcher
