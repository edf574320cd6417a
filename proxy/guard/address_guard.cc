#include "proxy/guard/address_guard.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

struct Range {
  std::string_view cidr;
  std::string_view what;
};

// IANA's special-purpose registries (RFC 6890), as far as they are not globally reachable unicast.
constexpr std::array kRefused4 = {
    Range{"0.0.0.0/8", "\"this network\""},        Range{"10.0.0.0/8", "private"},
    Range{"100.64.0.0/10", "carrier-grade NAT"},   Range{"127.0.0.0/8", "loopback"},
    Range{"169.254.0.0/16", "link-local"},         Range{"172.16.0.0/12", "private"},
    Range{"192.0.0.0/24", "protocol assignments"}, Range{"192.0.2.0/24", "documentation"},
    Range{"192.88.99.0/24", "6to4 relay"},         Range{"192.168.0.0/16", "private"},
    Range{"198.18.0.0/15", "benchmarking"},        Range{"198.51.100.0/24", "documentation"},
    Range{"203.0.113.0/24", "documentation"},      Range{"224.0.0.0/4", "multicast"},
    Range{"240.0.0.0/4", "reserved or broadcast"},
};

// Only 2000::/3 is global unicast; these are the exceptions in it.
constexpr std::array kRefused6 = {
    Range{"2001::/23", "protocol assignments or Teredo"},
    Range{"2001:db8::/32", "documentation"},
    Range{"3fff::/20", "documentation"},
    Range{"5f00::/16", "segment routing"},
};

// Where clouds answer with the machine's credentials. 168.63.129.16 is a public address otherwise.
constexpr std::array<std::string_view, 5> kMetadata = {
    "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "fd00:ec2::254"};

Cidr literal(std::string_view text) {
  const auto cidr = Cidr::parse(text);
  return cidr ? *cidr : Cidr{};
}

template <std::size_t N>
std::string_view range_of(const std::array<Range, N>& table, const IpAddress& address) {
  for (const Range& range : table) {
    if (literal(range.cidr).contains(address)) return range.what;
  }
  return {};
}

bool is_metadata(const IpAddress& address) {
  return std::any_of(kMetadata.begin(), kMetadata.end(),
                     [&](std::string_view text) { return IpAddress::parse(text) == address; });
}

IpAddress v4_at(const IpAddress& address, std::size_t offset) {
  IpAddress inner;
  std::copy_n(address.bytes.begin() + static_cast<std::ptrdiff_t>(offset), 4, inner.bytes.begin());
  return inner;
}

// The IPv4 address that packets to this IPv6 address end at: IPv4-mapped, NAT64, 6to4.
std::optional<IpAddress> embedded_v4(const IpAddress& address) {
  static const Cidr mapped = literal("::ffff:0:0/96");
  static const Cidr nat64 = literal("64:ff9b::/96");
  static const Cidr sixtofour = literal("2002::/16");
  if (mapped.contains(address) || nat64.contains(address)) return v4_at(address, 12);
  if (sixtofour.contains(address)) return v4_at(address, 2);
  return std::nullopt;
}

std::string_view refused_range(const IpAddress& address) {
  if (!address.v6) return range_of(kRefused4, address);
  const auto inner = embedded_v4(address);
  if (inner) return range_of(kRefused4, *inner);
  static const Cidr global = literal("2000::/3");
  static const Cidr loopback = literal("::1/128");
  static const Cidr unique_local = literal("fc00::/7");
  static const Cidr link_local = literal("fe80::/10");
  static const Cidr multicast = literal("ff00::/8");
  if (loopback.contains(address)) return "loopback";
  if (unique_local.contains(address)) return "private";
  if (link_local.contains(address)) return "link-local";
  if (multicast.contains(address)) return "multicast";
  if (!global.contains(address)) return "not global unicast";
  return range_of(kRefused6, address);
}

Error bad_range(std::string_view text, const std::string& what) {
  return Error{ExitCode::kUsage, "address range \"" + std::string(text) + "\": " + what, ""};
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN + 1];
  if (text.empty() || text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  IpAddress address;
  address.v6 = text.find(':') != std::string_view::npos;
  if (inet_pton(address.v6 ? AF_INET6 : AF_INET, buffer, address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

IpAddress IpAddress::from_v4(std::span<const std::uint8_t, 4> octets) {
  IpAddress address;
  std::copy(octets.begin(), octets.end(), address.bytes.begin());
  return address;
}

IpAddress IpAddress::from_v6(std::span<const std::uint8_t, 16> octets) {
  IpAddress address;
  address.v6 = true;
  std::copy(octets.begin(), octets.end(), address.bytes.begin());
  return address;
}

IpAddress IpAddress::target() const { return embedded_v4(*this).value_or(*this); }

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer, sizeof buffer);
  return buffer;
}

Expected<Cidr> Cidr::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto base = IpAddress::parse(text.substr(0, slash));
  if (!base) {
    return bad_range(text, "not an IP address; write for instance 10.1.0.0/16 or fd00:1::/32");
  }
  const unsigned width = base->v6 ? 128 : 32;
  Cidr cidr{.base = *base, .prefix = width};
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), cidr.prefix);
    const bool plain = error == std::errc{} && end == digits.data() + digits.size() &&
                       (digits.size() == 1 || digits.front() != '0');
    if (!plain || cidr.prefix > width) {
      return bad_range(text, "behind the slash stands a number from 0 to " + std::to_string(width));
    }
  }
  for (unsigned bit = cidr.prefix; bit < width; ++bit) {
    if ((cidr.base.bytes[bit / 8] >> (7 - bit % 8)) & 1) {
      return bad_range(text,
                       "the address has bits behind the prefix; give the range's first "
                       "address, or another prefix");
    }
  }
  return cidr;
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.v6 != base.v6) return false;
  for (unsigned bit = 0; bit < prefix; bit += 8) {
    const unsigned left = prefix - bit;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xff : 0xff << (8 - left));
    if ((address.bytes[bit / 8] ^ base.bytes[bit / 8]) & mask) return false;
  }
  return true;
}

