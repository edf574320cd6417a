#include "proxy/startup.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "certs/trust_bundle.h"
#include "proxy/address_notes.h"
#include "proxy/config/secrets_file.h"
#include "proxy/ledger/local_ledger.h"
#include "proxy/listen/listener.h"
#include "proxy/seen_file.h"

namespace bottle {
namespace {

TunnelLimits within_descriptors(TunnelLimits limits) {
  limits.open = tunnel_budget(limits.open);
  return limits;
}

Expected<void> check_parent(const Config& config, bool has_password) {
  if (!has_password || (config.parent && !config.parent->user.empty())) return {};
  return Error{ExitCode::kUsage, "the secrets have a parent_password, and --parent names no user",
               "write --parent http://USER@HOST:PORT"};
}

// This proxy's and its scanner's own listeners: never a destination, whatever the allowlist says.
std::vector<OwnAddress> own_addresses(const Config& config, const OpenListeners& listeners) {
  std::vector<std::string> names = {
      "localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback", "127.0.0.1", "::1"};
  std::array<char, 256> host_name{};
  const bool named = ::gethostname(host_name.data(), host_name.size() - 1) == 0;
  if (named && is_valid_hostname(host_name.data())) names.emplace_back(host_name.data());

  std::vector<OwnAddress> own;
  const auto add = [&](const std::string& host, std::uint16_t port) {
    own.push_back({host, port});
    for (const std::string& name : names) own.push_back({name, port});
  };
  const auto add_all = [&](const std::vector<Listeners>& list, const std::string& told) {
    for (const Listeners& one : list) {
      add(one.host, one.port);
      if (!told.empty()) own.push_back({told, one.port});
    }
  };
  add(listeners.front.host, listeners.front.port);
  add_all(listeners.tls, config.names_address);
  add_all(listeners.http, config.names_address);
  add_all(listeners.exit, config.exit_address);
  if (!config.pipelock_host.empty()) add(config.pipelock_host, config.pipelock_port);
  // A client that spoke to it directly would choose destinations that no guard vets.
  if (config.parent) own.push_back({config.parent->host, config.parent->port});
  return own;
}

// ... as far as they are addresses, for what a name leads to.
std::vector<OwnListener> own_listeners(const Config& config, const OpenListeners& listeners) {
  std::vector<OwnListener> own;
  const auto add = [&own](std::string_view host, std::uint16_t port) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    if (address) own.push_back({*address, port});
  };
  add(listeners.front.host, listeners.front.port);
  for (const auto* list : {&listeners.tls, &listeners.http, &listeners.exit}) {
    for (const Listeners& one : *list) add(one.host, one.port);
  }
  add(config.pipelock_host, config.pipelock_port);
  if (config.parent) add(config.parent->host, config.parent->port);
  return own;
}

Expected<PolicyBook> policy_of(const Config& config, const OpenListeners& listeners,
                               const AddressGuard& addresses) {
  PolicyBook::Rules rules;
  rules.own = own_addresses(config, listeners);
  rules.addresses = addresses;
  rules.takes_commands = config.takes_commands();
  rules.learns = config.learns;
  rules.bypass_allowed = config.upstream == UpstreamKind::Direct || config.has_exit();
  rules.needs_names = config.has_exit();
  rules.ca_is_limited = config.ca_names == CaNames::Allowlist;
  return PolicyBook::make(config.allow, config.routes, std::move(rules));
}

std::string random_prefix() {
  std::random_device random;
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x-", random());
  return text.data();
}

}  // namespace

ProxyServices::ProxyServices(const Config& config, Inherited inherited)
    : config_(config),
      inherited_(std::move(inherited)),
      guard_settings_(config.guard),
      host_watch_(inherited_.counts.names),
      tunnels_(within_descriptors(config.tunnels), inherited_.counts.carried),
      memory_(config.memory.value_or(MemoryBudget::kNoCgroup)) {
  memory_.tell([](std::size_t held, std::size_t taken) {
    spdlog::warn("{} MiB are in use: the connection that held the most, {} KiB, was ended",
                 taken >> 20, held >> 10);
  });
}
ProxyServices::~ProxyServices() = default;

