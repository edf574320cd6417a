#include "certs/leaf_cache.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {

namespace {

constexpr std::chrono::nanoseconds kMinute = std::chrono::minutes(1);

}  // namespace

LeafCache::Allowance::Allowance(std::size_t a_minute) noexcept
    : price_(kMinute / static_cast<std::int64_t>(std::max<std::size_t>(1, a_minute))) {}

bool LeafCache::Allowance::has_one(WallClock::time_point now) noexcept {
  // A clock that went back saves nothing up, and does not freeze what comes after.
  const std::chrono::nanoseconds since =
      std::clamp<std::chrono::nanoseconds>(now - last_, std::chrono::nanoseconds(0), kMinute);
  saved_ = std::min(kMinute, saved_ + since);
  last_ = now;
  return saved_ >= price_;
}

bool LeafCache::Allowance::take(WallClock::time_point now) noexcept {
  if (!has_one(now)) return false;
  saved_ -= price_;
  return true;
}

LeafCache::LeafCache(const LeafIssuer& ca, LeafCacheLimits limits, Now now)
    : ca_(ca),
      limits_(limits),
      now_(std::move(now)),
      allowed_(limits.new_names_a_minute),
      wildcards_(limits.wildcard_names_a_minute),
      refusals_(limits.refusals_a_minute) {
  if (limits_.capacity == 0) limits_.capacity = 1;
}

LeafCache::Allowance& LeafCache::allowance(LeafFor why) noexcept {
  switch (why) {
    case LeafFor::Allowed:
      return allowed_;
    case LeafFor::Wildcard:
      return wildcards_;
    case LeafFor::Refusal:
      break;
  }
  return refusals_;
}

bool LeafCache::is_good(const CachedLeaf& cached, WallClock::time_point now) const {
  const Leaf& leaf = cached.leaf;
  // Near the CA's own end nothing lives longer than what is there.
  const bool fresh = now + limits_.renew_before < leaf.not_after();
  const bool last_one = leaf.not_after() == ca_.not_after() && now < leaf.not_after();
  // A clock that went back by more than the backdating makes the leaf one of the future.
  const bool begun = now >= leaf.not_before();
  return begun && (fresh || last_one);
}

bool LeafCache::has_room_for(const ServerName& name, LeafFor why) {
  const WallClock::time_point now = now_();
  const auto found = by_name_.find(name.text());
  if (found != by_name_.end() && is_good(*found->second, now)) return true;
  return allowance(why).has_one(now);
}

Result<const Leaf*> LeafCache::get(const ServerName& name, LeafFor why) {
  const WallClock::time_point now = now_();
  const auto found = by_name_.find(name.text());
  if (found != by_name_.end() && is_good(*found->second, now)) {
    leaves_.splice(leaves_.begin(), leaves_, found->second);
    return &leaves_.front().leaf;
  }

  if (!allowance(why).take(now)) {
    return Failure{Code::Overloaded, "too many new host names in one minute",
                   problem_code::kTooManyNames,
                   "Wait a few seconds, and ask for fewer different hosts."};
  }
  Result<Leaf> leaf = ca_.mint(name, now);
  if (!leaf) return leaf.error();
  ++minted_;
  if (found != by_name_.end()) {
    leaves_.splice(leaves_.begin(), leaves_, found->second);
    leaves_.front().leaf = std::move(*leaf);
    return &leaves_.front().leaf;
  }
  if (leaves_.size() >= limits_.capacity) {
    by_name_.erase(leaves_.back().name);
    leaves_.pop_back();
  }
  std::list<CachedLeaf> fresh;
  fresh.push_front(CachedLeaf{.name = name.text(), .leaf = std::move(*leaf)});
  by_name_.emplace(fresh.front().name, fresh.begin());
  leaves_.splice(leaves_.begin(), fresh);
  return &leaves_.front().leaf;
}

}  // namespace bottle
