#include "launcher/plan/pipelock_config.h"

#include <algorithm>
#include <sstream>

#include "launcher/process/process.h"
#include "proxy/contract/host_pattern.h"

namespace bottle::launcher {
namespace {

// A double-quoted YAML scalar. Hosts and paths are checked long before; this makes it certain that
// no text can become structure.
std::string scalar(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) out += c;
  }
  return out + "\"";
}

void list(std::ostream& out, const std::string& indent, const std::string& key,
          const std::vector<std::string>& values) {
  out << indent << key << ": [";
  for (std::size_t i = 0; i < values.size(); ++i) out << (i == 0 ? "" : ", ") << scalar(values[i]);
  out << "]\n";
}

// Follows "fetch_proxy: listen:".
constexpr std::string_view kLimitsAndRequests = R"(  timeout_seconds: 86400
  max_response_mb: 64
  monitoring:
    max_url_length: 16384
    entropy_threshold: 5.0
    subdomain_entropy_threshold: 4.5
    subdomain_entropy_exclusions: []
    max_requests_per_minute: 100000
    max_data_per_minute: 0
    blocklist: []
forward_proxy:
  enabled: true
  max_tunnel_seconds: 86400
  idle_timeout_seconds: 3600
  sni_verification: true
request_body_scanning:
  enabled: true
  action: block
  max_body_bytes: 33554432
  scan_headers: true
  header_mode: sensitive
  sensitive_headers: ["X-Token", "Proxy-Authorization"]
response_scanning:
  enabled: true
  action: warn
)";

// Follows the hosts whose answers are exempt from scanning.
constexpr std::string_view kRest = R"(  sse_streaming:
    enabled: true
    action: block
    max_event_bytes: 8388608
media_policy:
  enabled: false
websocket_proxy:
  enabled: true
  max_message_bytes: 4194304
  max_concurrent_connections: 64
  scan_text_frames: true
  allow_binary_frames: false
  strip_compression: true
  max_connection_seconds: 86400
  idle_timeout_seconds: 600
  origin_policy: forward
  forward_cookies: true
seed_phrase_detection:
  enabled: false
dlp:
  scan_env: false
  patterns:
    - name: "JWT Token"
      regex: '(ey[a-zA-Z0-9_\-=]{10,}\.){2}[a-zA-Z0-9_\-=]{10,}'
      severity: high
      action: warn
session_profiling:
  enabled: false
adaptive_enforcement:
  enabled: false
taint:
  enabled: false
sentry:
  enabled: false
kill_switch:
  enabled: false
logging:
  format: json
)";

}  // namespace

Expected<std::string> find_pipelock(const BottleSpec& spec) {
  if (!spec.pipelock_bin) {
    return Error{ExitCode::kScanner,
                 "the scanner is pipelock (" + spec.scanner_why + "), but there is no pipelock",
                 "name it with --pipelock-bin FILE, PIPELOCK_BIN or --pipelock http://HOST:PORT; "
                 "--scanner guard uses the built-in scanner instead"};
  }
  const auto binary =
      find_program((spec.around.directory / *spec.pipelock_bin).lexically_normal().string(), "");
  if (!binary) {
    return Error{
        ExitCode::kScanner,
        "pipelock cannot be started: " + *spec.pipelock_bin + " is not a program that can be run",
        "correct --pipelock-bin or PIPELOCK_BIN"};
  }
  return *binary;
}

Expected<PipelockPlan> pipelock_policy(const BottleSpec& spec) {
  PipelockPlan plan;
  const auto patterns = host_patterns(spec.allow);
  plan.addresses = spec.allow_addresses;
  plan.exit_ports = opened_ports(patterns);
  if (plan.exit_ports.size() > kMaxExitPorts) {
    return Error{ExitCode::kUsage,
                 "the allowlist has " + std::to_string(plan.exit_ports.size()) +
                     " different ports; with the scanner pipelock there may be " +
                     std::to_string(kMaxExitPorts),
                 "allow fewer ports, or use --scanner guard"};
  }
  return plan;
}

std::string pipelock_config(const PipelockPlan& plan, const std::string& bottle_id,
                            const std::string& listen, const std::filesystem::path& log_file) {
  std::ostringstream out;
  out << "version: 1\n";
  // Strict mode has a list of hosts, which would have to change with bottle-proxy's.
  out << "mode: balanced\nenforce: true\nexplain_blocks: false\n";
  if (!plan.addresses.empty()) {
    out << "ssrf:\n";
    list(out, "  ", "ip_allowlist", plan.addresses);
  }
  out << "default_agent_identity: " << scalar("bottle-" + bottle_id) << "\n"
      << "bind_default_agent_identity: false\n"
      << "fetch_proxy:\n"
      << "  listen: " << scalar(listen) << "\n"
      << kLimitsAndRequests;
  // A model's own words trip the injection patterns; the host that serves them is exempt.
  list(out, "  ", "exempt_domains", {"api.anthropic.com"});
  out << kRest;
  if (log_file.empty()) {
    out << "  output: stdout\n";
  } else {
    out << "  output: file\n  file: " << scalar(log_file.string()) << "\n";
  }
  out << "  include_allowed: true\n  include_blocked: true\n";
  return out.str();
}

}  // namespace bottle::launcher
