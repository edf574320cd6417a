#include "proxy/config/options.h"

#include <array>
#include <charconv>
#include <string>

#include "proxy/config/guard_options.h"
#include "proxy/config/memory_size.h"
#include "proxy/config/own_address.h"
#include "proxy/contract/proxy_contract.h"
#include "proxy/contract/route.h"
#include "proxy/http/authority.h"
#include "proxy/upstream/resolver.h"

namespace bottle {
namespace {

Error bad(std::string what) { return Error{ExitCode::kUsage, std::move(what), ""}; }

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Expected<int> descriptor(const std::string& value) {
  const std::optional<std::uint64_t> n =
      value.starts_with("fd:") ? number(std::string_view(value).substr(3)) : std::nullopt;
  if (!n || *n > 65535) return bad("'" + value + "' is no inherited descriptor such as fd:3");
  return static_cast<int>(*n);
}

Expected<Listen> place(const std::string& value) {
  Listen listen;
  if (value.starts_with("fd:")) {
    auto fd = descriptor(value);
    if (!fd) return fd.error();
    listen.fd = *fd;
    return listen;
  }
  const std::size_t colon = value.rfind(':');
  const std::optional<std::uint64_t> port =
      colon == std::string::npos ? std::nullopt : number(std::string_view(value).substr(colon + 1));
  if (!port || *port > 65535 || colon == 0) {
    return bad("'" + value + "' is no place to listen at; write ADDR:PORT, such as 127.0.0.1:3128" +
               " or [::1]:3128 (port 0 takes a free one), or fd:N");
  }
  std::string address = value.substr(0, colon);
  if (address.find('/') != std::string::npos) {  // in that range: whichever this machine has
    auto own = own_address_in(address);
    if (!own) return own.error();
    address = own->find(':') == std::string::npos ? *own : "[" + *own + "]";
  }
  // Port 0 is legal here and nowhere else, so the host is judged with another one.
  auto host = parse_host(address, 1);
  if (!host || host->kind == HostKind::Name) {
    return bad("'" + value + "': listening needs an IP address, such as 127.0.0.1:3128");
  }
  listen.host = host->host;
  listen.port = static_cast<std::uint16_t>(*port);
  return listen;
}

Expected<void> set_listen(Config& c, const std::string& value) {
  auto listen = place(value);
  if (!listen) return listen.error();
  c.listen = std::move(*listen);
  return {};
}

Expected<void> add_place(std::vector<Listen>& places, const std::string& value) {
  auto listen = place(value);
  if (!listen) return listen.error();
  if (places.size() == kMaxListeners) {
    return bad("more than " + std::to_string(kMaxListeners) + " places to listen at");
  }
  places.push_back(std::move(*listen));
  return {};
}

Expected<void> set_place(std::optional<Listen>& where, const std::string& value) {
  auto listen = place(value);
  if (!listen) return listen.error();
  where = std::move(*listen);
  return {};
}

Expected<void> set_answer(std::string& where, const std::string& value) {
  const auto address = IpAddress::parse(value);
  if (!address) return bad("'" + value + "' is no IP address, such as 10.0.0.2 or fd00::2");
  where = address->to_string();
  return {};
}

Expected<void> set_switch(bool& where, const std::string& value) {
  if (value != "true" && value != "false") return bad("'" + value + "' is neither true nor false");
  where = value == "true";
  return {};
}

Expected<void> set_may_change(Config& c, const std::string& value) {
  return set_switch(c.exit.scanner_may_change_bodies, value);
}

Expected<void> set_upstream(Config& c, const std::string& value) {
  if (value == "pipelock") {
    c.upstream = UpstreamKind::Pipelock;
  } else if (value == "direct") {
    c.upstream = UpstreamKind::Direct;
  } else {
    return bad("'" + value + "' is no upstream; there are pipelock and direct");
  }
  return {};
}

Expected<void> set_pipelock(Config& c, const std::string& value) {
  constexpr std::string_view kScheme = "http://";
  std::string_view rest = value;
  if (!rest.starts_with(kScheme)) {
    return bad("'" + value + "' is no address of pipelock; write http://HOST:PORT");
  }
  rest.remove_prefix(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  auto where = parse_authority(rest, std::nullopt);
  if (!where) {
    return bad("'" + value + "' is no address of pipelock (" + where.error().detail +
               "); write http://HOST:PORT");
  }
  c.pipelock_host = where->host;
  c.pipelock_port = where->port;
  return {};
}

Expected<void> set_parent(Config& c, const std::string& value) {
  auto parent = ParentAddress::parse(value);
  if (!parent) return bad(parent.error().message + "; " + parent.error().hint);
  if (!parent->password.empty()) {
    return bad(std::string("a password has no place here; hand it over with --secrets: {\"") +
               kParentPassword + "\": \"...\"}");
  }
  c.parent = std::move(*parent);
  return {};
}

Expected<void> set_no_proxy(Config& c, const std::string& value) {
  auto rules = NoProxy::parse(value);
  if (!rules) return bad(rules.error().message);
  c.no_proxy = std::move(*rules);
  c.has_no_proxy = true;
  return {};
}

Expected<void> set_ca_names(Config& c, const std::string& value) {
  if (value == "any") {
    c.ca_names = CaNames::Any;
  } else if (value == "allowlist") {
    c.ca_names = CaNames::Allowlist;
  } else {
    return bad("'" + value + "': --ca-names takes any or allowlist");
  }
  return {};
}

Expected<void> set_threads(Config& c, const std::string& value) {
  const auto n = number(value);
  if (!n || *n < 1 || *n > 64) return bad("'" + value + "': --threads takes 1 to 64");
  c.threads = static_cast<unsigned>(*n);
  return {};
}

Expected<void> set_memory(Config& c, const std::string& value) {
  const auto bytes = memory_size(value);
  if (!bytes) return bad("'" + value + "' is no size; write bytes, or 512M, or 2G");
  if (*bytes < MemoryBudget::kLeast) {
    return bad("'" + value + "': --memory takes " + std::to_string(MemoryBudget::kLeast >> 20) +
               "M or more");
  }
  c.memory = *bytes;
  return {};
}

Expected<void> set_log(Config& c, const std::string& value) {
  if (value != "debug" && value != "info" && value != "warn" && value != "error") {
    return bad("'" + value + "': --log takes debug, info, warn or error");
  }
  c.log_level = value;
  return {};
}

Expected<void> set_bottle_id(Config& c, const std::string& value) {
  const bool fits = !value.empty() && value.size() <= 32 &&
                    value.find_first_not_of(
                        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                        "0123456789._-") == std::string::npos;
  if (!fits)
    return bad("'" + value + "': a bottle's id has 1 to 32 letters, digits, '.', '_', '-'");
  c.bottle_id = value;
  return {};
}

Expected<void> set_path(std::string& where, const std::string& value, std::string_view option) {
  if (value.empty()) return bad("--" + std::string(option) + " needs the name of a file");
  where = value;
  return {};
}

Expected<void> set_secrets(Config& c, const std::string& value) {
  c.secrets_fd.reset();
  c.secrets_file.clear();
  if (!value.starts_with("fd:")) return set_path(c.secrets_file, value, "secrets");
  auto fd = descriptor(value);
  if (!fd) return fd.error();
  c.secrets_fd = *fd;
  return {};
}

Expected<void> set_control(Config& c, const std::string& value) {
  constexpr std::string_view kUnix = "unix:";
  c.control_fd.reset();
  c.control_path.clear();
  if (value.starts_with(kUnix) && value.size() > kUnix.size()) {
    c.control_path = value.substr(kUnix.size());
    return {};
  }
  auto fd = descriptor(value);
  if (!fd) return bad("'" + value + "': --control takes unix:PATH or fd:N");
  c.control_fd = *fd;
  return {};
}

Expected<void> set_resolve(Config& c, const std::string& value) {
  auto parsed = ResolveOverride::parse(value);
  if (!parsed) return bad(parsed.error().message);
  c.resolve.push_back(value);
  return {};
}

Expected<void> set_limit_pair(Config& c, const std::string& value) {
  const std::size_t equals = value.find('=');
  const auto n = equals == std::string::npos ? std::nullopt
                                             : number(std::string_view(value).substr(equals + 1));
  if (!n) return bad("'" + value + "': --limit takes NAME=NUMBER, such as idle_ms=60000");
  return set_limit(c, std::string_view(value).substr(0, equals), *n);
}

Expected<void> add_origin_rule(Config& c, Expected<OriginRule> rule) {
  if (!rule) return rule.error();
  if (c.rules.origins.rules.size() == kMaxOriginRules) {
    return bad("more than " + std::to_string(kMaxOriginRules) + " rules for origins");
  }
  c.rules.origins.rules.push_back(std::move(*rule));
  return {};
}

// For every host.
Expected<void> set_method(Config& c, const std::string& value) {
  return add_origin_rule(c, parse_methods("*=" + value));
}

// Made before the rows, which keep a view of it.
const std::string kRouteHelp = "the route of a host: " + route_words() + " (docs/routes.md)";

const std::array kRows = {
    OptionRow{"listen", "ADDR:PORT|fd:N", false,
              "listen for clients there (default 127.0.0.1:0, any free port)", set_listen},
    OptionRow{
        "proxy-auth", "FILE", false,
        "require Proxy-Authorization; FILE has one user:password per line",
        [](Config& c, const std::string& v) { return set_path(c.proxy_auth, v, "proxy-auth"); }},
    OptionRow{"listen-tls", "ADDR:PORT|fd:N", true,
              "take TLS connections of clients without proxy settings, for port 443 of any host",
              [](Config& c, const std::string& v) { return add_place(c.listen_tls, v); }},
    OptionRow{"listen-http", "ADDR:PORT|fd:N", true,
              "take HTTP connections of clients without proxy settings, for port 80 of any host",
              [](Config& c, const std::string& v) { return add_place(c.listen_http, v); }},
    OptionRow{"names", "ADDR:PORT|fd:N", false,
              "answer DNS queries (UDP) of those clients: every host is at --names-address",
              [](Config& c, const std::string& v) { return set_place(c.names, v); }},
    OptionRow{"names-address", "ADDR", false,
              "the address that --names answers with (default: the first --listen-tls)",
              [](Config& c, const std::string& v) { return set_answer(c.names_address, v); }},
    OptionRow{"exit-listen", "ADDR:PORT|fd:N", true,
              "take the connections of pipelock; only admitted requests go on to origins",
              [](Config& c, const std::string& v) { return add_place(c.exit_listen, v); }},
    OptionRow{"exit-names", "ADDR:PORT|fd:N", false,
              "answer DNS queries (UDP) of pipelock: allowed hosts are at --exit-address",
              [](Config& c, const std::string& v) { return set_place(c.exit_names, v); }},
    OptionRow{"exit-address", "ADDR", false,
              "the address that --exit-names answers with (default: the first --exit-listen)",
              [](Config& c, const std::string& v) { return set_answer(c.exit_address, v); }},
    OptionRow{"scanner-may-change-bodies", "", false,
              "send request bodies that pipelock changed; without it they are refused",
              set_may_change},
    OptionRow{
        "upstream", "pipelock|direct", false,
        "scan with pipelock behind the built-in guard (default), or with the guard alone (direct)",
        set_upstream},
    OptionRow{"pipelock", "http://HOST:PORT", false, "the address of pipelock", set_pipelock},
    OptionRow{"parent", "http://[USER@]HOST:PORT", false,
              "reach origins through this HTTP proxy, with CONNECT (direct, exit)", set_parent},
    OptionRow{"no-proxy", "LIST", false,
              "hosts to reach without --parent, separated by commas, as in NO_PROXY", set_no_proxy},
    OptionRow{"pipelock-sockets", "fd:N", false,
              "Unix socket that supplies connections into pipelock's network namespace",
              [](Config& c, const std::string& v) -> Expected<void> {
                auto fd = descriptor(v);
                if (!fd) return fd.error();
                c.pipelock_sockets_fd = *fd;
                return {};
              }},
    OptionRow{"allow", "HOST[:PORT]", true,
              "allow a host; *.x.y is x.y and every name below it, * is every host",
              [](Config& c, const std::string& v) {
                c.allow.push_back(v);
                return Expected<void>();
              }},
    OptionRow{"route", "HOST[/PATH]=ROUTE", true, kRouteHelp,
              [](Config& c, const std::string& v) {
                c.routes.push_back(v);
                return Expected<void>();
              }},
    OptionRow{"ca-out", "FILE", false, "write the CA's certificate to FILE (PEM)",
              [](Config& c, const std::string& v) { return set_path(c.ca_out, v, "ca-out"); }},
    OptionRow{
        "bundle-out", "FILE", false, "write the system's roots and the CA to FILE (PEM)",
        [](Config& c, const std::string& v) { return set_path(c.bundle_out, v, "bundle-out"); }},
    OptionRow{"ca-names", "any|allowlist", false,
              "names that the CA may certify: those of the allowlist (default), or any",
              set_ca_names},
    OptionRow{
        "origin-ca", "FILE", false,
        "PEM certificates to trust for origins, besides the system's (direct, exit)",
        [](Config& c, const std::string& v) { return set_path(c.origin_ca, v, "origin-ca"); }},
    OptionRow{"allow-address", "CIDR", true,
              "allow a private or special address range, such as 10.1.0.0/16",
              [](Config& c, const std::string& v) {
                c.allow_address.push_back(v);
                return Expected<void>();
              }},
    OptionRow{"resolve", "HOST:PORT=ADDR:PORT", true,
              "connect to ADDR:PORT for HOST:PORT; for tests and split DNS (direct, exit)",
              set_resolve},
    OptionRow{"audit", "FILE", false, "append the audit log to FILE, as JSON lines; - is stderr",
              [](Config& c, const std::string& v) { return set_path(c.audit, v, "audit"); }},
    OptionRow{
        "audit-copy", "syslog|journald|unix:PATH", false,
        "send each line of the audit log there too",
        [](Config& c, const std::string& v) { return set_path(c.audit_copy, v, "audit-copy"); }},
    OptionRow{"secrets", "FILE|fd:N", false,
              "read secrets that must not leave, one JSON object per line; SIGHUP reads FILE again",
              set_secrets},
    OptionRow{"control", "unix:PATH|fd:N", false,
              "take this user's commands, such as new secrets, at a Unix socket (docs/control.md)",
              set_control},
    OptionRow{"ask", "", false,
              "hold a request for a host that is not allowed until a person has answered "
              "(docs/control.md)",
              [](Config& c, const std::string& v) { return set_switch(c.asks, v); }},
    OptionRow{"learn", "", false,
              "let requests for hosts pass that are not allowed, and mark them in the audit log",
              [](Config& c, const std::string& v) { return set_switch(c.learns, v); }},
    OptionRow{"on-secret", "HOST=refuse|redact", true,
              "refuse a request with a secret in its body (default), or take it out (redact); "
              "the word alone is for every host",
              set_on_secret},
    OptionRow{"responses", "HOST=off|note|block", true,
              "what to do with an answer that the guard objects to: nothing, a line in the audit "
              "log (default), or refuse it; the word alone is for every host",
              set_responses},
    OptionRow{
        "opaque", "HOST=guard|scan|refuse", true,
        "text in a JSON body that no scanner can read (images, ciphertext): leave it to the "
        "guard (default; said for a host, a body in an unknown coding passes, too), show it to "
        "pipelock, or refuse it; the word alone is for every host",
        set_opaque},
    OptionRow{"scanner-shows", "new|all", false,
              "show pipelock what is new of a JSON body (default, with the exit), or all of it",
              set_scanner_shows},
    OptionRow{"seen", "FILE", false,
              "remember in FILE which texts pipelock has passed, for the next start",
              [](Config& c, const std::string& v) { return set_path(c.seen_file, v, "seen"); }},
    OptionRow{"guard-ignore", "FINGERPRINT", true,
              "a value that the guard found and that may leave (docs/guard.md)", set_ignored},
    OptionRow{"guard-set", "financial", false, "look for card numbers, IBANs and wallets, too",
              set_guard_set},
    OptionRow{"end-with-stdin", "", false, "end at once when standard input ends",
              [](Config& c, const std::string& v) { return set_switch(c.end_with_stdin, v); }},
    OptionRow{"single-process", "", false,
              "run everything in one process, without a sandbox (for debugging)",
              [](Config& c, const std::string& v) { return set_switch(c.single_process, v); }},
    OptionRow{"bottle-id", "ID", false, "the name of the bottle in pipelock's log", set_bottle_id},
    OptionRow{"threads", "N", false, "number of worker threads, 1 to 64 (default 1)", set_threads},
    OptionRow{"memory", "SIZE", false,
              "memory that clients may make it hold, such as 512M (default: half of the cgroup's "
              "limit, or 1G)",
              set_memory},
    OptionRow{"spool-dir", "DIR", false, "directory for large request bodies (default /var/tmp)",
              [](Config& c, const std::string& v) {
                std::string path;
                auto set = set_path(path, v, "spool-dir");
                c.spool.directory = path;
                return set;
              }},
    OptionRow{"method", "NAME", true,
              "allow an HTTP method besides the usual ones, such as PROPFIND", set_method},
    OptionRow{"methods", "HOST=NAME,...", true, "allow further HTTP methods for one host",
              [](Config& c, const std::string& v) { return add_origin_rule(c, parse_methods(v)); }},
    OptionRow{
        "tls-legacy", "HOST", true,
        "speak TLS 1.2 with old ciphers to a host that has no others (RSA key exchange, CBC)",
        [](Config& c, const std::string& v) { return add_origin_rule(c, parse_tls_legacy(v)); }},
    OptionRow{"limit", "NAME=NUMBER", true,
              "change a limit, such as idle_ms=60000 (docs/limits.md)", set_limit_pair},
    OptionRow{"log", "debug|info|warn|error", false,
              "the least level that is written to stderr (default warn)", set_log},
};

}  // namespace

std::span<const OptionRow> option_rows() { return kRows; }

}  // namespace bottle
