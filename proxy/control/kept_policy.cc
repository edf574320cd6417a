#include "proxy/control/kept_policy.h"

#include <nlohmann/json.hpp>

namespace bottle {
namespace {

using Json = nlohmann::json;

template <class Time>
std::int64_t ticks(Time time) {
  return static_cast<std::int64_t>(time.time_since_epoch().count());
}

template <class Time>
std::optional<Time> time_in(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end()) return std::nullopt;
  return Time(typename Time::duration(at->get<std::int64_t>()));
}

Json to_json(const std::vector<KeptPolicy::Entry>& entries) {
  Json out = Json::array();
  for (const KeptPolicy::Entry& entry : entries) {
    Json row{{"host", entry.host}, {"by", entry.by}};
    if (entry.route) row["route"] = std::string(to_string(*entry.route));
    if (entry.until) row["until"] = ticks(*entry.until);
    if (entry.since) row["since"] = ticks(*entry.since);
    out.push_back(std::move(row));
  }
  return out;
}

std::vector<KeptPolicy::Entry> entries_in(const Json& json) {
  std::vector<KeptPolicy::Entry> out;
  for (const Json& row : json) {
    KeptPolicy::Entry entry{.host = row.at("host").get<std::string>()};
    entry.by = row.at("by").get<std::string>();
    if (row.contains("route")) entry.route = route_by_word(row["route"].get<std::string>());
    entry.until = time_in<std::chrono::steady_clock::time_point>(row, "until");
    entry.since = time_in<std::chrono::system_clock::time_point>(row, "since");
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

std::string to_text(const KeptPolicy& policy) {
  const Json json{{"added", to_json(policy.added)},
                  {"closed", to_json(policy.closed)},
                  {"allow", policy.allow},
                  {"routes", policy.routes}};
  return json.dump();
}

std::optional<KeptPolicy> kept_policy_in(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    return KeptPolicy{.added = entries_in(json.at("added")),
                      .closed = entries_in(json.at("closed")),
                      .allow = json.at("allow").get<std::vector<std::string>>(),
                      .routes = json.at("routes").get<std::vector<std::string>>()};
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bottle
