#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/body/body_filter.h"
#include "proxy/body/body_scan.h"
#include "proxy/http/byte_queue.h"
#include "proxy/http/exchange.h"

namespace bottle {

// A request's body that is scanned on its way: what it hands out has been looked at, and a hit is a
// Failure in place of the piece that holds the hit's last byte.
//
// Its last kHeldBack bytes stay here while more is there to be read, or was promised: a value in
// them may be complete, or an encoded one recognised, with what follows. A sender of a body
// without a length may wait for an answer to what it sent, as gRPC does: when it pauses, the open
// runs are looked at as far as they go (BodyScan::pause()), and all goes out at once.
class GuardedBody final : public BodyFilter {
 public:
  static constexpr std::size_t kHeldBack = 4096;

  enum class Length : std::uint8_t { Unknown, Declared };

  GuardedBody(std::unique_ptr<BodySource> inner, std::unique_ptr<BodyScan> scan,
              Length length = Length::Unknown)
      : BodyFilter(std::move(inner)), scan_(std::move(scan)), length_(length) {}

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return held_.size() > kept_; }

 private:
  // `piece` was read. All of it may go, or a tail of it stays.
  [[nodiscard]] Result<> take(Chunk piece);

  std::unique_ptr<BodyScan> scan_;
  const Length length_;
  ByteQueue held_;                  // scanned
  std::size_t kept_ = 0;            // the last of them that stay
  std::optional<Fields> trailers_;  // scanned
};

}  // namespace bottle
