#include "proxy/http/party.h"

#include <cstring>
#include <random>

#include "proxy/contract/keyed_hash.h"

namespace bottle {
namespace {

HashKey random_key() {
  HashKey key{};
  std::random_device random;
  for (unsigned char& byte : key) byte = static_cast<unsigned char>(random());
  return key;
}

}  // namespace

std::string_view site_of(std::string_view host, HostKind kind) noexcept {
  if (kind != HostKind::Name) return host;
  const std::size_t last = host.rfind('.');
  if (last == std::string_view::npos || last == 0) return host;
  const std::size_t before = host.rfind('.', last - 1);
  return before == std::string_view::npos ? host : host.substr(before + 1);
}

std::uint64_t place_of(const Destination& destination) {
  static const HashKey key = random_key();
  const auto hash = keyed_hash(key, site_of(destination.host, destination.kind));
  std::uint64_t place = 0;
  static_assert(sizeof(hash) >= sizeof(place));
  std::memcpy(&place, hash.data(), sizeof(place));
  return place == 0 ? 1 : place;  // 0 is the proxy's own
}

Party party_of(std::uint64_t client, const Destination& destination) {
  return Party{client, place_of(destination)};
}

}  // namespace bottle
