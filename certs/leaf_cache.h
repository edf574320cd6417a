#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "certs/leaf_issuer.h"

namespace bottle {

// Why a name gets a leaf. Each kind has an allowance of its own, so that a client which may invent
// names (below a wildcard, or refused ones) cannot use up that of the names that are written down.
enum class LeafFor : std::uint8_t {
  Allowed,   // an entry of the allowlist has the whole name, or everything is allowed
  Wildcard,  // the name is below a wildcard
  Refusal,   // not allowed: the client shall read why
};

struct LeafCacheLimits {
  std::size_t capacity = 1024;
  // A client that asks for ever new names costs a signature each; these bound what it may cost. As
  // many at once, and then so many a minute, one after another.
  std::size_t new_names_a_minute = 200;
  std::size_t wildcard_names_a_minute = 100;
  std::size_t refusals_a_minute = 60;
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
  // "too_many_names" beyond the rate of its kind, and as LeafIssuer::mint does.
  [[nodiscard]] Result<const Leaf*> get(const ServerName& name, LeafFor why = LeafFor::Allowed);
  // Whether get() would stay within the rate now. Spends nothing.
  [[nodiscard]] bool has_room_for(const ServerName& name, LeafFor why);

  [[nodiscard]] std::size_t size() const noexcept { return leaves_.size(); }
  [[nodiscard]] std::uint64_t minted() const noexcept { return minted_; }

 private:
  struct CachedLeaf {
    std::string name;
    Leaf leaf;
  };
  // New names of one kind: time saved up, a minute at most, is what they cost.
  class Allowance {
   public:
    explicit Allowance(std::size_t a_minute) noexcept;
    [[nodiscard]] bool has_one(WallClock::time_point now) noexcept;
    [[nodiscard]] bool take(WallClock::time_point now) noexcept;

   private:
    std::chrono::nanoseconds price_;
    std::chrono::nanoseconds saved_{std::chrono::minutes(1)};
    WallClock::time_point last_{};
  };
  [[nodiscard]] bool is_good(const CachedLeaf& cached, WallClock::time_point now) const;
  [[nodiscard]] Allowance& allowance(LeafFor why) noexcept;

  const LeafIssuer& ca_;
  LeafCacheLimits limits_;
  Now now_;
  std::list<CachedLeaf> leaves_;  // most recently used first
  std::unordered_map<std::string_view, std::list<CachedLeaf>::iterator> by_name_;
  Allowance allowed_;
  Allowance wildcards_;
  Allowance refusals_;
  std::uint64_t minted_ = 0;
};

}  // namespace bottle
