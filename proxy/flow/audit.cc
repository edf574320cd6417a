#include "proxy/flow/audit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

namespace bottle {
namespace {

// Longest text of a field, in bytes as given. A byte becomes at most six ("\u00ff"), so that a
// line stays below kMaxAuditLine: 6 * (512 + 2 * 256 + 256 + 9 * 64) plus names and numbers.
constexpr std::size_t kMaxTarget = 512;
constexpr std::size_t kMaxHost = 256;
constexpr std::size_t kMaxDetail = 256;
constexpr std::size_t kMaxWord = 64;
constexpr std::string_view kCut = "...";

std::string_view to_string(AuditKind kind) {
  switch (kind) {
    case AuditKind::Exchange:
      return "exchange";
    case AuditKind::RefusedConnection:
      return "refused_connection";
    case AuditKind::RefusedAtExit:
      return "refused_at_exit";
    case AuditKind::RefusedName:
      return "refused_name";
  }
  return "exchange";
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Allowed:
      return "allowed";
    case Verdict::Refused:
      return "refused";
    case Verdict::Failed:
      return "failed";
    case Verdict::Cut:
      return "cut";
  }
  return "failed";
}

std::string_view to_string(DecidedBy by) {
  switch (by) {
    case DecidedBy::Nobody:
      return {};
    case DecidedBy::Policy:
      return "policy";
    case DecidedBy::Guard:
      return "guard";
    case DecidedBy::Pipelock:
      return "pipelock";
    case DecidedBy::Proxy:
      return "proxy";
    case DecidedBy::Exit:
      return "exit";
    case DecidedBy::Origin:
      return "origin";
    case DecidedBy::Client:
      return "client";
  }
  return "proxy";
}

// Length of the well-formed UTF-8 sequence at the front (RFC 3629), 0 if there is none.
std::size_t utf8_size(std::string_view text) {
  const auto at = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  const std::size_t size = first < 0x80                     ? 1
                           : first >= 0xc2 && first <= 0xdf ? 2
                           : first >= 0xe0 && first <= 0xef ? 3
                           : first >= 0xf0 && first <= 0xf4 ? 4
                                                            : 0;
  if (size == 0 || size > text.size()) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && at(1) < 0xa0) || (first == 0xf0 && at(1) < 0x90);
  const bool surrogate = first == 0xed && at(1) > 0x9f;
  const bool too_high = first == 0xf4 && at(1) > 0x8f;
  return overlong || surrogate || too_high ? 0 : size;
}

void append_unicode_escape(unsigned char byte, std::string& out) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned>(byte));
  out += buffer;
}

// A JSON string. Control characters, DEL, bytes that are no UTF-8, and the two line separators that
// some log viewers take for a line's end are escaped: one record is one line for every reader.
void append_string(std::string_view text, std::size_t max, std::string& out) {
  const bool cut = text.size() > max;
  if (cut) text = text.substr(0, max - kCut.size());
  out += '"';
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    const std::size_t size = utf8_size(text);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text.front();
    } else if (byte < 0x20 || byte == 0x7f || size == 0) {
      append_unicode_escape(byte, out);
    } else if (size == 2 && byte == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      append_unicode_escape(static_cast<unsigned char>(text[1]), out);  // C1 controls, NEL
    } else if (text.starts_with("\xe2\x80\xa8")) {
      out += "\\u2028";
    } else if (text.starts_with("\xe2\x80\xa9")) {
      out += "\\u2029";
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  if (cut) out += kCut;
  out += '"';
}

class Line {
 public:
  void string(std::string_view name, std::string_view text, std::size_t max = kMaxWord) {
    key(name);
    append_string(text, max, out_);
  }
  void string_or_null(std::string_view name, std::string_view text, std::size_t max = kMaxWord) {
    key(name);
    if (text.empty()) {
      out_ += "null";
    } else {
      append_string(text, max, out_);
    }
  }
  void raw(std::string_view name, std::string_view json) {
    key(name);
    out_ += json;
  }
  template <class Number>
  void number(std::string_view name, Number value) {
    raw(name, std::to_string(value));
  }
  std::string end() && {
    out_ += "}\n";
    return std::move(out_);
  }

 private:
  void key(std::string_view name) {
    out_ += out_.empty() ? "{\"" : ",\"";
    out_ += name;
    out_ += "\":";
  }
  std::string out_;
};

// RFC 3339, UTC, milliseconds.
std::string timestamp(std::chrono::system_clock::time_point time) {
  using std::chrono::milliseconds;
  const auto ms = std::chrono::floor<milliseconds>(time.time_since_epoch());
  const auto seconds = std::chrono::floor<std::chrono::seconds>(ms);
  const std::time_t whole = static_cast<std::time_t>(seconds.count());
  std::tm utc{};
  char buffer[64];
  if (gmtime_r(&whole, &utc) == nullptr) return "1970-01-01T00:00:00.000Z";
  const std::size_t size = std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(buffer + size, sizeof buffer - size, ".%03dZ",
                static_cast<int>((ms - seconds).count()));
  return buffer;
}

}  // namespace

