#include "proxy/config/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include "proxy/config/memory_size.h"
#include "proxy/config/options.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/json_tree.h"
#include "proxy/contract/proxy_contract.h"
#include "proxy/contract/route.h"
#include "proxy/flow/audit_copy.h"

namespace bottle {
namespace {

constexpr std::string_view kMayChange = "--scanner-may-change-bodies";
constexpr std::size_t kMaxConfigBytes = 1024 * 1024;

Error bad(std::string what) { return Error{ExitCode::kUsage, std::move(what), ""}; }

Error bad_at(const std::string& file, TextPosition place, const std::string& what) {
  return bad(file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " +
             what);
}

const OptionRow* find_row(std::string_view name) {
  for (const OptionRow& row : option_rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

std::string known_keys() {
  std::string keys;
  for (const OptionRow& row : option_rows()) {
    if (row.name != "limit") keys += std::string(row.name) + ", ";
  }
  return keys + "limits";
}

Expected<std::string> scalar(const JsonNode& node, const std::string& file, const OptionRow& row) {
  const std::string key(row.name);
  if (row.is_switch()) {
    if (node.kind == JsonNode::Kind::kBoolean) return std::string(node.boolean ? "true" : "false");
    return bad_at(file, node.place, "'" + key + "' takes true or false");
  }
  if (node.kind == JsonNode::Kind::kString || node.kind == JsonNode::Kind::kNumber) {
    return node.text;
  }
  return bad_at(
      file, node.place,
      "'" + key + "' takes a string or a number, not " + std::string(kind_name(node.kind)));
}

Expected<void> apply_limits(Config& config, const JsonNode& node, const std::string& file) {
  if (node.kind != JsonNode::Kind::kObject) {
    return bad_at(file, node.place, "'limits' takes an object of names and numbers");
  }
  for (const JsonMember& member : node.members) {
    std::uint64_t value = 0;
    const std::string& text = member.value.text;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (member.value.kind != JsonNode::Kind::kNumber || ec != std::errc() ||
        end != text.data() + text.size()) {
      return bad_at(file, member.value.place, "'" + member.name + "' takes a whole number");
    }
    auto set = set_limit(config, member.name, value);
    if (!set) return bad_at(file, member.place, set.error().message);
  }
  return {};
}

Expected<void> apply_key(Config& config, const OptionRow& row, const JsonNode& value,
                         const std::string& file) {
  const std::string key(row.name);
  std::vector<const JsonNode*> values;
  if (value.kind == JsonNode::Kind::kArray) {
    if (!row.repeatable) {
      return bad_at(file, value.place, "'" + key + "' takes one value, not an array");
    }
    for (const JsonNode& item : value.items) values.push_back(&item);
  } else {
    values.push_back(&value);
  }
  for (const JsonNode* one : values) {
    auto text = scalar(*one, file, row);
    if (!text) return text.error();
    auto set = row.set(config, *text);
    if (!set) return bad_at(file, one->place, set.error().message);
  }
  return {};
}

Expected<std::string> read_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in)
    return bad("the configuration file " + file + " cannot be read: " + std::strerror(errno));
  std::string text(kMaxConfigBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return bad("the configuration file " + file + " cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMaxConfigBytes)
    return bad("the configuration file " + file + " is over 1 MiB");
  return text;
}

constexpr std::size_t kFieldsOfScanner = 16;  // that it and the exit add to an answer

std::string environment_name(std::string_view option) {
  std::string name = "BOTTLE_PROXY_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  }
  return name;
}

}  // namespace

H2ClientLimits Config::h2_client() const {
  H2ClientLimits limits;
  limits.head = h1_client.head;
  limits.response_stall = h1_client.response_stall;
  limits.tunnel_idle = h1_client.tunnel_idle;
  limits.write_stall = h1_client.write_stall;
  limits.heads = HeadLimits::for_responses(h1_client.response_fields);
  limits.h2.header_fields = h1_client.response_fields;
  return limits;
}

Expected<void> apply_config_text(Config& config, const std::string& text, const std::string& file) {
  auto parsed = parse_json(text, file);
  if (!parsed) return bad(parsed.error().message);
  if (parsed->kind != JsonNode::Kind::kObject) {
    return bad_at(file, parsed->place, "a configuration is a JSON object");
  }
  for (const JsonMember& member : parsed->members) {
    if (member.name == "limits") {
      auto set = apply_limits(config, member.value, file);
      if (!set) return set.error();
      continue;
    }
    const OptionRow* row = member.name == "limit" ? nullptr : find_row(member.name);
    if (row == nullptr) {
      return bad_at(file, member.place,
                    "unknown key '" + member.name + "'; there are " + known_keys());
    }
    auto set = apply_key(config, *row, member.value, file);
    if (!set) return set.error();
  }
  return {};
}

Expected<Invocation> parse_command_line(int argc, const char* const* argv) {
  Invocation invocation;
  CLI::App app{
      "Decrypts an agent's requests, and sends only the allowed ones to origins.\n"
      "Prints one line when it is ready. SIGTERM lets exchanges finish; a second one stops it.",
      "bottle-proxy"};
  app.set_help_flag("-h,--help", "print this help");
  app.footer(
      "\nExample:\n"
      "  bottle-proxy --upstream direct --allow api.example.com --ca-out ca.pem\n");
  app.set_version_flag("--version", std::string("bottle-proxy ") + BOTTLE_VERSION,
                       "print the version");
  std::string config_file;
  app.add_option("--config", config_file, "read a JSON file with the same keys (docs/config.md)")
      ->type_name("FILE");
  bool check = false;
  app.add_flag(kCheckConfig, check,
               "check the configuration and its files, and end; opens no socket");
  const auto rows = option_rows();
  std::vector<std::vector<std::string>> values(rows.size());
  const auto switched = std::make_unique<bool[]>(rows.size());
  std::vector<CLI::Option*> switches(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string name = "--" + std::string(rows[i].name);
    const std::string help(rows[i].help);
    if (rows[i].is_switch()) {
      switches[i] = app.add_flag(name, switched[i], help)
                        ->envname(environment_name(rows[i].name))
                        ->multi_option_policy(CLI::MultiOptionPolicy::Throw);
      continue;
    }
    CLI::Option* option = app.add_option(name, values[i], help);
    option->type_name(std::string(rows[i].value))->envname(environment_name(rows[i].name));
    option->allow_extra_args(false)->expected(1)->type_size(1);
    if (rows[i].repeatable) {
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->expected(1, 4096);
      option->allow_extra_args(false);
    } else {
      option->multi_option_policy(CLI::MultiOptionPolicy::Throw);
    }
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    std::ostringstream out;
    std::ostringstream error;
    app.exit(e, out, error);
    invocation.action = Invocation::Action::Print;
    invocation.text = out.str();
    return invocation;
  } catch (const CLI::ParseError& e) {
    return bad(std::string(e.what()) + "; --help lists the options");
  }
  invocation.config.config_file = config_file;
  if (!config_file.empty()) {
    auto text = read_file(config_file);
    if (!text) return text.error();
    auto applied = apply_config_text(invocation.config, *text, config_file);
    if (!applied) return applied.error();
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (switches[i] != nullptr && switches[i]->count() > 0) {
      values[i].emplace_back(switched[i] ? "true" : "false");
    }
    for (const std::string& value : values[i]) {
      auto set = rows[i].set(invocation.config, value);
      if (!set) return bad("--" + std::string(rows[i].name) + ": " + set.error().message);
    }
  }
  auto checked = check_config(invocation.config);
  if (!checked) return checked.error();
  complete_config(invocation.config);
  if (check) invocation.action = Invocation::Action::Check;
  return invocation;
}

namespace {

// A descriptor's owner closes it, and its number may belong to another one by then.
Expected<void> check_descriptors(const Config& config) {
  std::vector<int> given;
  const auto add = [&](const std::optional<int>& fd) {
    if (fd) given.push_back(*fd);
  };
  add(config.listen.fd);
  for (const auto* list : {&config.listen_tls, &config.listen_http, &config.exit_listen}) {
    for (const Listen& listen : *list) add(listen.fd);
  }
  if (config.names) add(config.names->fd);
  if (config.exit_names) add(config.exit_names->fd);
  add(config.secrets_fd);
  add(config.pipelock_sockets_fd);
  std::sort(given.begin(), given.end());
  const auto twice = std::adjacent_find(given.begin(), given.end());
  if (twice == given.end()) return {};
  return bad("fd:" + std::to_string(*twice) + " is given twice; each needs one of its own");
}

// The exit stands behind pipelock, and some things need it.
Expected<void> check_exit(const Config& config) {
  if (config.upstream == UpstreamKind::Direct) {
    const std::string_view given = config.has_exit()                       ? "--exit-listen"
                                   : config.exit_names                     ? "--exit-names"
                                   : !config.exit_address.empty()          ? "--exit-address"
                                   : config.exit.scanner_may_change_bodies ? kMayChange
                                                                           : "";
    if (given.empty()) return {};
    return bad(std::string(given) + " is for the requests of pipelock; with --upstream direct " +
               "there are none");
  }
  if (config.has_exit()) {
    if (config.exit_address.empty() || config.exit_names) return {};
    return bad("--exit-address is the address that --exit-names answers with: give both");
  }
  if (config.exit_names || !config.exit_address.empty()) {
    return bad(
        "--exit-names sends pipelock to the exit: give the exit's address with --exit-listen");
  }
  if (config.exit.scanner_may_change_bodies) {
    return bad(std::string(kMayChange) +
               " is for the exit: give the exit's address with --exit-listen");
  }
  for (const std::string& text : config.routes) {
    const auto route = route_by_word(std::string_view(text).substr(text.rfind('=') + 1));
    if (!route || !row_of(*route).needs_exit) continue;
    return bad("--route " + text + ": the answer's body bypasses pipelock only with an exit; " +
               "give the exit's address with --exit-listen, or use the route scan");
  }
  return {};
}

}  // namespace

// A rule that nothing keeps to would be no rule.
Expected<void> check_opaque(const Config& config) {
  const auto refuses = [](const GuardRule& rule) { return rule.opaque == OpaqueRule::Refuse; };
  const auto& rules = config.guard.rules;
  if (config.shows_new_text_only() || std::none_of(rules.begin(), rules.end(), refuses)) return {};
  return bad(
      "--opaque refuse needs a pipelock with the exit (--exit-listen), --scanner-shows new, and no "
      "--scanner-may-change-bodies: only there unreadable text is looked for");
}

// Where no answer could come, or none could open a host, each request would wait in vain.
Expected<void> check_ask(const Config& config) {
  if (config.learns && config.ca_names == CaNames::Allowlist) {
    return bad("--learn needs --ca-names any: else the CA can vouch for no other host");
  }
  if (!config.asks) return {};
  if (config.learns) {
    return bad("--ask holds requests for unknown hosts, --learn lets them pass: give one of them");
  }
  if (!config.takes_commands()) {
    return bad("--ask needs --control unix:PATH: an answer comes over the control channel");
  }
  if (config.ca_names == CaNames::Allowlist) {
    return bad("--ask needs --ca-names any: else the CA can vouch for no other host");
  }
  return {};
}

Expected<void> check_config(const Config& config) {
  if (config.upstream == UpstreamKind::Pipelock && config.pipelock_host.empty()) {
    return bad(
        "--upstream pipelock needs --pipelock http://HOST:PORT; to try the proxy without pipelock "
        "use --upstream direct");
  }
  if (config.upstream == UpstreamKind::Direct && !config.pipelock_host.empty()) {
    return bad("--pipelock goes with --upstream pipelock, not with direct");
  }
  if (config.upstream == UpstreamKind::Direct && config.pipelock_sockets_fd) {
    return bad("--pipelock-sockets goes with --upstream pipelock, not with direct");
  }
  if (config.parent && config.upstream == UpstreamKind::Pipelock && !config.has_exit()) {
    return bad(
        "--parent is for what this proxy dials, and here pipelock speaks to origins itself: give "
        "the exit's address with --exit-listen, or use --upstream direct");
  }
  if (config.has_no_proxy && !config.parent) return bad("--no-proxy goes with --parent");
  if (!config.audit_copy.empty() && !AuditCopy::is_word(config.audit_copy)) {
    return bad("--audit-copy takes syslog, journald or unix:PATH");
  }
  if (!config.audit_copy.empty() && config.audit.empty()) {
    return bad("--audit-copy needs --audit: it copies that log's lines");
  }
  auto ask = check_ask(config);
  if (!ask) return ask;
  auto opaque = check_opaque(config);
  if (!opaque) return opaque;
  auto descriptors = check_descriptors(config);
  if (!descriptors) return descriptors.error();
  auto exit = check_exit(config);
  if (!exit) return exit.error();
  if (config.names && config.listen_tls.empty() && config.listen_http.empty()) {
    return bad("--names sends clients to --listen-tls and --listen-http: give one of them");
  }
  if (!config.names_address.empty() && !config.names) return bad("--names-address needs --names");
  if (config.rules.limits.start_line_bytes > config.rules.limits.head_bytes) {
    return bad("the limit request_line_bytes is larger than head_bytes");
  }
  return {};
}

void complete_config(Config& config) {
  if (!config.memory) config.memory = memory_by_default(memory_limit_of_cgroup());
  config.pipelock.bottle_id = config.bottle_id;
  if (config.has_exit()) config.pipelock.exit_ports = opened_ports(host_patterns(config.allow));
  config.pipelock.h1 = config.h1_client;
  // The exit and the scanner add fields to what the origin sent.
  config.pipelock.h1.response_fields += kFieldsOfScanner;
  config.pipelock.decode = config.decode;
  config.exit.session = config.session;
  config.exit.tls = config.tls_acceptor;
  config.exit.leaves = config.leaves;
  config.exit.decode = config.decode;
  config.exit.rules = config.rules;
  config.h2.header_bytes = config.rules.limits.head_bytes;
  config.h2.header_fields = config.rules.limits.fields;
}

}  // namespace bottle
