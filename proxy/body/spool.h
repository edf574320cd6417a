#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/bytes.h"
#include "proxy/base/memory_account.h"
#include "proxy/base/result.h"
#include "proxy/base/shares.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/spool_limits.h"
#include "proxy/http/body.h"

namespace bottle {

class Spool;

// A request body that is here as a whole, in memory or in a file without a name. Can be read any
// number of times. Shared by its readers and by the owner that may have to send it again; the last
// one frees it, on any thread. The spool outlives it.
class SpooledBody {
 public:
  // It counts among those of `party`; the part of it that is in memory, to `account`.
  explicit SpooledBody(Spool& spool, Party party = {},
                       std::shared_ptr<MemoryAccount> account = nullptr);
  SpooledBody(const SpooledBody&) = delete;
  SpooledBody& operator=(const SpooledBody&) = delete;
  ~SpooledBody();

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  [[nodiscard]] bool on_disk() const noexcept { return file_ >= 0; }
  [[nodiscard]] const Party& party() const noexcept { return room_.party(); }

 private:
  friend class Spool;
  friend class SpoolReader;
  friend class SpoolWriter;
  friend class SpooledText;
  // Fails as Spool::collect() does.
  [[nodiscard]] Result<> append(ByteView data);
  [[nodiscard]] bool take_room(std::size_t size);
  [[nodiscard]] Result<> move_to_disk();
  [[nodiscard]] Result<> write_to_disk(ByteView data);
  [[nodiscard]] Result<Bytes> read_at(std::uint64_t offset, std::size_t max) const;

  Spool& spool_;
  Shares::Part room_;  // under the spool's lock
  Bytes memory_;
  MemoryHold held_;
  int file_ = -1;
  std::uint64_t size_ = 0;
};

// A spooled body in one piece: its memory, or its file mapped. Holds the body.
class SpooledText {
 public:
  // Fails with Internal ("spool_failed") if the file cannot be mapped.
  [[nodiscard]] static Result<SpooledText> of(std::shared_ptr<const SpooledBody> body);
  SpooledText(SpooledText&& other) noexcept;
  SpooledText& operator=(SpooledText&&) = delete;
  ~SpooledText();
  [[nodiscard]] ByteView view() const noexcept { return text_; }

 private:
  explicit SpooledText(std::shared_ptr<const SpooledBody> body) : body_(std::move(body)) {}

  std::shared_ptr<const SpooledBody> body_;
  ByteView text_;
  void* mapped_ = nullptr;
};

// Writes a body that the proxy makes itself. `spool` outlives it and the body.
class SpoolWriter {
 public:
  explicit SpoolWriter(Spool& spool, Party party = {})
      : body_(std::make_shared<SpooledBody>(spool, party)) {}
  // Failures: Spool::collect()'s for a body that is too large or cannot be kept.
  [[nodiscard]] Result<> append(ByteView data) { return body_->append(data); }
  [[nodiscard]] std::shared_ptr<const SpooledBody> finish() { return std::move(body_); }

 private:
  std::shared_ptr<SpooledBody> body_;
};

// Reads a spooled body from its start. Never waits.
class SpoolReader final : public BodySource {
 public:
  // `trailers` come with its end.
  explicit SpoolReader(std::shared_ptr<const SpooledBody> body, std::optional<Fields> trailers = {})
      : body_(std::move(body)), trailers_(std::move(trailers)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override;
  void stop(Failure why) noexcept override;

 private:
  std::shared_ptr<const SpooledBody> body_;
  std::optional<Fields> trailers_;
  std::uint64_t at_ = 0;
};

// Collects request bodies before they are sent: the scanner gives an upload ten seconds, whatever
// the client's pace. The only place that collects. One worker's; files are made in
// limits.directory, without a name and readable by no other user, and are gone with the process.
class Spool {
 public:
  // `decode`, which its decoders share with others, outlives it. Bodies that no account is given
  // for are counted to `own`; null: they are not.
  Spool(SpoolLimits limits, DecodeSpace& decode, std::shared_ptr<MemoryAccount> own = nullptr)
      : limits_(std::move(limits)),
        space_(decode),
        room_(limits_.total_bytes, 1),
        own_(std::move(own)) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Reads `body` to its end, through a decoder if there are `codings`; `coded`, if given, takes it
  // as it came. `declared` is its
  // Content-Length, if any: a body that says it is too large is refused before it is read. Trailers
  // are dropped: nothing scans them. A client, and a destination, may hold as much as it leaves.
  // Failures: BodyTooLarge, Overloaded (all bodies together, or its share, or the disk is full:
  // "spool_no_space"), the decoder's, Internal (reason "spool_failed"), ClientBad if the body is
  // not as long as declared, the body's own. The body is stopped then.
  awaitable<Result<std::shared_ptr<const SpooledBody>>> collect(
      BodySource& body, std::optional<std::uint64_t> declared, Codings codings,
      DecodeLimits decode = {}, std::shared_ptr<SpooledBody> coded = nullptr, Party party = {},
      std::shared_ptr<MemoryAccount> account = nullptr);

  [[nodiscard]] std::uint64_t held() const {
    const std::lock_guard lock(lock_);
    return room_.taken();
  }

 private:
  friend class SpooledBody;
  SpoolLimits limits_;
  DecodeSpace& space_;
  mutable std::mutex lock_;  // the exit, on another thread, may be a body's last reader
  Shares room_;
  const std::shared_ptr<MemoryAccount> own_;
};

}  // namespace bottle