std::string path_without_values(std::string_view target) {
  target = target.substr(0, target.find('#'));
  // No path: a URL that was refused. Its host has a place of its own in the line, and what may be a
  // password in front of it has none.
  if (!target.starts_with('/') && target != "*") {
    const std::size_t scheme = target.find("://");
    const std::size_t path = target.find_first_of("/?", scheme == target.npos ? 0 : scheme + 3);
    const bool none = path == target.npos || target.find('@') != target.npos;
    target = none ? std::string_view() : target.substr(path);
  }
  const std::size_t question = target.find('?');
  std::string out(target.substr(0, question));
  if (question == std::string_view::npos) return out;
  std::string_view query = target.substr(question + 1);
  out += '?';
  for (;;) {
    const std::size_t end = query.find_first_of("&;");
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos) {
      out += pair.substr(0, equals);
      out += "=*";
    } else if (!pair.empty()) {
      out += '*';  // without "=" it may be a value as well as a key
    }
    if (end == std::string_view::npos) return out;
    out += '&';
    query.remove_prefix(end + 1);
  }
}

std::string audit_line(const AuditRecord& record) {
  Line line;
  line.string("time", timestamp(record.time));
  line.string("id", record.id);
  line.string("kind", to_string(record.kind));
  line.string_or_null("route", record.route);
  line.string_or_null("client_protocol", record.client_protocol);
  line.string_or_null("upstream_protocol", record.upstream_protocol);
  line.string_or_null("method", record.method);
  line.string_or_null("host", record.host, kMaxHost);
  if (record.port == 0) {
    line.raw("port", "null");
  } else {
    line.number("port", record.port);
  }
  line.string_or_null(
      "path",
      record.target_has_secret ? std::string("[redacted]") : path_without_values(record.target),
      kMaxTarget);
  line.number("status", record.status);
  line.number("bytes_in", record.bytes_in);
  line.number("bytes_out", record.bytes_out);
  if (record.ttfb) {
    line.number("ttfb_ms", record.ttfb->count());
  } else {
    line.raw("ttfb_ms", "null");
  }
  line.number("total_ms", record.total.count());
  line.string("verdict", to_string(record.verdict));
  line.string_or_null("reason", record.reason);
  line.string_or_null("detail", record.detail, kMaxDetail);
  line.string_or_null("by", to_string(record.by));
  line.raw("scanned", record.scanned_request_body
                          ? (record.scanned_response_body ? R"(["request_body","response_body"])"
                                                          : R"(["request_body"])")
                          : (record.scanned_response_body ? R"(["response_body"])" : "[]"));
  if (record.request_body_changed) line.raw("changed", R"(["request_body"])");
  return std::move(line).end();
}

Result<std::unique_ptr<AuditSink>> AuditSink::open(const std::string& path,
                                                   std::uint64_t most_bytes) {
  if (path.empty()) return std::unique_ptr<AuditSink>(new AuditSink(-1, false));
  if (path == "-") return std::unique_ptr<AuditSink>(new AuditSink(STDERR_FILENO, false));
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
  if (fd < 0) {
    const int error = errno;
    return Failure{Code::Internal,
                   "audit file \"" + path + "\" cannot be opened: " + std::strerror(error) +
                       "; give a file in a directory that exists and may be written"};
  }
  std::unique_ptr<AuditSink> sink(new AuditSink(fd, true));
  struct stat status{};
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    sink->path_ = path;
    sink->most_bytes_ = most_bytes;
    sink->size_ = static_cast<std::uint64_t>(status.st_size);
  }
  return sink;
}

AuditSink::~AuditSink() {
  if (owned_) ::close(fd_);
}

void AuditSink::write(const AuditRecord& record) noexcept {
  if (fd_ < 0) return;
  try {
    put(audit_line(record));
  } catch (...) {  // out of memory: nothing can be told but this
    healthy_.store(false);
    lost_.fetch_add(1);
  }
}

void AuditSink::put(std::string_view line) noexcept {
  const std::lock_guard lock(mutex_);
  if (!path_.empty() && size_ + line.size() > most_bytes_ && size_ > 0 && !rotate()) {
    healthy_.store(false);
    lost_.fetch_add(1);
    return;
  }
  // A line torn by a full disk is ended first, so that it spoils only itself.
  if (torn_ && !write_all("\n")) {
    healthy_.store(false);
    lost_.fetch_add(1);
    return;
  }
  torn_ = false;
  if (write_all(line)) {
    healthy_.store(true);
    written_.fetch_add(1);
  } else {
    healthy_.store(false);
    lost_.fetch_add(1);
  }
}

// The descriptor's number stays; what it names becomes a new file.
bool AuditSink::rotate() noexcept {
  try {
    for (int i = kAuditFiles - 1; i >= 1; --i) {
      const std::string from = i == 1 ? path_ : path_ + "." + std::to_string(i - 1);
      const std::string to = path_ + "." + std::to_string(i);
      if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) return false;
    }
  } catch (const std::bad_alloc&) {
    return false;
  }
  const int fd = ::open(path_.c_str(),
                        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool moved = ::dup3(fd, fd_, O_CLOEXEC) >= 0;
  ::close(fd);
  if (!moved) return false;
  size_ = 0;
  torn_ = false;
  return true;
}

// Leaves torn_ set if some of `bytes` got into the file and some did not.
bool AuditSink::write_all(std::string_view bytes) noexcept {
  bool started = false;
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      torn_ = torn_ || started;
      return false;
    }
    started = true;
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool AuditSink::probe() noexcept {
  if (fd_ < 0 || healthy()) return true;
  const std::lock_guard lock(mutex_);
  // An empty line: readers of JSON lines skip it, and it ends a torn one.
  if (write_all("\n")) {
    torn_ = false;
    healthy_.store(true);
  }
  return healthy_.load();
}

bool AuditSink::healthy() const noexcept { return healthy_.load(); }
std::uint64_t AuditSink::written() const noexcept { return written_.load(); }
std::uint64_t AuditSink::lost() const noexcept { return lost_.load(); }

}  // namespace bottle
