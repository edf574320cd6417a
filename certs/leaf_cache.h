#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "certs/leaf_issuer.h"

namespace bottle {

struct LeafCacheLimits {
  std::size_t capacity = 1024;
  // A client that asks for ever new names costs a signature each; this bounds what it may cost.
  std::size_t new_names_a_minute = 200;
  // Renewed this long before it ends, so that no handshake starts with a leaf about to expire.
  std::chrono::minutes renew_before{60};
};

// One worker's leaves, least recently used goes first. Not thread-safe; `ca` outlives it.
class LeafCache {
 public:
  using Now = std::function<WallClock::time_point()>;

  explicit LeafCache(const LeafIssuer& ca, LeafCacheLimits limits = {}, Now now = WallClock::now);
  LeafCache(const LeafCache&) = delete;
  LeafCache& operator=(const LeafCache&) = delete;

  // The leaf for that name, minted if need be. Valid until the next call. Fails with Overloaded
  // "too_many_names" beyond the rate, and as LeafIssuer::mint does.
  [[nodiscard]] Result<const Leaf*> get(const ServerName& name);

  [[nodiscard]] std::size_t size() const noexcept { return leaves_.size(); }
  [[nodiscard]] std::uint64_t minted() const noexcept { return minted_; }

 private:
  struct CachedLeaf {
    std::string name;
    Leaf leaf;
  };
  [[nodiscard]] bool may_mint(WallClock::time_point now);

  const LeafIssuer& ca_;
  LeafCacheLimits limits_;
  Now now_;
  std::list<CachedLeaf> leaves_;  // most recently used first
  std::unordered_map<std::string_view, std::list<CachedLeaf>::iterator> by_name_;
  WallClock::time_point minute_start_{};
  std::size_t minted_this_minute_ = 0;
  std::uint64_t minted_ = 0;
};

}  // namespace bottle
