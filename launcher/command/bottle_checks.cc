#include "launcher/command/bottle_checks.h"

#include <algorithm>
#include <filesystem>
#include <future>

#include "launcher/command/client_checks.h"
#include "launcher/command/reach.h"
#include "launcher/manifest/trust_env.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {
namespace {

using Kind = Target::Kind;
using Status = Finding::Status;

constexpr std::size_t kMaxTargets = 100;

// A part of the file that is not as it should be.
Error wrong(const std::string& file, TextPosition place, const std::string& what,
            const std::string& hint) {
  auto error = error_at(file, place, what, hint);
  error.code = ExitCode::kUsage;
  return error;
}

Expected<Target> read_target(const JsonNode& node, const std::string& file) {
  const std::string example =
      R"(example: {"name": "a host", "kind": "tcp", "address": "192.0.2.1", "port": 80})";
  if (node.kind != JsonNode::Kind::kObject) {
    return wrong(file, node.place, "a target is an object", example);
  }
  Target out;
  bool kind_seen = false;
  for (const auto& [name, place, value] : node.members) {
    const bool text = value.kind == JsonNode::Kind::kString && !value.text.empty();
    if (name == "name" && text) {
      out.name = printable(value.text);
    } else if (name == "address" && text) {
      out.address = value.text;
    } else if (name == "kind" && text) {
      kind_seen = true;
      if (value.text == "tcp") {
        out.kind = Kind::kTcp;
      } else if (value.text == "udp") {
        out.kind = Kind::kUdp;
      } else if (value.text == "unix") {
        out.kind = Kind::kUnix;
      } else if (value.text == "gateway") {
        out.kind = Kind::kGateway;
      } else {
        return wrong(file, value.place, "unknown kind \"" + printable(value.text) + "\"",
                     "allowed here: tcp, udp, unix, gateway");
      }
    } else if (name == "port" && value.kind == JsonNode::Kind::kNumber && value.text.size() <= 5 &&
               value.text.find_first_not_of("0123456789") == std::string::npos &&
               std::stoi(value.text) <= 65535) {
      out.port = static_cast<std::uint16_t>(std::stoi(value.text));
    } else if (name == "route_only" && value.kind == JsonNode::Kind::kBoolean) {
      out.route_only = value.boolean;
    } else {
      return wrong(file, place, "\"" + printable(name) + "\" is not right here",
                   "allowed here: name, kind, address, port (a number), route_only (true or "
                   "false); " +
                       example);
    }
  }
  const bool addressed = out.kind == Kind::kGateway || !out.address.empty();
  const bool ported = out.kind == Kind::kUnix || out.port != 0;
  if (out.name.empty() || !kind_seen || !addressed || !ported) {
    return wrong(file, node.place, "a target needs name, kind, address and port", example);
  }
  return out;
}

}  // namespace

bool in_a_bottle(const Surroundings& around) {
  std::error_code ec;
  return around.variable("BOTTLE_ID").has_value() ||
         std::filesystem::exists(std::filesystem::path(kCaPath), ec);
}

std::vector<Target> default_targets() {
  // Addresses of RFC 5737 and RFC 3849, which no host has, and link-local ones. Whether there is a
  // route to the world shows at any of them.
  return {
      {"direct TCP", Kind::kTcp, "192.0.2.1", 443, true},
      {"a name server outside (UDP 53)", Kind::kUdp, "192.0.2.53", 53, true},
      {"QUIC (UDP 443)", Kind::kUdp, "198.51.100.1", 443, true},
      {"direct IPv6", Kind::kTcp, "2001:db8::1", 443, true},
      {"the cloud's metadata address", Kind::kTcp, "169.254.169.254", 80, true},
      {"the cloud's metadata address, IPv6", Kind::kTcp, "fd00:ec2::254", 80, true},
      // Ports of a container host that would be worth having.
      {"the gateway's SSH", Kind::kGateway, "", 22, false},
      {"the gateway's name server", Kind::kGateway, "", 53, false},
      {"the gateway's web server", Kind::kGateway, "", 80, false},
      {"the gateway's container engine", Kind::kGateway, "", 2375, false},
      {"the gateway's container engine, TLS", Kind::kGateway, "", 2376, false},
  };
}

Expected<std::vector<Target>> read_targets(std::string_view text, const std::string& file) {
  const std::string shape = R"(the file is {"targets": [...]}; docs/commands.md describes it)";
  auto tree = parse_json(text, file);
  if (!tree) {
    tree.error().code = ExitCode::kUsage;
    return std::move(tree.error());
  }
  const bool right = tree->kind == JsonNode::Kind::kObject && tree->members.size() == 1 &&
                     tree->members.front().name == "targets" &&
                     tree->members.front().value.kind == JsonNode::Kind::kArray;
  if (!right) return wrong(file, tree->place, "there is no list \"targets\"", shape);
  const auto& items = tree->members.front().value.items;
  if (items.empty() || items.size() > kMaxTargets) {
    return wrong(file, tree->members.front().place,
                 "\"targets\" has " + std::to_string(items.size()) + " entries",
                 "1 to " + std::to_string(kMaxTargets) + " are allowed");
  }
  std::vector<Target> out;
  for (const auto& item : items) {
    auto target = read_target(item, file);
    if (!target) return std::move(target.error());
    out.push_back(std::move(*target));
  }
  return out;
}

std::vector<Finding> bottle_checks(const std::vector<Target>& targets, const Context& context) {
  std::vector<Finding> out{proxy_answers(context)};
  for (auto& finding : client_checks(context)) out.push_back(std::move(finding));
  // Each waits for at most kTargetLimit, so side by side.
  std::vector<std::future<Finding>> running;
  running.reserve(targets.size());
  for (const auto& target : targets) {
    running.push_back(std::async(std::launch::async, [&target] { return check_target(target); }));
  }
  for (auto& one : running) out.push_back(one.get());
  out.push_back(local_sockets_check({"/run", "/var/run"}));
  out.push_back(raw_sockets_check());
  out.push_back(privileges_check());
  return out;
}

}  // namespace bottle::launcher
