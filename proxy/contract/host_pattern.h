#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/host_name.h"

namespace bottle {

// The ports that an entry without a port opens.
inline constexpr std::array<std::uint16_t, 2> kDefaultPorts{443, 80};

// An entry of an allowlist or of another list of hosts, in the one grammar that the manifest, the
// command lines, the policy and pipelock's configuration share:
//
//   HOST[:PORT]   HOST is a name, "*.NAME" (that name and every name below it), "*" (every host,
//                 addresses too), an IPv4 address, or an IPv6 address (in brackets if a port
//                 follows)
//
// A value. Names and addresses are as read_host() takes them, without a trailing dot.
struct HostPattern {
  enum class Kind : std::uint8_t { Exact, Subtree, Any, Address };

  // An Error of kUsage: its message says what is wrong with the text, without the text itself; its
  // hint shows the grammar.
  [[nodiscard]] static Expected<HostPattern> parse(std::string_view text);

  // The same where a port makes no sense, such as for a route.
  [[nodiscard]] static Expected<HostPattern> parse_without_port(std::string_view text);
  // Where a secret may go: without a port, and not every host.
  [[nodiscard]] static Expected<HostPattern> parse_home(std::string_view text);

  // `host` is canonical, as read_host() spells it.
  [[nodiscard]] bool matches(HostKind host_kind, std::string_view host) const;
  [[nodiscard]] bool opens(std::uint16_t number) const;
  // "*", "*.example.com", "example.com", "192.0.2.1", "::1": without the port.
  [[nodiscard]] std::string host_text() const;

  Kind kind = Kind::Exact;
  std::string host;  // canonical; of a Subtree what stands behind "*."; empty for Any
  std::optional<std::uint16_t> port;
};

inline constexpr std::string_view kHostGrammar =
    "write HOST, HOST:PORT, *.HOST for a name and all below it, or * for every host";

// Every port that some entry of the list opens, each once; both default ports for an empty list.
[[nodiscard]] std::vector<std::uint16_t> opened_ports(const std::vector<HostPattern>& list);

// The entries of a list that was checked: those that do not parse are left out.
[[nodiscard]] std::vector<HostPattern> host_patterns(const std::vector<std::string>& texts);

// The entry that opens a host (no entry with a port itself) at `port`, or without one at the usual
// ports. An IPv6 address gets its brackets.
[[nodiscard]] std::string allow_entry(std::string_view host, std::optional<std::uint16_t> port);
[[nodiscard]] constexpr bool is_usual_port(std::uint64_t port) noexcept {
  return port == 443 || port == 80;
}

}  // namespace bottle
