#include "launcher/plan/ask_plan.h"

#include "launcher/plan/plan.h"

namespace bottle::launcher {

std::string no_host_words(const AskEntry& ask) {
  return ask.asks || ask.learns ? "no host" : "no host: every request will be refused";
}

std::string other_hosts_words(const AskEntry& ask) {
  if (ask.learns) return "; other public hosts pass (--learn) and are told at the end";
  if (!ask.asks) return {};
  const std::string program = ask.command.empty() ? "" : shell_quoted(ask.command) + ", ";
  return "; you are asked about others: " + program + "bottle watch or bottle allow answers";
}

}  // namespace bottle::launcher
