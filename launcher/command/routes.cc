#include "launcher/command/routes.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <fstream>
#include <sstream>
#include <thread>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kBetweenLooks{20};
constexpr unsigned kAnswered = 0x2;  // ATF_COM
constexpr std::uint16_t kDiscard = 9;

// False for a link without addresses (a tunnel): its other end gets everything.
bool has_neighbours(const std::string& device) {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  if (!socket || device.size() >= sizeof request.ifr_name) return false;
  device.copy(request.ifr_name, device.size());
  return ::ioctl(socket.get(), SIOCGIFFLAGS, &request) == 0 &&
         (static_cast<unsigned>(request.ifr_flags) & (IFF_NOARP | IFF_POINTOPOINT)) == 0;
}

}  // namespace

std::string dotted(std::uint32_t address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  const in_addr raw{htonl(address)};
  ::inet_ntop(AF_INET, &raw, text.data(), text.size());
  return text.data();
}

std::vector<Route4> read_routes(std::istream& in) {
  std::vector<Route4> out;
  std::string line;
  std::getline(in, line);  // the heading
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    Route4 route;
    std::string skip;
    fields >> route.device >> std::hex >> route.to >> route.router >> skip >> skip >> skip >>
        skip >> route.mask;
    if (!fields) continue;
    for (auto* const address : {&route.to, &route.router, &route.mask}) *address = ntohl(*address);
    out.push_back(std::move(route));
  }
  return out;
}

std::vector<Route4> routes_of_this_namespace() {
  std::ifstream in("/proc/net/route");
  return read_routes(in);
}

std::optional<Route4> route_for(const std::vector<Route4>& routes, std::uint32_t address) {
  std::optional<Route4> best;
  for (const auto& route : routes) {
    if ((address & route.mask) != route.to) continue;
    // Of equals the first has the better metric, or the kernel's choice cannot be told from here.
    if (!best || route.mask > best->mask) best = route;
  }
  return best;
}

bool neighbour_known(std::istream& arp, const std::string& address, const std::string& device) {
  std::string line;
  std::getline(arp, line);  // the heading
  while (std::getline(arp, line)) {
    std::istringstream fields(line);
    std::string ip;
    std::string kind;
    unsigned flags = 0;
    std::string hardware;
    std::string mask;
    std::string where;
    fields >> ip >> kind >> std::hex >> flags >> hardware >> mask >> where;
    if (fields && ip == address && where == device && (flags & kAnswered) != 0) return true;
  }
  return false;
}

bool router_is_there(const Route4& route, std::chrono::milliseconds limit) {
  if (route.router == 0 || !has_neighbours(route.device)) return true;
  const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(route.router);
  address.sin_port = htons(kDiscard);
  if (!socket) return true;
  // Whatever becomes of it: the kernel has to ask who has that address.
  (void)!::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const auto until = Clock::now() + limit;
  for (;;) {
    std::ifstream arp("/proc/net/arp");
    if (!arp || neighbour_known(arp, dotted(route.router), route.device)) return true;
    if (Clock::now() >= until) return false;
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace bottle::launcher
