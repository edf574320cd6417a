#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/base/failure.h"
#include "proxy/base/result.h"
#include "proxy/contract/error.h"

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
  // The address that packets to this one end at: of IPv6 forms that carry an IPv4 address (mapped,
  // NAT64, 6to4) that address, else this.
  [[nodiscard]] IpAddress target() const;
  [[nodiscard]] bool operator==(const IpAddress&) const = default;
};

// An address range, "10.0.0.0/8". A single address without "/n" is the range of that address.
struct Cidr {
  IpAddress base;
  unsigned prefix = 0;

  // Strict: no bits may be set behind the prefix. The Error says what is wrong.
  [[nodiscard]] static Expected<Cidr> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
};

// Which addresses this machine has. They change while it runs, so it is asked each time.
class MachineAddresses {
 public:
  virtual ~MachineAddresses() = default;
  // Nothing: it cannot be told. Any thread.
  [[nodiscard]] virtual std::optional<bool> has(const IpAddress& address) const = 0;
};

// Where this process, or the scanner behind it, takes connections.
struct OwnListener {
  IpAddress address;  // 0.0.0.0 or ::, every address of the machine
  std::uint16_t port = 0;
};

// Says which addresses may be dialled. Refused are all that are not globally routable unicast:
// private, loopback, link-local, carrier-grade NAT, documentation, multicast, reserved, and IPv6
// forms that carry such an IPv4 address (mapped, NAT64, 6to4). So are the machine's own, which are
// as private as its loopback. The resolver's answers are checked one by one, and the very address
// that was checked is dialled.
class AddressGuard {
 public:
  AddressGuard() = default;  // opens nothing, and knows of no machine
  // `open`: ranges that may be dialled although they are private. Cloud metadata services are
  // opened only by a range of that single address. `machine` (null: nothing is its own) outlives
  // this and its copies.
  [[nodiscard]] static Expected<AddressGuard> make(const std::vector<std::string>& open,
                                                   const MachineAddresses* machine = nullptr);
  // OpenListeners that no open range opens.
  void close(std::vector<OwnListener> listeners) { listeners_ = std::move(listeners); }

  // Nothing if the address may be dialled; else Denied, reason "address_not_allowed", or
  // "own_address" for one of our listeners.
  [[nodiscard]] std::optional<Failure> check(const IpAddress& address, std::uint16_t port) const;

 private:
  // If that cannot be told, the address counts as its own.
  [[nodiscard]] bool is_machines_own(const IpAddress& address) const;
  [[nodiscard]] bool is_listener(const IpAddress& address, std::uint16_t port) const;

  std::vector<Cidr> open_;
  const MachineAddresses* machine_ = nullptr;
  std::vector<OwnListener> listeners_;
};

inline constexpr std::size_t kMaxOpenRanges = 64;

}  // namespace bottle
