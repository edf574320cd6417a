#include "proxy/http/party.h"

#include "proxy/contract/keyed_hash.h"

namespace bottle {

std::string_view site_of(std::string_view host, HostKind kind) noexcept {
  if (kind != HostKind::Name) return host;
  const std::size_t last = host.rfind('.');
  if (last == std::string_view::npos || last == 0) return host;
  const std::size_t before = host.rfind('.', last - 1);
  return before == std::string_view::npos ? host : host.substr(before + 1);
}

std::uint64_t place_of(const Destination& destination) {
  static const HashKey key = random_hash_key();
  // 0 is the proxy's own.
  return keyed_number(key, site_of(destination.host, destination.kind));
}

Party party_of(std::uint64_t client, const Destination& destination) {
  return Party{client, place_of(destination)};
}

}  // namespace bottle
