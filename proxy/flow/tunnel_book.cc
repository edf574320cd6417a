#include "proxy/flow/tunnel_book.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {

TunnelBook::Place::~Place() {
  const std::lock_guard lock(book_.mutex_);
  --host_.open;
  --book_.open_;
}

std::size_t TunnelBook::Place::take(Direction direction, std::size_t bytes) noexcept {
  const bool up = direction == Direction::Up;
  const std::atomic_ref carried(up ? host_.carried->up : host_.carried->down);
  const std::uint64_t most = up ? book_.limits_.bytes_up : book_.limits_.bytes_down;
  const std::uint64_t before = carried.fetch_add(bytes, std::memory_order_relaxed);
  const std::uint64_t left = before >= most ? 0 : most - before;
  const auto allowed = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, left));
  if (allowed < bytes) carried.fetch_sub(bytes - allowed, std::memory_order_relaxed);
  return allowed;
}

Result<std::unique_ptr<TunnelBook::Place>> TunnelBook::enter(const std::string& host) {
  const std::lock_guard lock(mutex_);
  const auto too_many = [](const std::string& what) {
    return Failure(Code::Overloaded, what, problem_code::kTooManyTunnels,
                   "Close connections to the hosts of the route splice, and try again.");
  };
  if (open_ >= limits_.open) return too_many("too many tunnels are open");
  auto found = hosts_.find(host);
  if (found == hosts_.end()) {
    CarriedBytes::Entry* const carried = carried_.find_or_add(host, limits_.hosts);
    if (carried == nullptr) return too_many("tunnels went to too many hosts");
    found = hosts_.emplace(host, std::make_unique<Host>(Host{.carried = carried})).first;
  }
  Host& entry = *found->second;
  if (entry.open >= limits_.open_per_host)
    return too_many("too many tunnels to this host are open");
  const auto carried = [](std::uint64_t& bytes) {
    return std::atomic_ref(bytes).load(std::memory_order_relaxed);
  };
  const bool spent = carried(entry.carried->up) >= limits_.bytes_up ||
                     carried(entry.carried->down) >= limits_.bytes_down;
  if (spent) {
    return Failure(Code::Denied, "the host's budget of unread bytes is used up",
                   problem_code::kSpliceBudget,
                   "Ask the person who runs the bottle for a larger limit splice_bytes_up or "
                   "splice_bytes_down.");
  }
  std::unique_ptr<Place> place(new Place(*this, entry));
  ++entry.open;
  ++open_;
  return place;
}

std::size_t TunnelBook::open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace bottle
