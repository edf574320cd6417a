#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <mutex>
#include <utility>

namespace bottle {

// The memory that clients make one process hold, in sum. It is counted where it is taken: by the
// accounts of connections, and by the amounts that many exchanges share (decoders, redaction). The
// holders have bounds of their own; this is the bound of their sum. From 80 % on it refuses new
// work, at 95 % it ends the connection that holds most. Any thread. Outlives its holders.
class MemoryBudget {
 public:
  static constexpr std::size_t kLeast = 64 * 1024 * 1024;          // that --memory may say
  static constexpr std::size_t kNoCgroup = 1024 * 1024 * 1024;     // where no cgroup says how much
  static constexpr std::size_t kOfConnection = 2 * 1024 * 1024;    // of one connection may grow
  static constexpr std::chrono::milliseconds kBetweenLines{1000};  // of the log

  // A connection, while it can be ended. All but held() and ending_ is under the budget's lock.
  class Holder {
   public:
    Holder() = default;
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    virtual ~Holder() = default;
    [[nodiscard]] virtual std::size_t held() const noexcept = 0;
    // Ends it soon, on its own thread. False: memory was short even for that.
    [[nodiscard]] virtual bool end_later() noexcept = 0;

   private:
    friend class MemoryBudget;
    Holder* before_ = nullptr;
    Holder* next_ = nullptr;
    bool listed_ = false;
    bool told_ = false;  // to end
    std::atomic<std::size_t> ending_{
        0};  // of held() when it was told, so much is still to come back
  };

  // The end of a connection that held `held` of `taken`.
  using Told = std::function<void(std::size_t held, std::size_t taken)>;

  explicit MemoryBudget(std::size_t limit) noexcept : limit_(limit) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;
  ~MemoryBudget();

  // Called at most once in kBetweenLines, on the thread that took too much. Before there are
  // threads.
  void tell(Told told) { told_ = std::move(told); }

  // No new connection, no new request.
  [[nodiscard]] bool refuses() const noexcept { return taken() >= limit_ / 5 * 4; }
  [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
  [[nodiscard]] std::size_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);
  }

  // For bytes that are here already, or that work under way needs.
  void take(std::size_t bytes) noexcept;
  // False if that would leave less than a twentieth; then nothing is taken. For work that can be
  // refused.
  [[nodiscard]] bool take_if_left(std::size_t bytes) noexcept;
  void give_back(std::size_t bytes) noexcept { taken_.fetch_sub(bytes, std::memory_order_relaxed); }

  // By a holder.
  void give_back(std::size_t bytes, Holder& holder) noexcept;
  void add(Holder& holder) noexcept;
  // No effect if it is gone already. Its bytes go back with those who hold them.
  void remove(Holder& holder) noexcept;

 private:
  // With so much taken the largest connection is ended.
  [[nodiscard]] std::size_t most() const noexcept { return limit_ - limit_ / 20; }
  [[nodiscard]] bool too_much() const noexcept {
    return taken() >= most() + ending_.load(std::memory_order_relaxed);
  }
  void shed() noexcept;

  const std::size_t limit_;
  Told told_;
  std::atomic<std::size_t> taken_{0};
  std::atomic<std::size_t> ending_{0};  // of all holders together
  std::mutex lock_;
  Holder* first_ = nullptr;
  std::chrono::steady_clock::time_point told_at_{};
};

}  // namespace bottle
