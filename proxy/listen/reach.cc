#include "proxy/listen/reach.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "proxy/config/own_address.h"

namespace bottle {
namespace {

constexpr std::array<std::string_view, 9> kNearby = {
    "127.0.0.0/8",    "10.0.0.0/8",    "172.16.0.0/12", "192.168.0.0/16",  // RFC 1918
    "169.254.0.0/16", "100.64.0.0/10", "::1",           "fc00::/7",       "fe80::/10",
};

Error bad(std::string what) { return Error{ExitCode::kUsage, std::move(what), ""}; }

// An IPv4 address in its IPv6 form (::ffff:a.b.c.d) is what it carries.
IpAddress plain(const IpAddress& address) {
  static const auto kMapped = Cidr::parse("::ffff:0:0/96");
  if (!kMapped || !kMapped->contains(address)) return address;
  return IpAddress::from_v4(std::span<const std::uint8_t, 4>(address.bytes.data() + 12, 4));
}

Expected<std::optional<IpAddress>> public_address_of(const Listeners& listeners) {
  const auto host = IpAddress::parse(listeners.host);
  if (!host) return bad("it is not known where " + listeners.host + " can be reached from");
  auto own = interface_addresses();
  if (!own) return own.error();
  return public_address(*host, *own);
}

}  // namespace

bool is_unspecified(const IpAddress& address) {
  return address == IpAddress{.bytes = {}, .v6 = address.v6};
}

bool is_nearby(const IpAddress& address) {
  const IpAddress it = plain(address);
  return std::any_of(kNearby.begin(), kNearby.end(), [&it](std::string_view range) {
    const auto cidr = Cidr::parse(range);
    return cidr && cidr->contains(it);
  });
}

std::optional<IpAddress> public_address(const IpAddress& host, const std::vector<IpAddress>& own) {
  const IpAddress it = plain(host);
  if (!is_unspecified(it)) return is_nearby(it) ? std::nullopt : std::optional(it);
  const auto found = std::find_if(own.begin(), own.end(), [&host](const IpAddress& one) {
    return !is_nearby(one) && (host.v6 || !one.v6);
  });
  return found == own.end() ? std::nullopt : std::optional(*found);
}

Expected<void> check_front_reach(const Listeners& front, bool has_users) {
  if (has_users) return {};
  auto open = public_address_of(front);
  if (!open) return open.error();
  if (!*open) return {};
  return bad("--listen: every client that reaches " + (*open)->to_string() +
             " could use this proxy, and that address is neither loopback nor private; require a "
             "password with --proxy-auth FILE, or listen at another address");
}

Expected<void> check_transparent_reach(const std::vector<Listeners>& listeners,
                                       std::string_view option) {
  for (const Listeners& one : listeners) {
    auto open = public_address_of(one);
    if (!open) return open.error();
    if (!*open) continue;
    return bad(std::string(option) + ": every client that reaches " + (*open)->to_string() +
               " could use this proxy, and clients that do not know the proxy send no password "
               "(--proxy-auth is only for --listen); listen at a loopback or private address");
  }
  return {};
}

}  // namespace bottle
