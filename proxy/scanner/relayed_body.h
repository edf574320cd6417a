#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/deadline.h"
#include "proxy/http/body.h"

namespace bottle {

// Where pipelock ends bodies early, with a clean end (docs/pipelock.md, section 6). A body that
// ends there is a truncated one.
struct Cuts {
  std::uint64_t bytes = 0;  // the body has exactly so many; 0: no such cut
  std::optional<Clock::time_point> time;

  [[nodiscard]] std::optional<Failure> at_end(std::uint64_t received) const;
};

// A response's body as the scanner relayed it; `first` was read ahead to see whose word it is.
class RelayedBody final : public BodySource {
 public:
  RelayedBody(Bytes first, std::unique_ptr<BodySource> rest, Cuts cuts)
      : first_(std::move(first)), rest_(std::move(rest)), cuts_(cuts) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !first_.empty() || !rest_ || rest_->ready();
  }
  void stop(Failure why) noexcept override {
    if (rest_) rest_->stop(std::move(why));
  }

 private:
  Bytes first_;
  std::unique_ptr<BodySource> rest_;
  Cuts cuts_;
  std::uint64_t received_ = 0;
};

}  // namespace bottle
