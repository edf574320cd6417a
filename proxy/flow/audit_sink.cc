#include "proxy/flow/audit_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "proxy/base/keep_trying.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/flow/quiet_thread.h"

namespace bottle {
namespace {

using Time = AuditFold::TimePoint;

Time now() { return std::chrono::steady_clock::now(); }

Error unusable(const std::string& path, int error) {
  return Error{ExitCode::kFiles,
               "audit file \"" + path + "\" cannot be opened: " + std::strerror(error) +
                   "; give a file in a directory that exists and may be written",
               ""};
}

std::size_t index_of(AuditPart part) { return static_cast<std::size_t>(part); }

// For poll(): -1 is for ever.
int milliseconds_until(std::optional<Time> time) {
  if (!time) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*time - now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

std::optional<Time> earlier(std::optional<Time> a, std::optional<Time> b) {
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

}  // namespace

Failure audit_unwritable() {
  return Failure(Code::Overloaded, "the audit log cannot be written",
                 problem_code::kAuditUnwritable,
                 "Requests without an audit line are not sent; free space for the audit log.");
}

AuditSink::AuditSink() : wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Expected<std::unique_ptr<AuditSink>> AuditSink::open(const std::string& path,
                                                     std::uint64_t most_bytes, SyncFunction sync,
                                                     std::unique_ptr<AuditCopy> copy) {
  std::unique_ptr<AuditSink> sink(new AuditSink());
  sink->copy_ = std::move(copy);
  if (path.empty()) return sink;
  struct stat status{};
  const bool there = ::stat(path.c_str(), &status) == 0;
  if (path == "-") {
    sink->stream_ = AuditStream::to_stderr();
  } else if (there && !S_ISREG(status.st_mode)) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return unusable(path, errno);
    sink->stream_ = AuditStream::of(fd);
  } else {
    const auto names = audit_files(path);
    for (std::size_t part = 0; part < kAuditParts; ++part) {
      auto file =
          AuditFile::open(names[part], static_cast<AuditPart>(part), most_bytes, sink->copy_.get());
      if (!file) return file.error();
      sink->files_[part] = std::move(*file);
    }
  }
  try {
    sink->start(sync);
  } catch (const std::system_error& error) {
    return Error{ExitCode::kFiles, std::string("no thread for the audit log: ") + error.what(), ""};
  }
  return sink;
}

AuditSink::~AuditSink() {
  close();
  if (wake_ >= 0) ::close(wake_);
}

// ---- records -----------------------------------------------------------------------------------

void AuditSink::write(const AuditRecord& record) noexcept {
  if (off()) return;
  const std::lock_guard lock(mutex_);
  write_now_or(When::Now, record);
}

bool AuditSink::write_soon(const AuditRecord& record) noexcept {
  if (off()) return false;
  const std::lock_guard lock(mutex_);
  write_now_or(When::Soon, record);
  const AuditFile* const file = exchanges();
  return file != nullptr && file->waits();
}

void AuditSink::write_now_or(When when, const AuditRecord& record) noexcept {
  try {
    const AuditPart part = part_of(record);
    fold_or_put(record, part, when);
    if (is_late_finding(record)) fold_or_put(record, AuditPart::Findings, when);
  } catch (...) {  // out of memory: nothing can be told but this
    note_lost(record.count);
  }
}

void AuditSink::flush() noexcept {
  if (off()) return;
  const std::lock_guard lock(mutex_);
  flush_file();
}

AuditFile* AuditSink::exchanges() const noexcept {
  return files_[index_of(AuditPart::Exchanges)].get();
}

// Lines that wait are counted as written until it shows that they are not.
void AuditSink::flush_file() noexcept {
  AuditFile* const file = exchanges();
  if (file == nullptr || !file->waits()) return;
  const bool well = file->flush();
  note_waiting_lost();
  if (well) healthy_.store(true);
}

void AuditSink::note_waiting_lost() noexcept {
  const std::uint64_t lost = exchanges()->take_lost();
  if (lost == 0) return;
  written_.fetch_sub(lost);
  note_lost(lost);
}

void AuditSink::miss_line() noexcept {
  if (off()) return;
  const std::lock_guard lock(mutex_);
  note_lost(1);
}

bool AuditSink::begin(const AuditRecord& record) noexcept {
  if (off()) return true;
  const std::lock_guard lock(mutex_);
  try {
    // An exchange that is refused for this reason is not missing from the log.
    const bool done = (!stream_ || stream_->has_room()) && put(record, AuditPart::Exchanges);
    if (!done) healthy_.store(false);
    return done;
  } catch (...) {
    healthy_.store(false);
    return false;
  }
}

void AuditSink::fold_or_put(const AuditRecord& record, AuditPart part, When when) {
  if (part != AuditPart::Exchanges) {
    AuditFold& fold = part == AuditPart::Findings ? findings_ : refusals_;
    if (!fold.add(record, now())) {
      if (no_timer_) wake();  // it has to be told in time
      return;
    }
  }
  if (!put(record, part, when)) note_lost(record.count);
}

bool AuditSink::put(const AuditRecord& record, AuditPart part, When when) {
  std::string line;
  const bool made = try_for_a_while([&] { line = audit_line(record, part); });
  if (!made || !append(line, part, when)) return false;
  written_.fetch_add(1);
  if (stream_ && stream_->waits() && no_watch_) wake();
  const AuditFile* const file = exchanges();
  if (when == When::Soon && file != nullptr && file->waits()) return true;
  healthy_.store(!stream_ || stream_->has_room());
  try {
    if (untold_ > 0) tell_lost();
  } catch (const std::bad_alloc&) {
    // The next line tells it.
  }
  return true;
}

bool AuditSink::append(const std::string& line, AuditPart part, When when) {
  if (!stream_) {
    AuditFile& file = *files_[index_of(part)];
    const bool later = when == When::Soon && part == AuditPart::Exchanges;
    const bool done = later ? file.put_later(line) : file.put(line);
    if (part == AuditPart::Exchanges) note_waiting_lost();
    if (done && sync_) sync_->lines_came();
    return done;
  }
  ChainLink& chain = stream_chains_[index_of(part)];
  ChainedLine chained = chain_line(line, chain, chain.line == 0, &audit_sha256);
  if (!stream_->put(chained.text)) return false;
  chain = chained.link;
  if (copy_) copy_->put(chained.text, part);
  return true;
}

void AuditSink::note_uncopied(std::uint64_t lines) noexcept try {
  spdlog::warn("{} lines of the audit log could not be copied (--audit-copy); the log has them",
               lines);
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.kind = AuditKind::LostCopies;
  record.by = DecidedBy::Proxy;
  record.detail = "lines of the audit log that could not be copied";
  record.count = lines;
  const std::lock_guard lock(mutex_);
  if (!put(record, AuditPart::Exchanges)) note_lost(1);
} catch (...) {  // out of memory: the log itself is whole
}

// Without it, lines that were cut off the end of the log would not be missed. If it cannot be
// written, the log says so by lacking it.
void AuditSink::put_end() noexcept try {
  if (std::exchange(ended_, true)) return;
  std::array<ChainLink, kAuditParts> ends = stream_chains_;
  for (std::size_t part = 0; !stream_ && part < kAuditParts; ++part) {
    ends[part] = files_[part]->chain();
  }
  append(audit_end_line(std::chrono::system_clock::now(), ends), AuditPart::Exchanges);
} catch (...) {  // out of memory
}

void AuditSink::note_lost(std::uint64_t lines) noexcept {
  if (lines == 0) return;
  healthy_.store(false);
  lost_.fetch_add(lines);
  untold_ += lines;
}

void AuditSink::tell_lost() {
  AuditRecord record;
  record.time = std::chrono::system_clock::now();
  record.kind = AuditKind::LostLines;
  record.verdict = Verdict::Failed;
  record.by = DecidedBy::Proxy;
  record.reason = problem_code::kAuditUnwritable;
  record.detail = "lines of the audit log that could not be written";
  record.count = untold_;
  if (append(audit_line(record), AuditPart::Exchanges)) untold_ = 0;
}

void AuditSink::put_counted(bool all) {
  const std::pair<AuditFold*, AuditPart> folds[] = {{&findings_, AuditPart::Findings},
                                                    {&refusals_, AuditPart::Refusals}};
  for (const auto& [fold, part] : folds) {
    for (const AuditRecord& record : all ? fold->rest() : fold->due(now())) {
      if (!put(record, part)) note_lost(record.count);
    }
  }
}

// ---- health ------------------------------------------------------------------------------------

bool AuditSink::probe() noexcept {
  if (off() || healthy()) return true;
  const std::lock_guard lock(mutex_);
  bool well = true;
  if (stream_) {
    pump();
    well = stream_->probe();
  } else {
    for (const auto& file : files_) well = file->probe() && well;
  }
  healthy_.store(well);
  return well;
}

bool AuditSink::healthy() const noexcept { return healthy_.load(); }
std::uint64_t AuditSink::written() const noexcept { return written_.load(); }
std::uint64_t AuditSink::lost() const noexcept { return lost_.load(); }

// ---- the thread --------------------------------------------------------------------------------

void AuditSink::start(SyncFunction sync) {
  if (!stream_) {
    sync_ = std::make_unique<AuditSync>([this] { return take_unsynced(); },
                                        [this](bool done) { note_synced(done); }, sync);
  }
  if (copy_) copy_->start([this](std::uint64_t lines) { note_uncopied(lines); });
  thread_ = quiet_thread([this] { run(); });
}

void AuditSink::wake() noexcept {
  no_timer_ = false;
  no_watch_ = false;
  const std::uint64_t one = 1;
  const ssize_t told = ::write(wake_, &one, sizeof one);
  static_cast<void>(told);  // it is only full when the thread is about to wake
}

std::vector<Fd> AuditSink::take_unsynced() {
  const std::lock_guard lock(mutex_);
  flush_file();
  taken_ = written_.load();
  std::vector<Fd> out;
  for (const auto& file : files_) {
    for (Fd& fd : file->take_unsynced()) out.push_back(std::move(fd));
  }
  return out;
}

void AuditSink::note_synced(bool done) {
  const std::lock_guard lock(mutex_);
  // The system does not say which of them the disk lacks, and does not try them again.
  if (!done) {
    spdlog::warn("the disk did not take lines of the audit log; they may be missing after a crash");
    note_lost(std::max<std::uint64_t>(1, taken_ - synced_));
  }
  synced_ = taken_;
}

void AuditSink::pump() noexcept {
  const std::uint64_t gone = stream_->pump();
  note_lost(gone);
  if (!stream_->waits() && gone == 0) healthy_.store(stream_->has_room());
}

// Whether the end has begun.
bool AuditSink::put_due() noexcept {
  const std::lock_guard lock(mutex_);
  try {
    put_counted(stopping_);
  } catch (...) {
    note_lost(1);
  }
  return stopping_;
}

void AuditSink::warm_up() {
  static_cast<void>(audit_line(AuditRecord{}, AuditPart::Exchanges));
  static_cast<void>(audit_sha256({}, {}));
}

void AuditSink::run() {
  warm_up();
  std::optional<Time> end;
  for (;;) {
    pollfd fds[2] = {{wake_, POLLIN, 0}, {-1, POLLOUT, 0}};
    int timeout = -1;
    const bool stopping = put_due();
    // It tells what it could not deliver, and that has its place before the log's last line.
    if (stopping && copy_) copy_->stop();
    {
      const std::lock_guard lock(mutex_);
      if (stopping && !end) end = now() + kAuditLastWords;
      if (stopping) put_end();
      if (stream_) pump();
      const bool waits = stream_ && stream_->waits();
      if (stopping && (!waits || now() >= *end)) return;
      const auto counted = earlier(findings_.next(), refusals_.next());
      timeout = milliseconds_until(earlier(counted, end));
      if (waits) fds[1].fd = stream_->descriptor();
      no_timer_ = !counted;
      no_watch_ = !waits;
    }
    ::poll(fds, 2, timeout);
    std::uint64_t told = 0;
    while (::read(wake_, &told, sizeof told) > 0) {
    }
  }
}

bool AuditSink::close() noexcept {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      wake();
    }
    thread_.join();
    const std::lock_guard lock(mutex_);
    if (stream_) note_lost(stream_->give_up());
  }
  if (sync_) sync_->stop();
  return lost() == 0;
}

}  // namespace bottle
