#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "proxy/base/result.h"
#include "proxy/flow/carried_bytes.h"

namespace bottle {

// Of tunnels whose bytes are not read; docs/limits.md shows them.
struct TunnelLimits {
  std::size_t open = 1024;          // of the process: two sockets each
  std::size_t open_per_host = 256;  // one host does not take all
  // To a host, and from it, while the proxy lives. The first is how data leaves.
  std::uint64_t bytes_up = 1ull << 30;
  std::uint64_t bytes_down = 256ull << 30;
  std::size_t hosts = 1024;                   // that are counted
  std::chrono::milliseconds idle{3'600'000};  // watches and event streams say nothing for long
};

// Counts the bytes of tunnels, and the open ones, of each host: of all workers. Any thread. The
// bytes are counted in `carried`, which outlives the book.
class TunnelBook {
 public:
  TunnelBook(TunnelLimits limits, CarriedBytes& carried) : limits_(limits), carried_(carried) {}
  TunnelBook(const TunnelBook&) = delete;
  TunnelBook& operator=(const TunnelBook&) = delete;

  enum class Direction : std::uint8_t { Up, Down };
  // Of one host.
  struct Host {
    std::size_t open = 0;  // under the book's mutex
    CarriedBytes::Entry* carried;
  };
  // One open tunnel. Owned by it; the book outlives it.
  class Place {
   public:
    ~Place();
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    // How many of `bytes` may pass; fewer than asked for: the host's budget is used up.
    [[nodiscard]] std::size_t take(Direction direction, std::size_t bytes) noexcept;

   private:
    friend class TunnelBook;
    Place(TunnelBook& book, Host& host) : book_(book), host_(host) {}
    TunnelBook& book_;
    Host& host_;
  };

  // Overloaded "too_many_tunnels"; Denied "splice_budget" if nothing is left of the host's.
  [[nodiscard]] Result<std::unique_ptr<Place>> enter(const std::string& host);
  [[nodiscard]] std::size_t open() const;

 private:
  const TunnelLimits limits_;
  CarriedBytes& carried_;
  mutable std::mutex mutex_;
  std::size_t open_ = 0;
  // Entries stay: a host that comes again has the budget that is left to it.
  std::map<std::string, std::unique_ptr<Host>> hosts_;
};

}  // namespace bottle
