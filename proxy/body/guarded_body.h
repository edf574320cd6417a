#pragma once

#include <cstdint>
#include <memory>

#include "proxy/body/body_filter.h"
#include "proxy/body/body_scan.h"
#include "proxy/http/byte_queue.h"
#include "proxy/http/exchange.h"

namespace bottle {

// A request's body that is scanned on its way: what it hands out has been looked at, and a hit is a
// Failure in place of the piece that holds the hit's last byte.
class GuardedBody final : public BodyFilter {
 public:
  GuardedBody(std::unique_ptr<BodySource> inner, std::unique_ptr<BodyScan> scan)
      : BodyFilter(std::move(inner)), scan_(std::move(scan)) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return !held_.empty(); }

 private:
  std::unique_ptr<BodyScan> scan_;
  ByteQueue held_;  // scanned, more than the reader's max
};

}  // namespace bottle
