#include "launcher/lifetime/control_talk.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/contract/control_words.h"

namespace bottle::launcher {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostTrouble = 500;

Json message(const char* verb) {
  return {{control_key::kVersion, kControlVersion}, {control_key::kVerb, verb}};
}

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

ListedSecret listed(const Json& json) {
  ListedSecret out{.name = json.at(control_key::kName).get<std::string>(),
                   .kept_out = json.at(control_key::kKeptOut).get<bool>(),
                   .hosts = json.at(control_key::kHosts).get<std::vector<std::string>>(),
                   .former = json.at(control_key::kFormer).get<std::uint64_t>()};
  if (const auto since = json.find(control_key::kSince); since != json.end()) {
    out.since = since->get<std::int64_t>();
  }
  if (const auto trouble = json.find(control_key::kTrouble); trouble != json.end()) {
    out.trouble = trouble->get<std::string>();
  }
  return out;
}

std::string text_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() ? "" : found->get<std::string>();
}

std::optional<std::int64_t> number_in(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  return found->get<std::int64_t>();
}

ListedRule rule_in(const Json& json) {
  ListedRule out{.host = json.at(control_key::kHost).get<std::string>(),
                 .route = text_in(json, control_key::kRoute),
                 .by = text_in(json, control_key::kBy),
                 .since = number_in(json, control_key::kSince),
                 .until = number_in(json, control_key::kUntil)};
  out.once = json.value(control_key::kOnce, false);
  out.hits = json.value(control_key::kHits, std::uint64_t{0});
  return out;
}

std::vector<ListedRule> rules_in(const Json& json, const char* key) {
  std::vector<ListedRule> out;
  const auto found = json.find(key);
  if (found == json.end()) return out;
  for (const Json& one : *found) out.push_back(rule_in(one));
  return out;
}

PolicyVerdict verdict_in(const Json& json) {
  PolicyVerdict out{.host = json.at(control_key::kHost).get<std::string>(),
                    .port = json.at(control_key::kPort).get<std::uint16_t>(),
                    .passes = json.at(control_key::kPasses).get<bool>(),
                    .route = text_in(json, control_key::kRoute),
                    .learned = json.value(control_key::kLearned, false),
                    .reason = text_in(json, control_key::kReason),
                    .detail = text_in(json, control_key::kDetail),
                    .hint = text_in(json, control_key::kHint)};
  if (json.contains(control_key::kEntry)) out.entry = rule_in(json.at(control_key::kEntry));
  if (json.contains(control_key::kRouteEntry)) {
    out.route_entry = rule_in(json.at(control_key::kRouteEntry));
  }
  return out;
}

}  // namespace

std::string allow_message(const AskedAllow& asked) {
  Json out = message(control_verb::kAllow);
  out[control_key::kHost] = asked.host;
  if (!asked.route.empty()) out[control_key::kRoute] = asked.route;
  if (asked.once) out[control_key::kOnce] = true;
  if (asked.seconds) out[control_key::kSeconds] = *asked.seconds;
  return line_of(out);
}

std::string deny_message(const std::string& host) {
  Json out = message(control_verb::kDeny);
  out[control_key::kHost] = host;
  return line_of(out);
}

std::string list_policy_message() { return line_of(message(control_verb::kListPolicy)); }

std::string check_policy_message(const std::string& url) {
  Json out = message(control_verb::kCheckPolicy);
  out[control_key::kUrl] = url;
  return line_of(out);
}

std::string set_secrets_message(const std::vector<std::pair<std::string, std::string>>& values) {
  Json list = Json::array();
  for (const auto& [name, value] : values) {
    list.push_back({{control_key::kName, name}, {control_key::kValue, value}});
  }
  Json out = message(control_verb::kSetSecrets);
  out[control_key::kSecrets] = std::move(list);
  return line_of(out);
}

std::string list_secrets_message() { return line_of(message(control_verb::kListSecrets)); }

std::string trouble_message(const std::string& name, std::string_view text) {
  std::string plain(text.substr(0, kMostTrouble));
  std::replace_if(plain.begin(), plain.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  Json out = message(control_verb::kTellTrouble);
  out[control_key::kName] = name;
  out[control_key::kText] = plain;
  return line_of(out);
}

Expected<ControlAnswer> read_control_answer(std::string_view line) try {
  const Json json = Json::parse(line);
  if (!json.at(control_key::kOk).get<bool>()) {
    const auto hint = json.find(control_key::kHint);
    return Error{ExitCode::kProxy, json.at(control_key::kError).get<std::string>(),
                 hint == json.end() ? "" : hint->get<std::string>()};
  }
  ControlAnswer out;
  if (const auto changed = json.find(control_key::kChanged); changed != json.end()) {
    out.changed = changed->get<std::vector<std::string>>();
  }
  if (const auto secrets = json.find(control_key::kSecrets); secrets != json.end()) {
    for (const Json& one : *secrets) out.secrets.push_back(listed(one));
  }
  out.allow = rules_in(json, control_key::kAllowed);
  out.routes = rules_in(json, control_key::kRoutes);
  if (const auto check = json.find(control_key::kCheck); check != json.end()) {
    out.check = verdict_in(*check);
  }
  return out;
} catch (const Json::exception&) {
  return Error{ExitCode::kProxy, "the bottle's proxy gave an answer that is none",
               "is it of the same version as this bottle command?"};
}

}  // namespace bottle::launcher
