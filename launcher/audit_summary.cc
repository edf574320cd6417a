#include "launcher/audit_summary.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

namespace bottle::launcher {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostKinds = 1000;  // pairs of host and reason that are told apart
constexpr std::size_t kMostShown = 8;

// The agent chose the host's name, and this is shown on a terminal.
std::string printable(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>().substr(0, 255);
  std::replace_if(text.begin(), text.end(), [](char c) { return c <= 0x20 || c >= 0x7f; }, '?');
  return text;
}

}  // namespace

Refusals refusals_in(const std::filesystem::path& audit, std::uintmax_t begin) {
  Refusals out;
  std::map<std::pair<std::string, std::string>, std::size_t> kinds;
  std::ifstream in(audit);
  in.seekg(static_cast<std::streamoff>(begin));
  std::size_t seen = 0;
  for (std::string line; seen < kMostBytes && std::getline(in, line); seen += line.size()) {
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    const auto verdict = entry.find("verdict");
    if (verdict == entry.end() || *verdict != "refused") continue;
    if (printable(entry, "host") == kDoctorHost) continue;
    ++out.count;
    auto kind = std::pair(printable(entry, "host"), printable(entry, "reason"));
    if (kinds.size() < kMostKinds || kinds.contains(kind)) ++kinds[std::move(kind)];
  }
  for (const auto& [kind, times] : kinds) out.most.push_back({kind.first, kind.second, times});
  std::sort(out.most.begin(), out.most.end(), [](const Refused& a, const Refused& b) {
    return std::tie(b.times, a.host, a.reason) < std::tie(a.times, b.host, b.reason);
  });
  if (out.most.size() > kMostShown) out.most.resize(kMostShown);
  out.others = out.count;
  for (const auto& refused : out.most) out.others -= refused.times;
  return out;
}

std::string refusal_lines(const Refusals& refusals) {
  std::string out;
  bool unlisted = false;
  for (const auto& refused : refusals.most) {
    unlisted = unlisted || refused.reason == "host_not_allowed";
    out += "bottle:   " + std::to_string(refused.times) + " x " +
           (refused.host.empty() ? "(no host)" : refused.host) + ": " + refused.reason + "\n";
  }
  if (refusals.others > 0) out += "bottle:   " + std::to_string(refusals.others) + " more\n";
  if (unlisted) {
    out +=
        "bottle: hint: if the agent should reach a host, name it with --allow HOST or in the "
        "manifest's \"allow\"\n";
  }
  return out;
}

std::string refusal_report(const std::filesystem::path& audit, std::uintmax_t begin) {
  const Refusals refusals = refusals_in(audit, begin);
  if (refusals.count == 0) return {};
  return "bottle: " + std::to_string(refusals.count) +
         (refusals.count == 1 ? " request was" : " requests were") + " refused; the audit log is " +
         audit.string() + "\n" + refusal_lines(refusals);
}

}  // namespace bottle::launcher