Expected<AddressGuard> AddressGuard::make(const std::vector<std::string>& open,
                                          const MachineAddresses* machine) {
  if (open.size() > kMaxOpenRanges) {
    return Error{ExitCode::kUsage,
                 "more than " + std::to_string(kMaxOpenRanges) + " address ranges to open", ""};
  }
  AddressGuard guard;
  for (const std::string& text : open) {
    auto cidr = Cidr::parse(text);
    if (!cidr) return cidr.error();
    guard.open_.push_back(*cidr);
  }
  guard.machine_ = machine;
  return guard;
}

bool AddressGuard::is_machines_own(const IpAddress& address) const {
  return machine_ != nullptr && machine_->has(address).value_or(true);
}

bool AddressGuard::is_listener(const IpAddress& address, std::uint16_t port) const {
  return std::any_of(listeners_.begin(), listeners_.end(), [&](const OwnListener& own) {
    if (own.port != port) return false;
    const bool everywhere = own.address == IpAddress{.bytes = {}, .v6 = own.address.v6};
    return everywhere ? is_machines_own(address) : own.address.target() == address;
  });
}

namespace {

// Policy's business, wherever the address is found out.
Failure refusal(std::string detail, std::string_view reason, std::string hint) {
  Failure failure(Code::Denied, std::move(detail), reason, std::move(hint));
  failure.by = DecidedBy::Policy;
  return failure;
}

}  // namespace

std::optional<Failure> AddressGuard::check(const IpAddress& address, std::uint16_t port) const {
  // A mapped address is the IPv4 one in other clothes, for the open ranges as for the refused.
  const IpAddress target = address.target();
  if (is_listener(target, port)) {
    return refusal(target.to_string() + " port " + std::to_string(port) + " is the bottle's own",
                   problem_code::kOwnAddress, "Nothing in the bottle needs it; use another host.");
  }
  const bool metadata = is_metadata(target);
  std::string_view range = metadata ? "a cloud's metadata service" : refused_range(address);
  if (range.empty() && is_machines_own(target)) range = "the machine's own";
  if (range.empty()) return std::nullopt;
  const bool opened = std::any_of(open_.begin(), open_.end(), [&](const Cidr& cidr) {
    const bool single = cidr.prefix == (cidr.base.v6 ? 128u : 32u);
    return (!metadata || single) && (cidr.contains(target) || cidr.contains(address));
  });
  if (opened) return std::nullopt;
  return refusal("address " + address.to_string() + " is refused: " + std::string(range),
                 problem_code::kAddressNotAllowed,
                 "Addresses of the local network and machine are closed. The person who runs the "
                 "bottle can open one with --allow-address " +
                     target.to_string() + (target.v6 ? "/128." : "/32."));
}

}  // namespace bottle
