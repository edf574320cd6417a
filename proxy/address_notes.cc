#include "proxy/address_notes.h"

#include <optional>

#include "proxy/contract/host_pattern.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::string_view kLocalhost = "localhost";  // RFC 6761, section 6.3

// The address that a host is without asking a name server.
std::optional<IpAddress> address_of(const HostPattern& host, const Config& config) {
  if (host.kind == HostPattern::Kind::Exact && host.host == kLocalhost) {
    return IpAddress::parse("127.0.0.1");
  }
  // The scanner behind the proxy resolves nothing but names: an address is never reached.
  if (host.kind != HostPattern::Kind::Address || config.has_exit()) return std::nullopt;
  return IpAddress::parse(host.host);
}

}  // namespace

std::vector<std::string> address_notes(const Config& config, const AddressGuard& guard) {
  std::vector<std::string> notes;
  std::size_t more = 0;
  // A scanner that runs elsewhere dials the origins itself.
  if (config.upstream == UpstreamKind::Pipelock && !config.has_exit()) return notes;
  for (const auto& host : host_patterns(config.allow)) {
    const auto address = address_of(host, config);
    if (!address) continue;
    const auto refused = guard.check(*address, host.port.value_or(kDefaultPorts.front()));
    if (!refused || refused->reason == problem_code::kOwnAddress) continue;
    if (notes.size() == kMaxAddressNotes) {
      ++more;
      continue;
    }
    notes.push_back(host.host_text() + " is allowed and cannot be reached (" + refused->detail +
                    "): it also needs --allow-address " + address->target().to_string());
  }
  if (more > 0) notes.push_back("the same holds for " + std::to_string(more) + " more");
  return notes;
}

}  // namespace bottle
