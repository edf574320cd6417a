#include "launcher/plan/plan_rows.h"

namespace bottle::launcher {

std::string listed(const std::vector<std::string>& words, const std::string& nothing) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
  return out.empty() ? nothing : out;
}

PlanRows machine_rows(const Plan& plan) {
  PlanRows out;
  std::vector<std::string> ports;
  for (const auto& port : plan.ports) ports.push_back(text_of(port));
  if (!ports.empty()) out.emplace_back("ports", listed(ports, "") + " on " + plan.publish_address);
  if (plan.parent) {
    out.emplace_back("parent", plan.parent->address.text() + " (" + plan.parent->why + ")" +
                                   (plan.parent->password ? ", with a password" : ""));
  }
  if (plan.resources.any()) out.emplace_back("limits", words_of(plan.resources));
  return out;
}

PlanRows guard_rows(const Plan& plan) {
  PlanRows out;
  for (const auto& rule : plan.origins.methods) out.emplace_back("methods", rule);
  for (const auto& host : plan.origins.tls_legacy) out.emplace_back("old ciphers", host);
  for (const auto& rule : plan.guard.on_secret) out.emplace_back("on secret", rule);
  for (const auto& rule : plan.guard.responses) out.emplace_back("responses", rule);
  for (const auto& rule : plan.guard.opaque) out.emplace_back("opaque", rule);
  if (plan.guard.show_all) out.emplace_back("shows", "pipelock all of every body");
  if (!plan.guard.ignore.empty()) out.emplace_back("ignored", listed(plan.guard.ignore, ""));
  if (plan.guard.financial) out.emplace_back("looks for", "card numbers, IBANs and wallets, too");
  return out;
}

}  // namespace bottle::launcher
