#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/http/chunk.h"
#include "proxy/http/head.h"

namespace bottle {

// The only way body bytes move, in either direction: the consumer pulls. One owner, one
// reader, one read at a time. A source may outlive neither the exchange nor, if it reads a
// connection, the lease on it (which it usually owns).
class BodySource {
 public:
  virtual ~BodySource() = default;
  // At most `max` bytes (max > 0). Waits until there is something; an empty chunk comes only with
  // `end`. After `end` or a Failure the source is finished and must not be read again.
  virtual awaitable<Result<Chunk>> read(std::size_t max) = 0;
  // True if read() would not wait: the caller may then gather before it writes. A hint; false is
  // always right.
  [[nodiscard]] virtual bool ready() const noexcept { return false; }
  // Leaves early. Any time, never throws, never waits. Required unless `end` or a Failure was read.
  virtual void stop(Failure why) noexcept = 0;
};

// `body` is null if there is none.
struct Request {
  RequestHead head;
  std::unique_ptr<BodySource> body;
};
struct Response {
  ResponseHead head;
  std::unique_ptr<BodySource> body;
};

// A body that is here already.
class BytesSource final : public BodySource {
 public:
  explicit BytesSource(Bytes bytes) : bytes_(std::move(bytes)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return true; }
  void stop(Failure) noexcept override {}

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

}  // namespace bottle
