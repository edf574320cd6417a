#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/cancellable.h"
#include "proxy/base/memory_budget.h"

namespace bottle {

// The part of a budget that one connection holds. Shared with what outlives the connection, such as
// a body that another thread still reads.
class MemoryAccount final : public MemoryBudget::Holder,
                            public std::enable_shared_from_this<MemoryAccount> {
 public:
  // A connection's. `executor`: its thread, where it is ended.
  [[nodiscard]] static std::shared_ptr<MemoryAccount> open(MemoryBudget& budget, Executor executor);
  // Of work that belongs to no connection, and can grow up to `most`.
  MemoryAccount(MemoryBudget& budget, Executor executor, std::size_t most);
  ~MemoryAccount() override;

  // While it lives, cancelling `end` ends the connection; the one before after that. On the
  // connection's thread. Null: no account.
  class EndedBy {
   public:
    EndedBy(MemoryAccount* account, Cancellable& end) noexcept;
    EndedBy(const EndedBy&) = delete;
    EndedBy& operator=(const EndedBy&) = delete;
    ~EndedBy();

   private:
    MemoryAccount* const account_;
    Cancellable* before_ = nullptr;
  };

  [[nodiscard]] std::size_t held() const noexcept override {
    return held_.load(std::memory_order_relaxed);
  }
  // That part of it that depends on what the client sends and takes. When it is as large as it may
  // be, work that can do without memory takes none, and a request that comes is refused.
  [[nodiscard]] std::size_t grown() const noexcept {
    return grown_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return grown() + bytes <= most_ && !budget_.refuses();
  }
  [[nodiscard]] bool full() const noexcept { return grown() > most_; }
  [[nodiscard]] bool end_later() noexcept override;

 private:
  friend class MemoryHold;
  void take(std::size_t bytes, bool grows) noexcept;
  void give_back(std::size_t bytes, bool grows) noexcept;

  MemoryBudget& budget_;
  const Executor executor_;
  const std::size_t most_;
  std::atomic<std::size_t> held_{0};
  std::atomic<std::size_t> grown_{0};
  Cancellable* end_ = nullptr;  // the connection's thread alone
};

// Some bytes of an account, given back at its end. Without an account it counts nothing.
class MemoryHold {
 public:
  enum class Kind : std::uint8_t {
    Fixed,  // an estimate of what each connection or exchange takes
    Grows,
  };

  MemoryHold() = default;
  explicit MemoryHold(std::shared_ptr<MemoryAccount> account, std::size_t bytes = 0,
                      Kind kind = Kind::Grows) noexcept
      : account_(std::move(account)), kind_(kind) {
    set(bytes);
  }
  MemoryHold(MemoryHold&& other) noexcept
      : account_(std::move(other.account_)),
        bytes_(std::exchange(other.bytes_, 0)),
        kind_(other.kind_) {}
  MemoryHold& operator=(MemoryHold&& other) noexcept;
  ~MemoryHold() { set(0); }

  // So many from now on.
  void set(std::size_t bytes) noexcept;
  void add(std::size_t bytes) noexcept { set(bytes_ + bytes); }
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return account_ == nullptr || account_->has_room(bytes);
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::shared_ptr<MemoryAccount> account_;
  std::size_t bytes_ = 0;
  Kind kind_ = Kind::Grows;
};

}  // namespace bottle
