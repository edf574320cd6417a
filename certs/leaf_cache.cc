#include "certs/leaf_cache.h"

#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {

LeafCache::LeafCache(const LeafIssuer& ca, LeafCacheLimits limits, Now now)
    : ca_(ca), limits_(limits), now_(std::move(now)) {
  if (limits_.capacity == 0) limits_.capacity = 1;
}

bool LeafCache::may_mint(WallClock::time_point now) {
  // Also when the clock went back: the count must not freeze.
  if (now - minute_start_ >= std::chrono::minutes(1) || now < minute_start_) {
    minute_start_ = now;
    minted_this_minute_ = 0;
  }
  if (minted_this_minute_ >= limits_.new_names_a_minute) return false;
  ++minted_this_minute_;
  return true;
}

Result<const Leaf*> LeafCache::get(const ServerName& name) {
  const WallClock::time_point now = now_();
  const auto found = by_name_.find(name.text());
  if (found != by_name_.end()) {
    const Leaf& leaf = found->second->leaf;
    // Near the CA's own end nothing lives longer than what is there.
    const bool fresh = now + limits_.renew_before < leaf.not_after();
    const bool last_one = leaf.not_after() == ca_.not_after() && now < leaf.not_after();
    // A clock that went back by more than the backdating makes the leaf one of the future.
    const bool begun = now >= leaf.not_before();
    if (begun && (fresh || last_one)) {
      leaves_.splice(leaves_.begin(), leaves_, found->second);
      return &leaves_.front().leaf;
    }
  }

  if (!may_mint(now)) {
    return Failure{Code::Overloaded, "too many new host names in one minute",
                   problem_code::kTooManyNames,
                   "Wait a minute, and ask for fewer different hosts."};
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
  leaves_.push_front(CachedLeaf{.name = name.text(), .leaf = std::move(*leaf)});
  by_name_.emplace(leaves_.front().name, leaves_.begin());
  return &leaves_.front().leaf;
}

}  // namespace bottle
