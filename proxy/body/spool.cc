#include "proxy/body/spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

Failure disk_failure(const char* what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  std::string detail = std::string("the request's body could not be ") + what +
                       " the spool directory: " + std::strerror(error);
  // A full disk is no error of ours, and passes.
  return Failure{full ? Code::Overloaded : Code::Internal, std::move(detail),
                 full ? problem_code::kSpoolNoSpace : problem_code::kSpoolFailed,
                 full ? "The proxy's disk is full; free some space in its spool directory."
                      : "Check the proxy's spool directory: it must exist and be writable."};
}

// A file that has no name, or none any more.
int open_unnamed(const std::filesystem::path& directory) {
  const int file = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = (directory / "bottle-spool-XXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);  // mode 0600
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

// ---- SpooledBody -------------------------------------------------------------------------------

SpooledBody::SpooledBody(Spool& spool, Party party, std::shared_ptr<MemoryAccount> account)
    : spool_(spool), held_(account != nullptr ? std::move(account) : std::shared_ptr(spool.own_)) {
  const std::lock_guard lock(spool.lock_);
  room_ = Shares::Part(spool.room_, party);
}

SpooledBody::~SpooledBody() {
  if (file_ >= 0) ::close(file_);
  const std::lock_guard lock(spool_.lock_);
  room_ = Shares::Part();
}

Result<> SpooledBody::append(ByteView data) {
  const SpoolLimits& limits = spool_.limits_;
  if (data.size() > limits.body_bytes - size_) {
    return Failure{Code::BodyTooLarge, "the request's body is larger than " +
                                           std::to_string(limits.body_bytes) +
                                           " bytes, the most that can be scanned"};
  }
  if (!take_room(data.size())) {
    return Failure{Code::Overloaded, "too many request bodies are being collected",
                   problem_code::kSpoolFull};
  }
  // Without memory for it a small body is kept on the disk, too.
  const bool fits =
      memory_.size() + data.size() <= limits.memory_bytes && held_.has_room(data.size());
  if (file_ < 0 && !fits) {
    const auto moved = move_to_disk();
    if (!moved) return moved;
  }
  if (file_ >= 0) {
    const auto written = write_to_disk(data);
    if (!written) return written;
  } else {
    memory_.append(data);
    held_.set(memory_.capacity());
  }
  size_ += data.size();
  return {};
}

// Room for bytes that then cannot be kept is given back with the body.
bool SpooledBody::take_room(std::size_t size) {
  const std::lock_guard lock(spool_.lock_);
  if (!room_.has_room(size)) return false;
  room_.take(size);
  return true;
}

Result<> SpooledBody::move_to_disk() {
  file_ = open_unnamed(spool_.limits_.directory);
  if (file_ < 0) return disk_failure("opened in", errno);
  const auto written = write_to_disk(memory_);
  if (!written) {
    // The memory stays readable.
    ::close(std::exchange(file_, -1));
    return written;
  }
  free_bytes(memory_);
  held_.set(0);
  return {};
}

// To the page cache: a turn of the loop is not held up by the disk itself.
Result<> SpooledBody::write_to_disk(ByteView data) {
  while (!data.empty()) {
    const ssize_t n = ::write(file_, data.data(), data.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_failure("written to", errno);
    data.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<Bytes> SpooledBody::read_at(std::uint64_t offset, std::size_t max) const {
  const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(max, size_ - offset));
  if (file_ < 0) return memory_.substr(static_cast<std::size_t>(offset), n);
  Bytes out(n, '\0');
  std::size_t got = 0;
  while (got < n) {
    const ssize_t r = ::pread(file_, out.data() + got, n - got, static_cast<off_t>(offset + got));
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) return disk_failure("read from", r < 0 ? errno : EIO);
    got += static_cast<std::size_t>(r);
  }
  return out;
}

// ---- SpooledText -------------------------------------------------------------------------------

Result<SpooledText> SpooledText::of(std::shared_ptr<const SpooledBody> body) {
  SpooledText text(std::move(body));
  const SpooledBody& spooled = *text.body_;
  if (!spooled.on_disk()) {
    text.text_ = spooled.memory_;
    return text;
  }
  // The file has no name and is complete: it cannot become shorter under the map.
  const auto size = static_cast<std::size_t>(spooled.size());
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, spooled.file_, 0);
  if (mapped == MAP_FAILED) return disk_failure("mapped from", errno);
  text.mapped_ = mapped;
  text.text_ = ByteView(static_cast<const char*>(mapped), size);
  return text;
}

SpooledText::SpooledText(SpooledText&& other) noexcept
    : body_(std::move(other.body_)),
      text_(std::exchange(other.text_, {})),
      mapped_(std::exchange(other.mapped_, nullptr)) {}

SpooledText::~SpooledText() {
  if (mapped_ != nullptr) ::munmap(mapped_, text_.size());
}

// ---- SpoolReader -------------------------------------------------------------------------------

awaitable<Result<Chunk>> SpoolReader::read(std::size_t max) {
  auto data = body_->read_at(at_, max);
  if (!data) co_return data.error();
  at_ += data->size();
  Chunk chunk;
  chunk.data = std::move(*data);
  chunk.end = at_ == body_->size();
  if (!chunk.end) co_return chunk;
  chunk.trailers = std::move(trailers_);
  body_.reset();
  co_return chunk;
}

void SpoolReader::stop(Failure) noexcept { body_.reset(); }

// ---- Spool -------------------------------------------------------------------------------------

namespace {

// Appends a piece through the decoder.
template <class Append>
Result<> decode_into(ContentDecoder& decoder, ByteView in, ByteSpan room, Append append) {
  bool full = false;
  while (!in.empty() || full) {
    const auto step = decoder.decode(in, room);
    if (!step) return step.error();
    in.remove_prefix(step->consumed);
    full = step->produced == room.size();
    const auto appended = append(ByteView(room.data(), step->produced));
    if (!appended) return appended;
    // Without input that is only the answer to "was there more behind the full room?".
    if (!in.empty() && step->consumed == 0 && step->produced == 0) {
      return Failure{Code::Internal, "the content decoder made no progress"};
    }
  }
  return {};
}

// A body that keeps to the least rate could hold its place for hours.
Failure too_late(std::chrono::milliseconds after) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(after).count();
  return {Code::ClientSlow,
          "the request's body has to be scanned as a whole, and was not here after " +
              std::to_string(seconds) + " s"};
}

}  // namespace

awaitable<Result<std::shared_ptr<const SpooledBody>>> Spool::collect(
    BodySource& body, std::optional<std::uint64_t> declared, Codings codings, DecodeLimits decode,
    std::shared_ptr<SpooledBody> coded, Party party, std::shared_ptr<MemoryAccount> account) {
  if (declared && *declared > limits_.body_bytes) {
    Failure failure{Code::BodyTooLarge, "the request's body is " + std::to_string(*declared) +
                                            " bytes long, more than the " +
                                            std::to_string(limits_.body_bytes) +
                                            " that can be scanned"};
    body.stop(failure);
    co_return failure;
  }
  auto spooled = std::make_shared<SpooledBody>(*this, party, std::move(account));
  std::unique_ptr<ContentDecoder> decoder;
  if (!codings.empty()) decoder = ContentDecoder::make(codings, decode, space_);
  const auto append = [&spooled](ByteView data) { return spooled->append(data); };
  std::uint64_t received = 0;
  const auto until = std::chrono::steady_clock::now() + limits_.body_time;
  for (;;) {
    auto chunk = co_await body.read(kPiece);
    if (!chunk) co_return chunk.error();
    if (!chunk->end && std::chrono::steady_clock::now() >= until) {
      const Failure failure = too_late(limits_.body_time);
      body.stop(failure);
      co_return failure;
    }
    received += chunk->data.size();
    Result<> kept;
    if (decoder && received > limits_.body_bytes) {
      kept = Failure{Code::BodyTooLarge, "the request's coded body is too large to be scanned"};
    } else if (decoder) {
      kept = decode_into(*decoder, chunk->data, space_.room(), append);
      if (kept && chunk->end) kept = decoder->finish();
    } else {
      kept = append(chunk->data);
    }
    if (kept && coded) kept = coded->append(chunk->data);
    if (!kept) {
      if (!chunk->end) body.stop(kept.error());
      co_return kept.error();
    }
    if (chunk->end) break;
  }
  if (declared && received != *declared) {
    co_return Failure{Code::ClientBad, "the request's body has another length than it says",
                      problem_code::kBadFraming};
  }
  std::shared_ptr<const SpooledBody> done = std::move(spooled);
  co_return done;
}

}  // namespace bottle