Expected<std::unique_ptr<ProxyServices>> ProxyServices::make(const Config& config,
                                                             const OpenListeners& listeners,
                                                             Inherited inherited) {
  std::unique_ptr<ProxyServices> services(new ProxyServices(config, std::move(inherited)));
  auto built = services->build(listeners);
  if (!built) return built.error();
  return services;
}

Expected<void> ProxyServices::build(const OpenListeners& listeners) {
  if (!config_.proxy_auth.empty()) {
    auto users = ProxyUsers::load(config_.proxy_auth);
    if (!users) return users.error();
    users_ = std::move(*users);
    for (const std::string& warning : users_->warnings()) spdlog::warn("{}", warning);
  }
  auto secrets = StartSecrets::make(config_, std::move(inherited_.secrets),
                                    std::move(inherited_.kept_secrets));
  if (!secrets) return secrets.error();
  secrets_ = std::move(*secrets);
  guard_settings_.key = secrets_->key();
  if (auto taken = take_parent(); !taken) return taken.error();
  auto guard = AddressGuard::make(config_.allow_address, &machine_);
  if (!guard) return guard.error();
  guard->close(own_listeners(config_, listeners));
  addresses_ = std::move(*guard);

  auto policy = make_policy(listeners);
  if (!policy) return policy.error();

  for (const std::string& warning : inherited_.papers.warnings) spdlog::warn("{}", warning);
  tickets_ = std::make_unique<TicketKeys>();

  if (config_.has_exit()) ledger_ = std::make_unique<LocalLedger>();
  remember_texts();
  auto trust = OriginTrust::load(config_.origin_ca);
  // Where pipelock speaks to origins, only the route relay needs roots.
  const bool may_lack_roots = config_.upstream == UpstreamKind::Pipelock && !config_.has_exit() &&
                              config_.origin_ca.empty();
  if (!trust && !may_lack_roots) return trust.error();
  if (!trust) spdlog::warn("{}: no host can be relayed to", trust.error().message);
  trust_ = trust ? std::move(*trust) : OriginTrust::none();
  if (config_.upstream == UpstreamKind::Pipelock) {
    const std::string spool = config_.spool.directory.string();
    if (::access(spool.c_str(), W_OK | X_OK) != 0) {
      return Error{ExitCode::kFiles,
                   "the spool directory \"" + spool + "\" cannot be used: " + std::strerror(errno) +
                       "; name another one with --spool-dir",
                   ""};
    }
  }
  // From here on files are made.
  if (auto opened = open_audit(); !opened) return opened.error();
  auto written = write_trust();
  if (!written) return written.error();

  if (config_.asks) {
    asks_ = std::make_unique<AskBook>(
        config_.ask, config_.has_exit(),
        [&sink = *audit_](const EndedAsk& ask) { sink.write(ask_record(ask)); });
  }
  // One pool a worker, and the exit's.
  const unsigned pools = config_.threads + (config_.has_exit() ? 1 : 0);
  const PoolLimits pool = config_.origin_pool.within(origin_budget(pools));
  shared_ = std::make_unique<Shared>(Shared{config_,
                                            guard_settings_,
                                            answers_,
                                            secrets_->logins(),
                                            addresses_,
                                            inherited_.issuer,
                                            *tickets_,
                                            trust_,
                                            users_.get(),
                                            parent_.get(),
                                            ledger_.get(),
                                            known_.get(),
                                            life_.get(),
                                            asks_.get(),
                                            *audit_,
                                            host_watch_,
                                            tunnels_,
                                            memory_,
                                            listeners.names_answer,
                                            listeners.exit_answer,
                                            pool,
                                            random_prefix()});
  return {};
}

Expected<void> ProxyServices::make_policy(const OpenListeners& listeners) {
  auto policy = policy_of(config_, listeners, addresses_);
  if (!policy) return policy.error();
  policy_ = std::make_unique<PolicyBook>(std::move(*policy));
  if (!inherited_.kept_policy) return {};
  return policy_->restore(*inherited_.kept_policy);
}

