#include "launcher/command/logs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "launcher/plan.h"
#include "launcher/registry.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Colour = Style::Colour;

constexpr const char* kAuditName = "audit.jsonl";
constexpr std::size_t kMaxLine = 256 * 1024;  // longer ones are cut; no audit line is
constexpr int kRotated = 4;                   // FILE.1 to FILE.4, the last the oldest

std::string text_of(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end()) return {};
  if (found->is_string()) return printable(found->get<std::string>(), 400);
  if (found->is_number()) return found->dump();
  return {};
}

std::string amount(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_number()) return "0 B";
  const auto bytes = found->get<double>();
  std::array<char, 32> text{};
  if (bytes < 1024) {
    std::snprintf(text.data(), text.size(), "%.0f B", bytes);
  } else if (bytes < 1024.0 * 1024) {
    std::snprintf(text.data(), text.size(), "%.1f KiB", bytes / 1024);
  } else {
    std::snprintf(text.data(), text.size(), "%.1f MiB", bytes / 1024 / 1024);
  }
  return text.data();
}

// Hands on whole lines of a file that may grow.
class Lines {
 public:
  Lines(const LogsOptions& options, const Context& context)
      : options_(options), context_(context) {}

  // All of `file` as it is.
  void all_of(const fs::path& file) {
    open(file);
    read();
    close();
  }
  bool open(const fs::path& file) {
    fd_ = Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    return static_cast<bool>(fd_);
  }
  bool is_open() const { return static_cast<bool>(fd_); }
  // Whether `file` is another file than the open one: the log was rotated.
  bool replaced(const fs::path& file) const {
    struct stat mine{};
    struct stat other{};
    return fd_ && ::stat(file.c_str(), &other) == 0 && ::fstat(fd_.get(), &mine) == 0 &&
           (mine.st_ino != other.st_ino || mine.st_dev != other.st_dev);
  }
  // What is there now.
  void read() {
    std::array<char, 64 * 1024> chunk{};
    for (;;) {
      const auto got = fd_ ? ::read(fd_.get(), chunk.data(), chunk.size()) : 0;
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      for (const char c : std::string_view(chunk.data(), static_cast<std::size_t>(got))) {
        if (c == '\n') {
          print();
        } else if (line_.size() < kMaxLine) {
          line_ += c;
        }
      }
    }
    context_.out << std::flush;
  }
  void close() {
    if (!line_.empty()) print();
    fd_.reset();
  }

 private:
  void print() {
    const std::string text = options_.json ? line_ : audit_line_words(line_, context_.style);
    if (!text.empty()) context_.out << text << "\n";
    line_.clear();
  }

  const LogsOptions& options_;
  const Context& context_;
  Fd fd_;
  std::string line_;
};

struct Log {
  fs::path file;
  std::optional<BottleRecord> living{};
};

std::vector<std::pair<fs::file_time_type, fs::path>> kept_states(const fs::path& base) {
  std::vector<std::pair<fs::file_time_type, fs::path>> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(base, ec)) {
    if (entry.is_directory(ec)) out.emplace_back(entry.last_write_time(ec), entry.path());
  }
  std::sort(out.rbegin(), out.rend());
  return out;
}

std::string some_of(const std::vector<std::pair<fs::file_time_type, fs::path>>& states) {
  std::string out;
  for (std::size_t i = 0; i < states.size() && i < 10; ++i) {
    out += (i == 0 ? "" : ", ") + states[i].second.filename().string();
  }
  return out.empty() ? "there is none yet" : "the newest: " + out;
}

Result<Log> find_log(const LogsOptions& options, const Context& context) {
  const auto living = living_bottles(runtime_base(context.around));
  auto base = state_base(context.around);
  if (!base) return std::move(base.error());
  const auto states = kept_states(*base);
  if (!options.id) {
    if (living.size() == 1) return Log{living.front().audit, living.front()};
    if (living.size() > 1) {
      std::string ids;
      for (const auto& one : living) ids += (ids.empty() ? "" : ", ") + one.id;
      return Error{ExitCode::kUsage, "which bottle's log?", "running: " + ids};
    }
    if (states.empty()) {
      return Error{ExitCode::kUsage, "there is no log: no bottle was started yet",
                   "bottle start makes one"};
    }
    return Log{states.front().second / kAuditName};
  }
  std::vector<Log> matches;
  for (const auto& one : living) {
    if (one.id == *options.id) return Log{one.audit, one};
    if (one.id.starts_with(*options.id)) matches.push_back({one.audit, one});
  }
  for (const auto& [time, path] : states) {
    const auto name = path.filename().string();
    const bool runs = std::any_of(living.begin(), living.end(),
                                  [&name](const BottleRecord& one) { return one.id == name; });
    if (runs) continue;
    if (name == *options.id) return Log{path / kAuditName};
    if (!options.id->empty() && name.starts_with(*options.id)) {
      matches.push_back({path / kAuditName});
    }
  }
  if (matches.size() == 1) return std::move(matches.front());
  return Error{ExitCode::kUsage,
               matches.empty() ? "there is no log of a bottle \"" + printable(*options.id) + "\""
                               : "\"" + printable(*options.id) + "\" could be more than one bottle",
               some_of(states)};
}

