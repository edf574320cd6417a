#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/bytes.h"
#include "proxy/base/cancellable.h"
#include "proxy/base/failure.h"

namespace bottle {

enum class IoStatus : std::uint8_t {
  Ok,
  Eof,        // the peer ended properly (TLS: with close_notify)
  Truncated,  // TLS only: the connection ended without close_notify
  Cancelled,  // cancel(), close(), or the task was cancelled
  Reset,      // any other end: reset, broken pipe, unreachable
  Protocol,   // TLS only: the peer broke the record layer
};

struct IoResult {
  IoStatus status = IoStatus::Ok;
  std::size_t n = 0;
  [[nodiscard]] bool ok() const noexcept { return status == IoStatus::Ok; }
};

// A connection's bytes: TcpStream, TlsStream, MemoryPipe. One reader and one writer at a time; the
// two may run at once. Buffers passed in must live until the call returns. After a cancelled or
// failed call only close() makes sense. Owned by exactly one connection.
class ByteStream : public Cancellable {
 public:
  // At least one byte, at most into.size(), or a status that is not Ok. Never Ok with n = 0. It
  // touches `into` in the turn in which it returns, not while it waits: readers share one.
  virtual awaitable<IoResult> read_some(ByteSpan into) = 0;
  // All of it, or a status that is not Ok.
  virtual awaitable<IoResult> write_all(ByteView data) = 0;
  // Tells the peer that no more will come (TLS close_notify, then FIN) without waiting for its
  // answer. Never used towards pipelock, which reads a FIN as "cancel".
  virtual awaitable<void> shutdown() = 0;
  // At once and for good; pending calls end with Cancelled. Never waits.
  virtual void close() noexcept = 0;
  // True if bytes, an end or an error are there to be read without waiting. A pooled connection
  // for which this holds is not reused.
  [[nodiscard]] virtual bool readable_now() noexcept = 0;
  // After a call that did not end with Ok: what the peer said about it, where that is more than the
  // status tells (a TLS alert).
  [[nodiscard]] virtual std::optional<Failure> why_ended() const { return std::nullopt; }
};

// Closes a stream where a Cancellable is asked for.
class ClosesStream final : public Cancellable {
 public:
  explicit ClosesStream(ByteStream& stream) noexcept : stream_(stream) {}
  void cancel() noexcept override { stream_.close(); }

 private:
  ByteStream& stream_;
};

}  // namespace bottle
