#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/guard/address_guard.h"
#include "proxy/http/authority.h"

namespace bottle {

// The destinations that a parent proxy is not asked for: NO_PROXY as curl reads it.
//
//   *                  every destination, if it is the whole list
//   example.com        that host and all below it, as .example.com; a last dot changes nothing
//   192.0.2.7, [::1]   that address, with or without brackets
//   10.0.0.0/8         addresses in that range; bits behind the prefix change nothing
//   example.com:8443   at that port alone: as Go and wget read it, curl leaves such an entry unread
//
// Commas and blanks part entries. A name is compared with names, an address with addresses: no name
// is looked up. An entry that cannot be read matches nothing. A value; no I/O.
class NoProxy {
 public:
  static constexpr std::size_t kMaxEntries = 256;
  static constexpr std::size_t kLongestText = 16 * 1024;

  NoProxy() = default;  // matches nothing
  // The Error (kUsage) is for a list that is too long.
  [[nodiscard]] static Expected<NoProxy> parse(std::string_view text);

  [[nodiscard]] bool matches(const Destination& destination) const;

 private:
  struct Entry {
    std::string name;  // empty: `range` counts
    Cidr range;
    std::optional<std::uint16_t> port;
  };
  static std::optional<Entry> read(std::string_view text);

  bool all_ = false;
  std::vector<Entry> entries_;
};

}  // namespace bottle
