#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace bottle {

// On whose behalf something is taken. 0: the proxy's own, which no share bounds.
struct Party {
  std::uint64_t client = 0;  // its connection
  std::uint64_t place = 0;   // the destination's site (place_of)
};

// An amount that many take from and hold for a long time, so that turns alone do not help. A client
// connection, and a destination, may hold at most `times` as much as is left: the more parties are
// greedy, the less each of them gets, and the last ones go to parties that hold next to nothing.
// With `times` 2, one party gets two thirds, two get two fifths each. One thread, or its owner's
// lock.
class Shares {
  struct Account {
    std::size_t held = 0;
    std::size_t parts = 0;
  };
  using Accounts = std::unordered_map<std::uint64_t, Account>;

 public:
  // One taker's, which is counted to its party. Goes before the shares; gives back all it holds.
  class Part {
   public:
    Part() = default;
    // Throws std::bad_alloc; nothing that comes after does.
    Part(Shares& shares, Party party);
    Part(Part&& other) noexcept
        : shares_(std::exchange(other.shares_, nullptr)),
          client_(other.client_),
          place_(other.place_),
          party_(other.party_),
          held_(std::exchange(other.held_, 0)) {}
    Part& operator=(Part&& other) noexcept;
    ~Part() { leave(); }

    [[nodiscard]] bool has_room(std::size_t n = 1) const noexcept;
    // Some other client could take from it for the same place.
    [[nodiscard]] bool place_has_room(std::size_t n = 1) const noexcept;
    void take(std::size_t n = 1) noexcept;
    void give_back(std::size_t n = 1) noexcept;
    [[nodiscard]] const Party& party() const noexcept { return party_; }
    [[nodiscard]] std::size_t held() const noexcept { return held_; }

   private:
    void leave() noexcept;

    Shares* shares_ = nullptr;
    Account* client_ = nullptr;  // null: the proxy's own
    Account* place_ = nullptr;
    Party party_;
    std::size_t held_ = 0;
  };

  explicit Shares(std::size_t most, std::size_t times = 2) noexcept : most_(most), times_(times) {}
  Shares(const Shares&) = delete;
  Shares& operator=(const Shares&) = delete;

  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }
  [[nodiscard]] std::size_t left() const noexcept { return most_ - taken_; }
  // Without a taker.
  [[nodiscard]] bool unused() const noexcept { return taken_ == 0; }

 private:
  [[nodiscard]] bool may_grow(const Account* account, std::size_t n) const noexcept;
  [[nodiscard]] static Account* join(Accounts& accounts, std::uint64_t id);
  static void part_from(Accounts& accounts, Account* account, std::uint64_t id) noexcept;

  const std::size_t most_;
  const std::size_t times_;
  std::size_t taken_ = 0;
  Accounts clients_;
  Accounts places_;
};

}  // namespace bottle
