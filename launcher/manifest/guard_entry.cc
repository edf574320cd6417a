#include "launcher/manifest/guard_entry.h"

#include <array>
#include <string_view>
#include <utility>

#include "launcher/manifest/manifest_examples.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/nearest_word.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher {
namespace {

using Kind = JsonNode::Kind;
using ParseRule = Expected<GuardRule> (*)(std::string_view);

Error wrong_kind(const std::string& file, const JsonNode& node, const std::string& key,
                 std::string_view wanted) {
  return error_at(file, node.place,
                  "\"" + key + "\" must be " + std::string(wanted) + ", but this is " +
                      std::string(kind_name(node.kind)),
                  example_of(key));
}

// The option's own error, at a place of the manifest.
std::optional<Error> add_rule(const std::string& file, TextPosition place, std::string text,
                              ParseRule parse, std::vector<std::string>& out) {
  const auto rule = parse(text);
  if (!rule) return error_at(file, place, rule.error().message, rule.error().hint);
  out.push_back(std::move(text));
  return std::nullopt;
}

// A word, or an object of hosts and words.
std::optional<Error> read_rules(const JsonNode& node, const std::string& file,
                                const std::string& key, ParseRule parse,
                                std::vector<std::string>& out) {
  if (node.kind == Kind::kString) {
    // A host belongs into an object.
    if (node.text.find('=') != std::string::npos) {
      return error_at(file, node.place,
                      "\"" + key + "\" takes one word for every host, or an object of hosts",
                      example_of(key));
    }
    return add_rule(file, node.place, node.text, parse, out);
  }
  if (node.kind != Kind::kObject) return wrong_kind(file, node, key, "a string or an object");
  if (node.members.size() > kMaxGuardRules) {
    return error_at(file, node.place,
                    "\"" + key + "\" has more than " + std::to_string(kMaxGuardRules) + " entries");
  }
  for (const JsonMember& member : node.members) {
    const auto host = HostPattern::parse_without_port(member.name);
    if (!host) {
      return error_at(file, member.place,
                      "\"" + member.name + "\" is not allowed here: " + host.error().message,
                      host.error().hint);
    }
    if (member.value.kind != Kind::kString) {
      return error_at(file, member.value.place,
                      "\"" + member.name + "\" must be a string, but this is " +
                          std::string(kind_name(member.value.kind)),
                      example_of(key));
    }
    auto wrong =
        add_rule(file, member.value.place, member.name + "=" + member.value.text, parse, out);
    if (wrong) return wrong;
  }
  return std::nullopt;
}

std::optional<Error> read_ignored(const JsonNode& node, const std::string& file,
                                  std::vector<std::string>& out) {
  if (node.kind != Kind::kArray) return wrong_kind(file, node, "ignore", "a list");
  if (node.items.size() > kMaxIgnored) {
    return error_at(file, node.place,
                    "\"ignore\" has more than " + std::to_string(kMaxIgnored) + " entries");
  }
  for (const JsonNode& item : node.items) {
    if (item.kind != Kind::kString) return wrong_kind(file, item, "ignore", "a list of strings");
    const std::string problem = problem_with_fingerprint(item.text);
    if (!problem.empty()) {
      return error_at(file, item.place, "\"" + item.text + "\" is no fingerprint: " + problem,
                      "the refusal and `bottle logs` have it; `bottle allow --secret FINGERPRINT` "
                      "writes it here");
    }
    out.push_back(item.text);
  }
  return std::nullopt;
}

std::optional<Error> read_scanner_shows(const JsonNode& node, const std::string& file, bool& all) {
  if (node.kind != Kind::kString) return wrong_kind(file, node, "scanner_shows", "a string");
  if (node.text != kShowsNew && node.text != kShowsAll) {
    return error_at(file, node.place, "\"" + node.text + "\" is not what the scanner can be shown",
                    "write \"new\" (only what is new to it, the default) or \"all\"");
  }
  all = node.text == kShowsAll;
  return std::nullopt;
}

}  // namespace

std::optional<Error> read_guard(const JsonNode& node, const std::string& file, GuardEntry& out) {
  if (node.kind != Kind::kObject) return wrong_kind(file, node, "guard", "an object");
  for (const auto& [key, place, value] : node.members) {
    std::optional<Error> wrong;
    if (key == "on_secret") {
      wrong = read_rules(value, file, key, parse_on_secret, out.on_secret);
    } else if (key == "responses") {
      wrong = read_rules(value, file, key, parse_responses, out.responses);
    } else if (key == "opaque") {
      wrong = read_rules(value, file, key, parse_opaque, out.opaque);
    } else if (key == "scanner_shows") {
      wrong = read_scanner_shows(value, file, out.show_all);
    } else if (key == "keep_seen") {
      if (value.kind != Kind::kBoolean) return wrong_kind(file, value, key, "true or false");
      out.keep_seen = value.boolean;
    } else if (key == "ignore") {
      wrong = read_ignored(value, file, out.ignore);
    } else if (key == "financial") {
      if (value.kind != Kind::kBoolean) return wrong_kind(file, value, key, "true or false");
      out.financial = value.boolean;
    } else {
      static constexpr std::array<std::string_view, 7> kKeys{
          "on_secret", "responses", "opaque", "scanner_shows", "keep_seen", "ignore", "financial"};
      return error_at(file, place, "unknown key \"" + key + "\" in \"guard\"",
                      did_you_mean(key, kKeys) +
                          "allowed here: on_secret, responses, opaque, scanner_shows, keep_seen, "
                          "ignore, financial");
    }
    if (wrong) return wrong;
  }
  return std::nullopt;
}

}  // namespace bottle::launcher
