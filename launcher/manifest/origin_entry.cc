#include "launcher/manifest/origin_entry.h"

#include <string_view>
#include <utility>

#include "launcher/manifest/manifest_examples.h"
#include "proxy/contract/nearest_word.h"
#include "proxy/contract/origin_rules.h"

namespace bottle::launcher {
namespace {

using Kind = JsonNode::Kind;

std::optional<Error> must_be(Kind kind, const JsonNode& node, const std::string& file,
                             const std::string& what, const std::string& key) {
  if (node.kind == kind) return std::nullopt;
  return error_at(file, node.place,
                  "\"" + what + "\" must be " + std::string(kind_name(kind)) + ", but this is " +
                      std::string(kind_name(node.kind)),
                  example_of(key));
}

std::optional<Error> object_of_hosts(const JsonNode& node, const std::string& file,
                                     const std::string& key) {
  if (auto wrong = must_be(Kind::kObject, node, file, key, key)) return wrong;
  if (node.members.size() <= kMaxOriginRules) return std::nullopt;
  return error_at(file, node.place,
                  "\"" + key + "\" has more than " + std::to_string(kMaxOriginRules) + " entries",
                  "");
}

// The option's own error, at a place of the manifest.
std::optional<Error> add_value(const std::string& file, TextPosition place, std::string text,
                               Expected<OriginRule> (*parse)(std::string_view),
                               std::vector<std::string>& out) {
  const auto rule = parse(text);
  if (!rule) return error_at(file, place, rule.error().message, rule.error().hint);
  out.push_back(std::move(text));
  return std::nullopt;
}

std::optional<Error> read_methods(const JsonNode& node, const std::string& file, OriginEntry& out) {
  if (auto wrong = object_of_hosts(node, file, "methods")) return wrong;
  for (const JsonMember& member : node.members) {
    const JsonNode& list = member.value;
    if (auto wrong = must_be(Kind::kArray, list, file, member.name, "methods")) return wrong;
    std::string text = member.name + "=";
    for (const JsonNode& item : list.items) {
      if (auto wrong = must_be(Kind::kString, item, file, "a method", "methods")) return wrong;
      const std::string problem = problem_with_method(item.text);
      if (!problem.empty()) {
        return error_at(file, item.place, "\"" + item.text.substr(0, 100) + "\": " + problem,
                        example_of("methods"));
      }
      text += (text.back() == '=' ? "" : ",") + item.text;
    }
    if (auto wrong = add_value(file, member.place, std::move(text), parse_methods, out.methods)) {
      return wrong;
    }
  }
  return std::nullopt;
}

std::optional<Error> read_tls(const JsonNode& node, const std::string& file, OriginEntry& out) {
  if (auto wrong = object_of_hosts(node, file, "tls")) return wrong;
  for (const JsonMember& host : node.members) {
    if (auto wrong = must_be(Kind::kObject, host.value, file, host.name, "tls")) return wrong;
    for (const JsonMember& setting : host.value.members) {
      if (setting.name != "legacy") {
        return error_at(file, setting.place, "unknown key \"" + setting.name + "\" in \"tls\"",
                        "allowed here: legacy");
      }
      if (auto wrong = must_be(Kind::kBoolean, setting.value, file, "legacy", "tls")) return wrong;
      if (!setting.value.boolean) continue;
      auto wrong = add_value(file, host.place, host.name, parse_tls_legacy, out.tls_legacy);
      if (wrong) return wrong;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Error> read_origins(const JsonNode& node, const std::string& file,
                                  const std::string& key, OriginEntry& out) {
  return key == "tls" ? read_tls(node, file, out) : read_methods(node, file, out);
}

}  // namespace bottle::launcher
