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

}  // namespace

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
  return out;
} catch (const Json::exception&) {
  return Error{ExitCode::kProxy, "the bottle's proxy gave an answer that is none",
               "is it of the same version as this bottle command?"};
}

}  // namespace bottle::launcher
