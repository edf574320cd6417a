#include "proxy/config/own_address.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <set>
namespace bottle {
namespace {

Error bad(std::string what) { return Error{ExitCode::kUsage, std::move(what), ""}; }

// Numeric, without the scope of a link-local address. Empty: not an IP address.
std::string text_of(const sockaddr* address) {
  if (address == nullptr) return {};
  socklen_t size = 0;
  if (address->sa_family == AF_INET) size = sizeof(sockaddr_in);
  if (address->sa_family == AF_INET6) size = sizeof(sockaddr_in6);
  std::array<char, NI_MAXHOST> text{};
  if (size == 0 ||
      ::getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) {
    return {};
  }
  const std::string out = text.data();
  return out.substr(0, out.find('%'));
}

}  // namespace

Expected<std::vector<IpAddress>> interface_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return bad("cannot list this machine's addresses");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, &::freeifaddrs);
  std::vector<IpAddress> found;
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    const auto address = IpAddress::parse(text_of(at->ifa_addr));
    if (address) found.push_back(*address);
  }
  return found;
}

Expected<std::string> own_address_in(std::string_view range) {
  const auto cidr = Cidr::parse(range);
  if (!cidr) return bad("'" + std::string(range) + "' is no address range such as 172.18.0.0/16");
  const auto own = interface_addresses();
  if (!own) return own.error();
  std::set<std::string> found;
  for (const IpAddress& address : *own) {
    if (cidr->contains(address)) found.insert(address.to_string());
  }
  if (found.size() == 1) return *found.begin();
  return bad("this machine has " + std::string(found.empty() ? "no address" : "several addresses") +
             " in " + std::string(range) + "; name one");
}

}  // namespace bottle
