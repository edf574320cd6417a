#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/deadline.h"
#include "proxy/body/body_filter.h"
#include "proxy/scanner/pipelock_options.h"

namespace bottle {

// Where pipelock ends bodies early, with a clean end (docs/pipelock.md, section 6). A body that
// ends there is a truncated one.
struct Cuts {
  std::uint64_t bytes = 0;  // the body has exactly so many; 0: no such cut
  std::optional<Clock::time_point> time;

  [[nodiscard]] std::optional<Failure> at_end(std::uint64_t received) const;
};

// Of a body that pipelock relays: it ends event streams by its timer, and reads every other body as
// a whole before it sends the first byte, up to its cap. `sent`: when the request went out, so the
// time is not later here than there.
[[nodiscard]] Cuts cuts_of(const PipelockOptions& options, bool events, Clock::time_point sent);

// A response's body as the scanner relayed it; `first` was read ahead to see whose word it is.
class RelayedBody final : public BodyFilter {
 public:
  RelayedBody(Bytes first, std::unique_ptr<BodySource> rest, Cuts cuts)
      : BodyFilter(std::move(rest)), first_(std::move(first)), cuts_(cuts) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !first_.empty() || inner() == nullptr || BodyFilter::ready();
  }

 private:
  Bytes first_;
  Cuts cuts_;
  std::uint64_t received_ = 0;
};

}  // namespace bottle
