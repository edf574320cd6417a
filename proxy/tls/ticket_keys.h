#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>

struct ssl_ctx_st;

namespace bottle {

// The keys that encrypt session tickets: random, in this process alone. Made by main and lent to
// every worker's acceptor, so that a client may resume with any of them. A key makes tickets for
// kRotation and takes them for as long again, then it is gone: a key that is found out later opens
// no older session. Any thread.
class TicketKeys {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::hours kRotation{8};
  static constexpr std::size_t kNameSize = 16;

  struct Key {
    Key();  // random; throws std::runtime_error when the system has no randomness
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();  // cleansed
    std::array<unsigned char, kNameSize> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
  };
  struct Found {
    Key key;
    bool old = false;  // it makes no tickets any more: the client gets a new one
  };

  explicit TicketKeys(TimePoint now = std::chrono::steady_clock::now()) : born_(now) {}
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // The key for new tickets. Throws as Key() does, once in kRotation.
  [[nodiscard]] Key current(TimePoint now) const;
  // The key that a ticket names. Nothing: it is none of ours, or too old.
  [[nodiscard]] std::optional<Found> find(std::span<const unsigned char> name, TimePoint now) const;

  // Tickets of that context are made and read with these keys, which outlive it.
  void serve(ssl_ctx_st* context) const;

 private:
  void rotate(TimePoint now) const;

  mutable std::mutex mutex_;
  mutable TimePoint born_;
  mutable Key current_;
  mutable std::optional<Key> previous_;
};

}  // namespace bottle
