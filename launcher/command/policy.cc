#include "launcher/command/policy.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <nlohmann/json.hpp>
#include <vector>

#include "launcher/command/command.h"
#include "launcher/command/proxy_talk.h"
#include "proxy/contract/host_pattern.h"

namespace bottle::launcher {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The proxy spells an entry in its own way.
bool is_same_host(const std::string& given, const std::string& told) {
  const auto a = HostPattern::parse(given);
  const auto b = HostPattern::parse(told);
  return a && b && a->host_text() == b->host_text() && a->port == b->port;
}

// Where an entry comes from: "manifest", "option", or "command".
std::string source_of(const BottleRecord& record, const ListedRule& rule) {
  if (!rule.by.empty()) return "command";
  const auto& given = record.allow_options;
  const bool option = std::any_of(given.begin(), given.end(), [&rule](const std::string& one) {
    return is_same_host(one, rule.host);
  });
  return option || record.manifest.empty() ? "option" : "manifest";
}

std::string end_of(const ListedRule& rule, std::int64_t now) {
  if (rule.once) return "one request";
  if (!rule.until) return "-";
  return "in " + duration_words(std::max<std::int64_t>(*rule.until - now, 0));
}

std::string source_words(const BottleRecord& record, const ListedRule& rule, std::int64_t now) {
  std::string out = source_of(record, rule);
  if (rule.since) {
    out += ", " + duration_words(std::max<std::int64_t>(now - *rule.since, 0)) + " ago";
  }
  return out;
}

template <std::size_t Columns>
void print_rows(const std::vector<std::array<std::string, Columns>>& rows, std::ostream& out) {
  std::array<std::size_t, Columns> width{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < Columns; ++i) width[i] = std::max(width[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < Columns; ++i) {
      const bool last = i + 1 == Columns;
      out << row[i] << (last ? "\n" : std::string(width[i] - row[i].size() + 2, ' '));
    }
  }
}

void print_list(const BottleRecord& record, const ControlAnswer& answer, std::ostream& out) {
  const std::int64_t now = now_seconds();
  std::vector<std::array<std::string, 5>> rows{{"ALLOWED", "ROUTE", "FROM", "ENDS", "REQUESTS"}};
  for (const auto& one : answer.allow) {
    rows.push_back({printable(one.host), one.route.empty() ? "-" : printable(one.route),
                    source_words(record, one, now), end_of(one, now), std::to_string(one.hits)});
  }
  print_rows(rows, out);
  if (answer.routes.empty()) return;
  std::vector<std::array<std::string, 3>> routes{{"HOST", "ROUTE", "FROM"}};
  for (const auto& one : answer.routes) {
    routes.push_back({printable(one.host), printable(one.route), source_words(record, one, now)});
  }
  out << "\n";
  print_rows(routes, out);
}

OrderedJson json_of(const BottleRecord& record, const ListedRule& rule) {
  OrderedJson out{{"host", rule.host}, {"from", source_of(record, rule)}};
  if (!rule.route.empty()) out["route"] = rule.route;
  if (!rule.by.empty()) out["by"] = rule.by;
  if (rule.since) out["since"] = *rule.since;
  if (rule.until) out["until"] = *rule.until;
  if (rule.once) out["once"] = true;
  return out;
}

void print_json(const BottleRecord& record, const ControlAnswer& answer, std::ostream& out) {
  OrderedJson allow = OrderedJson::array();
  for (const auto& one : answer.allow) {
    allow.push_back(json_of(record, one));
    allow.back()["requests"] = one.hits;
  }
  OrderedJson routes = OrderedJson::array();
  for (const auto& one : answer.routes) routes.push_back(json_of(record, one));
  out << OrderedJson{{"allow", allow}, {"routes", routes}}.dump(2) << "\n";
}

void print_verdict_json(const BottleRecord& record, const PolicyVerdict& verdict,
                        std::ostream& out) {
  OrderedJson json{{"host", verdict.host}, {"port", verdict.port}, {"passes", verdict.passes}};
  if (verdict.passes) json["route"] = verdict.route;
  if (verdict.learned) json["learned"] = true;
  if (!verdict.passes) {
    json["reason"] = verdict.reason;
    json["detail"] = verdict.detail;
    json["hint"] = verdict.hint;
  }
  if (verdict.entry) json["entry"] = json_of(record, *verdict.entry);
  if (verdict.route_entry) json["route_entry"] = json_of(record, *verdict.route_entry);
  out << json.dump(2) << "\n";
}

std::string by_words(const BottleRecord& record, const ListedRule& rule) {
  return printable(rule.host) + " (" + source_words(record, rule, now_seconds()) + ")";
}

void print_verdict(const BottleRecord& record, const PolicyVerdict& verdict, std::ostream& out) {
  const std::string place = printable(verdict.host) + ":" + std::to_string(verdict.port);
  if (!verdict.passes) {
    out << place << " would be refused: " << printable(verdict.reason) << "\n"
        << "  why: " << printable(verdict.detail) << "\n";
    if (verdict.route_entry) {
      out << "  closed by: " << by_words(record, *verdict.route_entry) << "\n";
    }
    out << "  hint: " << printable(verdict.hint, 500) << "\n";
    return;
  }
  out << place << " would pass the policy on the route " << printable(verdict.route) << "\n";
  if (verdict.learned) out << "  allowed by: no entry; --learn lets it pass\n";
  if (verdict.entry) out << "  allowed by: " << by_words(record, *verdict.entry) << "\n";
  if (verdict.route_entry) out << "  route by: " << by_words(record, *verdict.route_entry) << "\n";
  out << "  the guard and the check of the address that the name has come after it\n";
}

}  // namespace

Expected<int> run_policy(const PolicyOptions& options, const Context& context) {
  const auto record = the_bottle(options.id, context);
  if (!record) return record.error();
  const auto proxy = ProxyTalk::with(*record, context);
  if (!proxy) return proxy.error();
  const auto answer =
      proxy->tell(options.check ? check_policy_message(*options.check) : list_policy_message());
  if (!answer) return answer.error();
  if (!options.check) {
    options.json ? print_json(*record, *answer, context.out)
                 : print_list(*record, *answer, context.out);
    return 0;
  }
  if (!answer->check) return Error{ExitCode::kProxy, "the bottle's proxy gave no verdict", ""};
  options.json ? print_verdict_json(*record, *answer->check, context.out)
               : print_verdict(*record, *answer->check, context.out);
  return answer->check->passes ? 0 : to_status(ExitCode::kCheckFailed);
}

}  // namespace bottle::launcher
