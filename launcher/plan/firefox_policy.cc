#include "launcher/plan/firefox_policy.h"

#include <nlohmann/json.hpp>

#include "launcher/manifest/trust_env.h"

namespace bottle::launcher {

std::string firefox_policy(std::string_view before) {
  using nlohmann::json;
  json all = json::parse(before, nullptr, false);
  if (!all.is_object()) all = json::object();
  const auto object_in = [](json& parent, const char* name) -> json& {
    json& child = parent[name];
    if (!child.is_object()) child = json::object();
    return child;
  };
  json& certificates = object_in(object_in(all, "policies"), "Certificates");
  json& install = certificates["Install"];
  if (!install.is_array()) install = json::array();
  install.push_back(kCaPath);
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace bottle::launcher
