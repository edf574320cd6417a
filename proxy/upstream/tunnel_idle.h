#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/base/cancellable.h"
#include "proxy/base/deadline.h"
#include "proxy/http/exchange.h"

namespace bottle {

// Ends the wait of a tunnel's reader (RFC 6455, RFC 8441) once nothing went through the tunnel for
// `limit`, in neither direction: one that listens for hours while the other talks is in order. A
// member of the tunnel's half; the exchange and `wait` outlive it.
class TunnelIdle final : public Cancellable {
 public:
  TunnelIdle(const Exchange& exchange, TimerWheel& wheel, std::chrono::milliseconds limit,
             Cancellable& wait) noexcept
      : exchange_(exchange), limit_(limit), wait_(wait), due_(wheel, *this) {
    begin();
  }

  // The tunnel was idle for too long.
  [[nodiscard]] bool over() const noexcept { return over_; }
  // The deadline's.
  void cancel() noexcept override {
    if (moved() != seen_) {
      begin();
      return;
    }
    over_ = true;
    wait_.cancel();
  }

 private:
  void begin() noexcept {
    seen_ = moved();
    due_.arm(limit_);
  }
  [[nodiscard]] std::uint64_t moved() const noexcept {
    return exchange_.trace.bytes_in + exchange_.trace.bytes_out;
  }

  const Exchange& exchange_;
  const std::chrono::milliseconds limit_;
  Cancellable& wait_;
  std::uint64_t seen_ = 0;
  bool over_ = false;
  Deadline due_;
};

}  // namespace bottle
