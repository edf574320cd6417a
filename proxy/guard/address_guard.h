#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/failure.h"
#include "proxy/base/result.h"

namespace bottle {

// An IP address as a value, without Asio. IPv4 stands in the first four bytes.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool v6 = false;

  // Strict: dotted quad of four decimal numbers without leading zeros, or RFC 4291 text without
  // brackets and without a zone.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
  [[nodiscard]] static IpAddress from_v4(std::span<const std::uint8_t, 4> octets);
  [[nodiscard]] static IpAddress from_v6(std::span<const std::uint8_t, 16> octets);
  [[nodiscard]] std::string to_string() const;  // canonical text, RFC 5952
  [[nodiscard]] bool operator==(const IpAddress&) const = default;
};

// An address range, "10.0.0.0/8". A single address without "/n" is the range of that address.
struct Cidr {
  IpAddress base;
  unsigned prefix = 0;

  // Strict: no bits may be set behind the prefix. The Failure (Code::Internal) says what is wrong.
  [[nodiscard]] static Result<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
};

// Says which addresses may be dialled. Refused are all that are not globally routable unicast:
// private, loopback, link-local, carrier-grade NAT, documentation, multicast, reserved, and IPv6
// forms that carry such an IPv4 address (mapped, NAT64, 6to4). The resolver's answers are checked
// one by one, and the very address that was checked is dialled.
class AddressGuard {
 public:
  AddressGuard() = default;  // opens nothing
  // `open`: ranges that are dialled all the same. Cloud metadata services are opened only by a
  // range of that single address.
  [[nodiscard]] static Result<AddressGuard> make(const std::vector<std::string>& open);

  // Nothing if the address may be dialled; else Denied, reason "address_not_allowed".
  [[nodiscard]] std::optional<Failure> check(const IpAddress& address) const;

 private:
  std::vector<Cidr> open_;
};

inline constexpr std::size_t kMaxOpenRanges = 64;

}  // namespace bottle
