#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace bottle {

// All parts of the audit log in one stream: a pipe, a socket, a terminal, a device. Never waits for
// its reader: what the stream does not take waits in a queue of kAuditQueue bytes. One thread at a
// time.
class AuditStream {
 public:
  // Standard error, which others use too: they go on with a descriptor that may block.
  [[nodiscard]] static std::unique_ptr<AuditStream> to_stderr();
  // The stream that is open here as `fd`. Closes it at the end.
  [[nodiscard]] static std::unique_ptr<AuditStream> of(int fd);
  ~AuditStream();
  AuditStream(const AuditStream&) = delete;
  AuditStream& operator=(const AuditStream&) = delete;

  // False: the queue is full, or the stream is broken. The line is lost.
  [[nodiscard]] bool put(std::string_view line) noexcept;
  // Writes of the queue what the stream takes now. The number of lines lost: a broken stream loses
  // the whole queue.
  std::uint64_t pump() noexcept;
  // The queue is not written any more. The number of lines lost.
  std::uint64_t give_up() noexcept;
  [[nodiscard]] bool waits() const noexcept { return !queue_.empty(); }
  // Whether a new exchange may be recorded: the other half of the queue is kept for the ends of
  // those that have begun.
  [[nodiscard]] bool has_room() const noexcept;
  // Tries a broken stream again, by an empty line.
  [[nodiscard]] bool probe() noexcept;
  [[nodiscard]] int descriptor() const noexcept { return fd_; }

 private:
  enum class Kind : std::uint8_t { Socket, Other };
  AuditStream(int fd, bool owned, Kind kind) : fd_(fd), owned_(owned), kind_(kind) {}
  [[nodiscard]] ssize_t write_some(std::string_view bytes) const noexcept;
  // How many bytes of `bytes` went out. Sets broken_ when it is not the reader's slowness.
  std::size_t write_now(std::string_view bytes) noexcept;

  const int fd_;
  const bool owned_;
  const Kind kind_;
  int flags_before_ = -1;  // to be set again at the end
  std::string queue_;
  bool broken_ = false;
  bool torn_ = false;  // the last line that went out is incomplete
};

inline constexpr std::size_t kAuditQueue = 1024 * 1024;

}  // namespace bottle
