#include "proxy/guard/answers/signal_window.h"

#include <algorithm>

namespace bottle {
namespace {

// A class is found only if its own signs are half of it: the rest may support, not replace them.
constexpr unsigned kOwnShare = kFound * 2 / 5;

}  // namespace

std::optional<AnswerClass> SignalWindow::add(const Sign& sign) noexcept {
  while (size_ > 0 && signs_[first_].at + kNear < sign.at) {
    first_ = (first_ + 1) % kKept;
    --size_;
  }
  if (size_ == kKept) {
    first_ = (first_ + 1) % kKept;
    --size_;
  }
  signs_[(first_ + size_) % kKept] = sign;
  ++size_;

  unsigned own = 0;
  unsigned others = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const Sign& one = signs_[(first_ + i) % kKept];
    // Of the same phrase the heaviest counts: what stands behind it is not added again.
    bool heaviest = true;
    for (std::size_t k = 0; k < size_ && heaviest; ++k) {
      const Sign& other = signs_[(first_ + k) % kKept];
      if (k == i || other.phrase != one.phrase) continue;
      heaviest = other.weight < one.weight || (other.weight == one.weight && k > i);
    }
    if (!heaviest) continue;
    (one.what == sign.what ? own : others) += one.weight;
  }
  sum_ = own + others / 2;
  if (own < kOwnShare || sum_ < kFound) return std::nullopt;
  return sign.what;
}

}  // namespace bottle
