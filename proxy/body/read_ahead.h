#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "proxy/base/awaitable.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"

namespace bottle {

// A body of which the beginning is read before anybody asks for it, by a child of the exchange that
// owns the source with this. A read() that finds the child still reading waits for it.
class ReadAhead final : public BodySource {
 public:
  ReadAhead(std::unique_ptr<BodySource> inner, Exchange& exchange);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead() override;

  // Until `bytes` are there, or the end or a Failure is, or the time is up. Once, and first. False:
  // the task was cancelled.
  [[nodiscard]] awaitable<bool> gather(std::size_t bytes, std::chrono::milliseconds time);

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override;
  void stop(Failure why) noexcept override;

 private:
  struct State;
  static awaitable<void> read_on(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
  Exchange& exchange_;
};

}  // namespace bottle
