#include "proxy/control/kept_secrets.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

namespace bottle {
namespace {

using Json = nlohmann::json;

Json bytes(const std::string& text) {
  return Json::binary(std::vector<std::uint8_t>(text.begin(), text.end()));
}

std::string text_in(const Json& json) {
  const auto& data = json.get_binary();
  return std::string(data.begin(), data.end());
}

Json to_json(const KeptOut& out) {
  return Json{{"placeholder", bytes(out.placeholder)},
              {"header", out.in_header},
              {"any_header", out.in_any_header},
              {"query", out.in_query},
              {"body", out.in_body},
              {"aws_signature", out.in_aws_signature},
              {"login", out.of_login}};
}

KeptOut kept_out_in(const Json& json) {
  return KeptOut{.placeholder = text_in(json.at("placeholder")),
                 .in_header = json.at("header").get<bool>(),
                 .in_any_header = json.at("any_header").get<bool>(),
                 .in_query = json.at("query").get<bool>(),
                 .in_body = json.at("body").get<bool>(),
                 .in_aws_signature = json.at("aws_signature").get<bool>(),
                 .of_login = json.at("login").get<bool>()};
}

SecretSpec secret_in(const Json& json) {
  SecretSpec out;
  out.name = text_in(json.at("name"));
  out.value = text_in(json.at("value"));
  if (json.contains("hosts")) out.hosts = json["hosts"].get<std::vector<std::string>>();
  out.in_body = json.at("in_body").get<bool>();
  if (json.contains("kept_out")) out.kept_out = kept_out_in(json["kept_out"]);
  for (const Json& former : json.at("former")) out.former.push_back(text_in(former));
  return out;
}

}  // namespace

std::string to_text(const std::vector<SecretSpec>& secrets) {
  Json list = Json::array();
  for (const SecretSpec& secret : secrets) {
    Json row{{"name", bytes(secret.name)},
             {"value", bytes(secret.value)},
             {"in_body", secret.in_body},
             {"former", Json::array()}};
    if (secret.hosts) row["hosts"] = *secret.hosts;
    if (secret.kept_out) row["kept_out"] = to_json(*secret.kept_out);
    for (const std::string& former : secret.former) row["former"].push_back(bytes(former));
    list.push_back(std::move(row));
  }
  std::string out;
  Json::to_cbor(list, out);
  return out;
}

std::optional<std::vector<SecretSpec>> kept_secrets_in(std::string_view text) {
  try {
    std::vector<SecretSpec> out;
    for (const Json& row : Json::from_cbor(text)) out.push_back(secret_in(row));
    return out;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace bottle
