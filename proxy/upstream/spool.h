#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/http/body.h"
#include "proxy/upstream/content_decoder.h"
#include "proxy/upstream/upstream_limits.h"

namespace bottle {

class Spool;

// A request body that is here as a whole, in memory or in a file without a name. Can be read any
// number of times. Shared by those who read it and whoever may have to send it again; the last one
// frees it. The spool outlives it.
class SpooledBody {
 public:
  explicit SpooledBody(Spool& spool) noexcept : spool_(spool) {}
  SpooledBody(const SpooledBody&) = delete;
  SpooledBody& operator=(const SpooledBody&) = delete;
  ~SpooledBody();

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool on_disk() const noexcept { return file_ >= 0; }

 private:
  friend class Spool;
  friend class SpoolReader;
  // Fails as Spool::collect() does.
  [[nodiscard]] Result<> append(ByteView data);
  [[nodiscard]] Result<> move_to_disk();
  [[nodiscard]] Result<> write_to_disk(ByteView data);
  [[nodiscard]] Result<Bytes> read_at(std::uint64_t offset, std::size_t max) const;

  Spool& spool_;
  Bytes memory_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

// Reads a spooled body from its start. Never waits.
class SpoolReader final : public BodySource {
 public:
  explicit SpoolReader(std::shared_ptr<const SpooledBody> body) : body_(std::move(body)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override;
  void stop(Failure why) noexcept override;

 private:
  std::shared_ptr<const SpooledBody> body_;
  std::uint64_t at_ = 0;
};

// Collects request bodies before they are sent: the scanner gives an upload ten seconds, whatever
// the client's pace. The only place that collects. One worker's; files are made in
// limits.directory, readable by nobody else and without a name, and are gone with the process.
class Spool {
 public:
  explicit Spool(SpoolLimits limits) : limits_(std::move(limits)) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Reads `body` to its end, through a decoder if `coding` is not Identity. `declared` is its
  // Content-Length, if any: a body that says it is too large is refused before it is read. Trailers
  // are dropped: nothing scans them. Failures: BodyTooLarge, Overloaded (all bodies together), the
  // decoder's, Internal (reason "spool_no_space" if the disk is full, "spool_failed"), ClientBad if
  // the body is not as long as declared, the body's own. The body is stopped then.
  awaitable<Result<std::shared_ptr<const SpooledBody>>> collect(
      BodySource& body, std::optional<std::uint64_t> declared, Coding coding,
      DecodeLimits decode = {});

  [[nodiscard]] std::uint64_t held() const noexcept { return held_; }

 private:
  friend class SpooledBody;
  SpoolLimits limits_;
  std::uint64_t held_ = 0;
};

}  // namespace bottle
