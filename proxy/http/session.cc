#include "proxy/http/session.h"

#include <algorithm>

#include "proxy/contract/problem_codes.h"

namespace bottle {

Failure memory_full() {
  return Failure{Code::Overloaded, "memory was full, and this connection held the most of it",
                 problem_code::kMemoryFull};
}

void DrainSignal::begin() noexcept {
  if (draining_) return;
  draining_ = true;
  // set_later: a woken session may remove itself from this very list.
  for (Event* event : listeners_) event->set_later();
}

void DrainSignal::add(Event& event) { listeners_.push_back(&event); }

void DrainSignal::remove(Event& event) noexcept {
  const auto at = std::find(listeners_.begin(), listeners_.end(), &event);
  if (at == listeners_.end()) return;
  *at = listeners_.back();
  listeners_.pop_back();
}

}  // namespace bottle
