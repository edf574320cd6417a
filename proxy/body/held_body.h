#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "proxy/base/awaitable.h"
#include "proxy/base/bytes.h"
#include "proxy/base/memory_budget.h"
#include "proxy/http/body.h"

namespace bottle {

// How much of a request's body the guard holds to be able to redact it; docs/limits.md has reasons.
struct RedactLimits {
  std::size_t body_bytes = 16u << 20;            // more than a conversation with a few pictures
  std::size_t memory_bytes = 96u << 20;          // of one worker
  std::chrono::milliseconds body_time{300'000};  // until the whole of one body is here
};

// The memory that all held bodies of one worker share. One thread; outlives them.
class BodyMemory {
 public:
  // It is a part of `budget`, which outlives it; null: of none.
  explicit BodyMemory(std::size_t limit, MemoryBudget* budget = nullptr) noexcept
      : limit_(limit), budget_(budget) {}
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

 private:
  friend class MemoryShare;
  const std::size_t limit_;
  MemoryBudget* const budget_;
  std::size_t taken_ = 0;
};

// A part of it, given back at its end.
class MemoryShare {
 public:
  explicit MemoryShare(BodyMemory& memory) noexcept : memory_(memory) {}
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;
  ~MemoryShare();

  // So many bytes more. False if that would be more than the limit, or than the budget leaves;
  // then nothing is taken.
  [[nodiscard]] bool take(std::size_t bytes) noexcept;

 private:
  BodyMemory& memory_;
  std::size_t taken_ = 0;
};

// A body that is here in memory, with or without a rest that is still to come.
class HeldBody final : public BodySource {
 public:
  explicit HeldBody(BodyMemory& memory) noexcept : share_(memory) {}
  HeldBody(const HeldBody&) = delete;
  HeldBody& operator=(const HeldBody&) = delete;

  // False if there is no memory for it; then it is as it was.
  [[nodiscard]] bool append(ByteView data);
  // The bytes that were appended. May be changed before the first read.
  [[nodiscard]] Bytes& bytes() noexcept { return bytes_; }
  // The rest comes behind the bytes.
  void set_rest(std::unique_ptr<BodySource> rest) noexcept { rest_ = std::move(rest); }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override;
  void stop(Failure why) noexcept override;

 private:
  MemoryShare share_;
  Bytes bytes_;
  std::size_t at_ = 0;
  std::unique_ptr<BodySource> rest_;
};

}  // namespace bottle
