#include "launcher/plan/parent_plan.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher {
namespace {

constexpr const char* kWhereThePasswordGoes =
    R"(the manifest's "parent" takes it from a file: {"url": "http://USER@HOST:PORT", "password": {"file": "~/..."}})";

Expected<ParentAddress> address_without_password(const std::string& text) {
  auto parsed = ParentAddress::parse(text);
  if (!parsed) return Error{ExitCode::kUsage, parsed.error().message, parsed.error().hint};
  if (parsed->password.empty()) return parsed;
  return Error{ExitCode::kUsage,
               "--parent must not have a password: others on this machine see command lines",
               kWhereThePasswordGoes};
}

// Through the ways that a variable's value takes; what a dry run does not ask for stays unknown.
Expected<Secret> password_of(const ParentPassword& from, const EnvSources& sources,
                             Prompting prompting, std::vector<std::string>& notes) {
  using Source = ParentPassword::Source;
  EnvValue value{.secret = true, .place = from.place};
  value.text = from.text;
  value.source = from.source == Source::kFile     ? EnvValue::Source::kFile
                 : from.source == Source::kPrompt ? EnvValue::Source::kPrompt
                                                  : EnvValue::Source::kFromHost;
  auto resolved = resolve_env({{kParentPasswordName, value}}, sources, prompting);
  if (!resolved) return std::move(resolved.error());
  notes.insert(notes.end(), resolved->notes.begin(), resolved->notes.end());
  const auto found = resolved->values.find(kParentPasswordName);
  if (found == resolved->values.end()) return Secret();
  if (auto* const secret = std::get_if<Secret>(&found->second)) return std::move(*secret);
  return Secret();
}

Expected<std::optional<ParentPlan>> plan_from_host(const EnvSources& sources,
                                                   std::vector<std::string>& notes) {
  const HostsParent host = parent_of_host(sources.host);
  if (host.variable.empty()) {
    notes.emplace_back(
        "the manifest takes the parent proxy from HTTPS_PROXY, which is not set: hosts are reached "
        "directly");
    return std::optional<ParentPlan>();
  }
  auto address = ParentAddress::parse(host.url);
  if (!address) {
    return Error{ExitCode::kEnvironment, host.variable + ": " + address.error().message,
                 "correct or unset " + host.variable};
  }
  ParentPlan plan{.no_proxy = host.no_proxy, .why = "as " + host.variable + " says"};
  if (!address->password.empty()) plan.password = Secret(std::exchange(address->password, {}));
  plan.address = std::move(*address);
  return std::optional<ParentPlan>(std::move(plan));
}

}  // namespace

HostsParent parent_of_host(
    const std::function<std::optional<std::string>(const std::string&)>& env) {
  HostsParent out;
  for (const char* const name : {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const auto value = env(name);
    if (!value || value->empty()) continue;
    out.variable = name;
    out.url = *value;
    break;
  }
  const auto lower = env("no_proxy");
  const auto upper = env("NO_PROXY");
  out.no_proxy = lower && !lower->empty() ? *lower : upper.value_or("");
  return out;
}

void ParentPlan::add_to(std::vector<std::string>& arguments) const {
  arguments.insert(arguments.end(), {proxy_flag::kParent, address.text()});
  if (!no_proxy.empty()) arguments.insert(arguments.end(), {proxy_flag::kNoProxy, no_proxy});
}

std::string ParentPlan::secret_line() const {
  if (!password || password->size() == 0) return "";
  const nlohmann::json line{{kParentPassword, password->reveal()}};
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Expected<std::optional<ParentPlan>> plan_parent(const std::optional<ParentEntry>& entry,
                                                const std::optional<std::string>& option,
                                                const EnvSources& sources, Prompting prompting,
                                                std::vector<std::string>& notes) {
  if (!option && !entry) return std::optional<ParentPlan>();
  if (!option && entry->from_host) return plan_from_host(sources, notes);
  ParentPlan plan{.why = option ? "as --parent asks" : "as the manifest asks"};
  if (option) {
    auto address = address_without_password(*option);
    if (!address) return std::move(address.error());
    plan.address = std::move(*address);
  } else {
    plan.address = *entry->address;
  }
  if (entry && !entry->from_host) {
    plan.no_proxy = entry->no_proxy;
    if (entry->password && !plan.address.user.empty()) {
      auto password = password_of(*entry->password, sources, prompting, notes);
      if (!password) return std::move(password.error());
      plan.password = std::move(*password);
    }
  }
  return std::optional<ParentPlan>(std::move(plan));
}

}  // namespace bottle::launcher
