#pragma once

#include <cstdint>
#include <memory>

#include "proxy/body/body_scan.h"
#include "proxy/http/body.h"
#include "proxy/http/byte_queue.h"
#include "proxy/http/exchange.h"

namespace bottle {

// A request's body that is scanned on its way: what it hands out has been looked at, and a hit is a
// Failure in place of the piece that holds the hit's last byte. Owns the body it wraps.
class GuardedBody final : public BodySource {
 public:
  GuardedBody(std::unique_ptr<BodySource> inner, std::unique_ptr<BodyScan> scan)
      : inner_(std::move(inner)), scan_(std::move(scan)) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return !held_.empty(); }
  void stop(Failure why) noexcept override { inner_->stop(std::move(why)); }

 private:
  std::unique_ptr<BodySource> inner_;
  std::unique_ptr<BodyScan> scan_;
  ByteQueue held_;  // scanned, more than the reader's max
  bool inner_ended_ = false;
};

}  // namespace bottle