Expected<CaOptions> ca_options(const Config& config, const OpenListeners& listeners) {
  CaOptions options;
  options.names = config.ca_names;
  if (options.names == CaNames::Any) return options;
  const LocalRoutes machine;
  auto guard = AddressGuard::make(config.allow_address, &machine);
  if (!guard) return guard.error();
  const auto policy = policy_of(config, listeners, *guard);
  if (!policy) return policy.error();
  const PermittedNames names = policy->policy()->permitted_names();
  if (names.unconstrained) options.allow.emplace_back("*");
  for (const std::string& name : names.dns) options.allow.push_back("*." + name);
  for (const IpAddress& address : names.addresses) options.allow.push_back(address.to_string());
  return options;
}

Expected<void> ProxyServices::open_audit() {
  std::unique_ptr<AuditCopy> copy;
  if (!config_.audit_copy.empty()) {
    auto opened = AuditCopy::open(config_.audit_copy);
    if (!opened) return opened.error();
    copy = std::move(*opened);
  }
  auto audit = AuditSink::open(config_.audit, kMaxAuditFile, &sync_to_disk, std::move(copy));
  if (!audit) return audit.error();
  audit_ = std::move(*audit);
  return {};
}

Expected<void> ProxyServices::take_parent() {
  const std::optional<std::string>& password = secrets_->parent_password();
  if (auto checked = check_parent(config_, password.has_value()); !checked) return checked.error();
  if (!config_.parent) return {};
  const ParentAddress& parent = *config_.parent;
  ParentProxy proxy{.place = Destination{parent.host, parent.port, parent.kind},
                    .authorization = {},
                    .without = config_.no_proxy};
  if (!parent.user.empty()) {
    proxy.authorization = basic_authorization(parent.user, password.value_or(""));
  }
  parent_ = std::make_unique<const ParentProxy>(std::move(proxy));
  return {};
}

void ProxyServices::remember_texts() {
  if (!config_.shows_new_text_only()) return;
  known_ = std::make_unique<KnownText>();
  life_ = std::make_unique<ScannerLife>(*known_);
  if (!config_.seen_file.empty()) load_seen(config_.seen_file, *known_, *life_);
}

Expected<void> ProxyServices::write_trust() {
  if (!inherited_.first) return {};
  const std::string& root = inherited_.papers.root_pem;
  if (!config_.ca_out.empty()) {
    auto written = write_public_file(config_.ca_out, root);
    if (!written) return written.error();
  }
  if (config_.bundle_out.empty()) return {};
  auto path = system_bundle_path();
  if (!path) return path.error();
  auto roots = read_bundle(*path);
  if (!roots) return roots.error();
  auto written = write_public_file(config_.bundle_out, merge_bundle(*roots, root));
  if (!written) return written.error();
  return {};
}

Expected<std::vector<std::string>> check_services(const Config& config) {
  if (!config.proxy_auth.empty()) {
    const auto users = ProxyUsers::load(config.proxy_auth);
    if (!users) return users.error();
  }
  const auto secrets = handed_secrets(config);
  if (!secrets) return secrets.error();
  if (auto checked = SecretSet::check(secrets->values); !checked) return checked.error();
  const bool has_password = secrets->parent_password.has_value();
  if (auto checked = check_parent(config, has_password); !checked) return checked.error();
  const LocalRoutes machine;
  auto guard = AddressGuard::make(config.allow_address, &machine);
  if (!guard) return guard.error();
  auto notes = address_notes(config, *guard);
  PolicySpec spec;
  spec.allow = config.allow;
  spec.routes = config.routes;
  spec.addresses = std::move(*guard);
  const auto policy = Policy::make(std::move(spec));
  if (!policy) return policy.error();
  if (!config.origin_ca.empty()) {
    const auto trust = OriginTrust::load(config.origin_ca);
    if (!trust) return trust.error();
  }
  return notes;
}

}  // namespace bottle
