#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "certs/digest.h"
#include "proxy/base/deadline.h"
#include "proxy/body/body_filter.h"
#include "proxy/http/byte_queue.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// A response's body as the scanner relayed it, which is compared with what the exit says it gave
// the scanner. Its last bytes are held back until that is known, so a client that counts bytes does
// not take a changed or shortened body for a whole one. Owns the front's end of the exchange.
class ComparedBody final : public BodyFilter {
 public:
  // The wheel and `passage` outlive it; `end`: see end_of_answer(); `cap`: where the scanner cuts
  // bodies (0: not known).
  ComparedBody(std::unique_ptr<FrontEnd> front, std::unique_ptr<BodySource> relayed,
               Exchange& exchange, Passage& passage, std::chrono::milliseconds end,
               std::uint64_t cap)
      : BodyFilter(std::move(relayed)),
        front_(std::move(front)),
        wheel_(exchange.wheel()),
        passage_(passage),
        end_(end),
        cap_(cap),
        memory_(exchange.memory) {}

  enum class Collected : std::uint8_t {
    Same,     // it is here as a whole, and the origin's
    Changed,  // … and another, not shorter one: rest() is it
    Larger,   // than `most`; the comparison comes with its end
  };
  // Reads ahead, before anything is read otherwise. UpstreamTruncated for a shorter one.
  awaitable<Result<Collected>> collect(std::size_t most);
  // After Collected::Same: the body that the client gets instead, if the scanner was given a form
  // of it; null if not.
  [[nodiscard]] std::unique_ptr<BodySource> whole();
  // The collected part of a changed body.
  [[nodiscard]] Bytes rest();

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return compared_; }

 private:
  // One piece into the queue; true at the body's end.
  awaitable<Result<bool>> fill(std::size_t max);
  awaitable<Result<Collected>> compare();

  std::unique_ptr<FrontEnd> front_;
  TimerWheel& wheel_;
  Passage& passage_;
  const std::chrono::milliseconds end_;
  const std::uint64_t cap_;
  std::optional<WholeNews> whole_;  // the body is a form of this one
  ByteQueue queue_;
  MemoryHold memory_;  // of the queue
  Sha256 hash_;
  Digest digest_{};  // of the whole, once it has ended
  std::uint64_t received_ = 0;
  bool compared_ = false;  // and found the same
  std::optional<Fields> trailers_;
};

}  // namespace bottle
