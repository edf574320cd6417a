#pragma once

#include <boost/container/small_vector.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proxy/contract/host_pattern.h"

namespace bottle {

// Finds those of many host patterns that match a host without looking at each: a host among a
// thousand costs what it costs among ten. A value; after the last add() const members may be called
// from any thread.
class HostIndex {
 public:
  // Its number is how many were added before.
  void add(const HostPattern& pattern);

  // Calls `each` with the number of each pattern that matches, in ascending order, until it returns
  // false. `host` is canonical.
  template <class Each>
  void for_each_match(HostKind kind, std::string_view host, Each each) const {
    Matches matches = matches_of(kind, host);
    for (auto number = matches.next(); number != kNone; number = matches.next()) {
      if (!each(std::size_t{number})) return;
    }
  }

 private:
  using Numbers = std::vector<std::uint32_t>;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>()(text);
    }
  };
  using Table = std::unordered_map<std::string, Numbers, Hash, std::equal_to<>>;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // Ascending lists, read as one.
  class Matches {
   public:
    void add(const Numbers& numbers);
    [[nodiscard]] std::uint32_t next() noexcept;

   private:
    struct Place {
      const std::uint32_t* at;
      const std::uint32_t* end;
    };
    boost::container::small_vector<Place, 6> places_;
  };

  [[nodiscard]] Matches matches_of(HostKind kind, std::string_view host) const;
  static void add_from(const Table& table, std::string_view host, Matches& out);

  Table names_;
  Table subtrees_;
  Table addresses_;
  Numbers any_;
  std::uint32_t count_ = 0;
};

}  // namespace bottle