// Until the bottle ends.
Result<void> follow(const Log& log, Lines& lines) {
  const Fd bottle = open_process(log.living->launcher);
  const Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // The directory's events tell of its files' too: of growth, of a new log, of rotation.
  if (!watch || ::inotify_add_watch(watch.get(), log.file.parent_path().c_str(),
                                    IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
    return system_error("cannot watch " + log.file.parent_path().string(), errno,
                        "without -f the log is shown as it is now");
  }
  for (;;) {
    // Once more after the end, since the last lines may have come with it.
    pollfd end{bottle.get(), POLLIN, 0};
    const bool ended = !bottle || ::poll(&end, 1, 0) > 0;
    lines.read();
    if (lines.replaced(log.file)) {
      lines.read();  // what came before it was moved away
      lines.close();
    }
    if (!lines.is_open() && lines.open(log.file)) continue;
    if (ended) return {};
    std::array<pollfd, 2> fds{pollfd{watch.get(), POLLIN, 0}, pollfd{bottle.get(), POLLIN, 0}};
    ::poll(fds.data(), fds.size(), -1);
    std::array<char, 4096> events{};
    while (::read(watch.get(), events.data(), events.size()) > 0) {
    }
  }
}

}  // namespace

std::string audit_line_words(std::string_view line, const Style& style) {
  const auto entry = nlohmann::json::parse(line, nullptr, false);
  if (!entry.is_object()) return {};
  const std::string verdict = text_of(entry, "verdict");
  const std::string time = text_of(entry, "time");
  std::string method = text_of(entry, "method");
  if (method.empty()) method = "-";
  std::string where = text_of(entry, "host");
  const std::string port = text_of(entry, "port");
  if (!port.empty() && port != "443") where += ":" + port;
  where += text_of(entry, "path");
  if (where.empty()) where = "(no host)";

  auto out = style.in(Colour::kFaint, time.substr(0, 19)) + "  ";
  const std::string word = verdict + std::string(verdict.size() < 8 ? 8 - verdict.size() : 0, ' ');
  const auto colour = verdict == "allowed"   ? Colour::kGreen
                      : verdict == "refused" ? Colour::kRed
                                             : Colour::kYellow;
  out += style.in(colour, word) + " " + text_of(entry, "status") + " " + method + " " + where;
  out += "  " + style.in(Colour::kFaint, amount(entry, "bytes_in") + " out, " +
                                             amount(entry, "bytes_out") + " in, " +
                                             text_of(entry, "total_ms") + " ms");
  const std::string reason = text_of(entry, "reason");
  if (!reason.empty()) {
    const std::string by = text_of(entry, "by");
    const std::string detail = text_of(entry, "detail");
    out += "  " + reason + (by.empty() ? "" : " by " + by) + (detail.empty() ? "" : ": " + detail);
  }
  return out;
}

Result<int> run_logs(const LogsOptions& options, const Context& context) {
  auto log = find_log(options, context);
  if (!log) return std::move(log.error());
  std::error_code ec;
  bool any = false;
  Lines lines(options, context);
  for (int n = kRotated; n > 0; --n) {
    const fs::path older = log->file.string() + "." + std::to_string(n);
    if (!fs::exists(older, ec)) continue;
    any = true;
    lines.all_of(older);
  }
  const bool there = lines.open(log->file);
  lines.read();
  if (options.follow && log->living) {
    if (auto followed = follow(*log, lines); !followed) return std::move(followed.error());
  } else if (!there && !any) {
    return Error{ExitCode::kUsage, "there is no audit log at " + log->file.string(),
                 "did the bottle start with --audit FILE? Then it is there"};
  }
  lines.close();
  return 0;
}

}  // namespace bottle::launcher
