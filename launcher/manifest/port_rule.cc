#include "launcher/manifest/port_rule.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "launcher/manifest/manifest_examples.h"

namespace bottle::launcher {
namespace {

std::optional<std::uint16_t> number_of(std::string_view text) {
  std::uint16_t out = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return out;
}

}  // namespace

std::optional<PortRule> port_rule(std::string_view text) {
  const auto colon = text.find(':');
  const auto inside = number_of(text.substr(0, colon));
  const auto host = colon == std::string_view::npos ? inside : number_of(text.substr(colon + 1));
  if (!inside || *inside == 0 || !host) return std::nullopt;
  return PortRule{*inside, *host};
}

std::optional<PortRule> port_rule(const JsonNode& node) {
  const bool number = node.kind == JsonNode::Kind::kNumber;
  if (!number && node.kind != JsonNode::Kind::kString) return std::nullopt;
  return port_rule(node.text);
}

std::optional<Error> read_ports(const JsonNode& node, const std::string& file,
                                std::vector<PortRule>& out) {
  if (node.kind != JsonNode::Kind::kArray) {
    return error_at(file, node.place, "\"ports\" must be a list", example_of("ports"));
  }
  for (const auto& item : node.items) {
    const auto rule = port_rule(item);
    if (!rule) return error_at(file, item.place, "this is not a port", std::string(kPortForm));
    out.push_back(*rule);
  }
  if (out.size() <= kMaxPorts) return std::nullopt;
  return error_at(file, node.place,
                  "\"ports\" has more than " + std::to_string(kMaxPorts) + " entries", "");
}

std::string text_of(const PortRule& rule) {
  const std::string inside = std::to_string(rule.inside);
  return rule.host == rule.inside ? inside : inside + ":" + std::to_string(rule.host);
}

bool is_address(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

Expected<void> check_publish_address(const std::string& address) {
  if (is_address(address)) return {};
  return Error{ExitCode::kUsage, "--publish-address " + address + " is not an address",
               "write an IPv4 or IPv6 address of this machine, such as 192.0.2.10"};
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

}  // namespace bottle::launcher
