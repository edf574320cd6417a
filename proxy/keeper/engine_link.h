#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proxy/contract/fd.h"

// The words between the keeper and the engine: the process that holds what outlives a crash, and
// the one that serves. One SOCK_SEQPACKET message each, of one byte, some with a descriptor.
namespace bottle {

// Kept for the engine that comes next, whole each time.
enum class KeptKind : std::uint8_t { Policy, Secrets };
inline constexpr std::size_t kKeptKinds = 2;
inline constexpr std::size_t kMostKept = 16 * 1024 * 1024;

enum class KeeperOrder : std::uint8_t {
  Terminate,  // as SIGTERM: drain, and stop at the second one
  Reload,     // as SIGHUP
  Gone,       // the keeper has ended
};

// The engine's end. One thread.
class EngineLink {
 public:
  explicit EngineLink(Fd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  // It serves: its files are written.
  void tell_ready() const;
  // False: it could not be handed over, and a crash loses it.
  [[nodiscard]] bool keep(KeptKind kind, std::string_view text) const;
  // The next order, without waiting; nothing if there is none.
  [[nodiscard]] std::optional<KeeperOrder> next() const;

 private:
  Fd socket_;
};

// The keeper's end. One thread.
class KeeperLink {
 public:
  // Something that the engine said.
  struct News {
    bool ready = false;
    std::optional<KeptKind> kind{};
    Fd file{};  // with `kind`
  };

  KeeperLink() = default;
  explicit KeeperLink(Fd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const noexcept { return socket_.get(); }
  void order(KeeperOrder order) const;
  // The oldest that was not taken, without waiting. Messages that mean nothing are left out.
  [[nodiscard]] std::optional<News> next() const;

 private:
  Fd socket_;
};

}  // namespace bottle
