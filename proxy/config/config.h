#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certs/certificate_authority.h"
#include "certs/leaf_cache.h"
#include "proxy/contract/error.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/parent_address.h"
#include "proxy/exit/exit_services.h"
#include "proxy/exit/name_server.h"
#include "proxy/flow/proxy_handler.h"
#include "proxy/flow/tunnel_book.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/h2_types.h"
#include "proxy/http/session.h"
#include "proxy/scanner/pipelock_upstream.h"
#include "proxy/tls/tls_acceptor.h"
#include "proxy/tls/tls_client.h"
#include "proxy/upstream/h2_client.h"
#include "proxy/upstream/no_proxy.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

// Where to take connections (or questions): an address to bind, or a socket that was handed in.
struct Listen {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  std::optional<int> fd;   // set: host and port are not used
};

// Everything the proxy was told, and every limit with its default. An immutable value once main
// has made it; docs/config.md and docs/limits.md describe it.
struct Config {
  Listen listen;
  std::string proxy_auth;  // file of the users that may use `listen`; empty: any client
  // Clients that do not know of a proxy: the ClientHello, or Host, names the destination.
  std::vector<Listen> listen_tls;   // port 443 of every host
  std::vector<Listen> listen_http;  // port 80 of every host
  std::optional<Listen> names;      // tells them that every host is here
  std::string names_address;        // "here"; empty: the first place of listen_tls and listen_http
  // The way out behind pipelock. No place: pipelock speaks to origins itself.
  std::vector<Listen> exit_listen;
  std::optional<Listen> exit_names;  // tells pipelock that every allowed host is the exit
  std::string exit_address;          // ... at that address; empty: the first place of exit_listen
  UpstreamKind upstream = UpstreamKind::Pipelock;
  std::string pipelock_host;  // canonical; empty in direct mode
  std::uint16_t pipelock_port = 0;
  std::optional<ParentAddress> parent;  // the proxy that leads out of this network
  NoProxy no_proxy;                     // destinations that are reached without it
  bool has_no_proxy = false;
  std::optional<int> pipelock_sockets_fd;  // a SocketBroker's channel; open until the end
  std::vector<std::string> allow;
  std::vector<std::string> routes;
  std::vector<std::string> allow_address;
  std::vector<std::string> resolve;
  CaNames ca_names = CaNames::Allowlist;
  std::string ca_out;
  std::string bundle_out;
  std::string origin_ca;
  std::string audit;
  std::string audit_copy;  // AuditCopy::is_word(), or empty
  std::optional<int> secrets_fd;
  std::string secrets_file;       // in its place; SIGHUP reads it again
  std::optional<int> control_fd;  // a Unix socket that listens, for commands
  std::string control_path;       // in its place: where to make one
  GuardSettings guard;            // its key comes with the secrets
  std::string seen_file;  // keeps what the scanner has passed; empty: this process alone does
  bool show_all = false;  // the scanner is shown all of a body, not only what is new to it
  bool end_with_stdin = false;
  bool learns = false;  // a host that is not allowed passes, and is marked in the audit log
  bool asks = false;    // a person is asked about a host that is not allowed
  std::string bottle_id = "bottle";
  unsigned threads = 1;
  std::optional<std::size_t>
      memory;  // that clients may make it hold; complete_config() fills it in
  std::string log_level = "warn";
  bool single_process = false;  // no keeper and no signer, and no sandbox: for a debugger
  std::string config_file;      // --config

  RequestRules rules;
  SessionLimits session;
  H2Limits h2;
  TlsAcceptorLimits tls_acceptor;
  TlsClientLimits tls_client;
  LeafCacheLimits leaves;
  PoolLimits origin_pool;
  PoolLimits scanner_pool = PoolLimits::for_scanner();
  DialLimits dial;
  ResolverLimits resolver;
  SpoolLimits spool;
  H1ClientLimits h1_client;
  OriginLimits origin;
  PipelockOptions pipelock;
  DecodeLimits decode;
  RedactLimits redact;
  ExitLimits exit;
  NameServerLimits name_server;
  AskLimits ask;
  WebsocketLimits websocket;
  TunnelLimits tunnels;
  std::size_t connections =
      4096;  // and never more than 40 % of RLIMIT_NOFILE, all workers together

  [[nodiscard]] H2ClientLimits h2_client() const;
  [[nodiscard]] bool has_exit() const noexcept { return !exit_listen.empty(); }
  [[nodiscard]] bool takes_commands() const noexcept {
    return control_fd.has_value() || !control_path.empty();
  }
  // The scanner is shown a form of its own, which can go out only at the exit, and only unchanged.
  [[nodiscard]] bool shows_new_text_only() const noexcept {
    return has_exit() && !show_all && !exit.scanner_may_change_bodies;
  }
};

inline constexpr std::size_t kMaxListeners = 16;  // of each of the lists above

// The command line: a Config, and what to do with it.
struct Invocation {
  enum class Action : std::uint8_t { Run, Print, Check };
  Action action = Action::Run;
  Config config;
  std::string text;  // Print: what --help or --version say
};

// Reads the command line and the file that --config names. The file's values come first, the
// command line's replace single values and add to lists. The Error (kUsage) names the
// option, or the file's line and column.
[[nodiscard]] Expected<Invocation> parse_command_line(int argc, const char* const* argv);

// The same for a file's text, onto `config`. `file` is only used in messages.
[[nodiscard]] Expected<void> apply_config_text(Config& config, const std::string& text,
                                               const std::string& file);

// Checks the rules that hold for several options together.
[[nodiscard]] Expected<void> check_config(const Config& config);

// Fills in what follows from the options, such as the exit's limits.
void complete_config(Config& config);

}  // namespace bottle
