#include "launcher/command/logs.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "launcher/command/audit_lines.h"
#include "launcher/command/verify_log.h"
#include "launcher/lifetime/registry.h"
#include "launcher/plan/home_folder.h"
#include "launcher/plan/plan.h"
#include "launcher/watch/audit_words.h"
#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Colour = Style::Colour;

constexpr const char* kAuditName = "audit.jsonl";
constexpr std::size_t kMostOpen = 10'000;  // exchanges whose end is waited for

using watch::amount_words;
using watch::is;
using watch::text_of;

double number_of(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  return found == entry.end() || !found->is_number() ? 0 : found->get<double>();
}

// Prints the lines of a log.
class Printer {
 public:
  Printer(const fs::path& log, const LogsOptions& options, const Context& context)
      : options_(options), context_(context), lines_(log) {}

  bool is_there() const { return lines_.is_there(); }
  // Reads what is there now.
  void read() {
    while (const std::string* line = lines_.peek()) {
      print(*line);
      lines_.take();
    }
    context_.out << std::flush;
  }
  bool renew() { return lines_.renew(); }
  // Also what began and has no end.
  void finish() {
    lines_.finish();
    read();
    for (const auto& [number, id] : open_ids_) context_.out << open_.at(id).second << "\n";
    context_.out << std::flush;
  }

 private:
  void print(const std::string& line) {
    if (options_.json) {
      if (!line.empty()) context_.out << line << "\n";
      return;
    }
    const std::string text = audit_line_words(line, context_.style);
    if (text.empty()) return;
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    const std::string id = text_of(entry, audit_key::kId);
    if (is(entry, audit_key::kKind, to_string(AuditKind::Begin)) && open_.size() < kMostOpen) {
      open_ids_.emplace(++begun_, id);
      open_[id] = {begun_, text};
      return;
    }
    if (const auto began = open_.find(id); began != open_.end()) {
      open_ids_.erase(began->second.first);
      open_.erase(began);
    }
    // The exchange has a line of its own.
    if (!entry.contains(audit_key::kBegun)) context_.out << text << "\n";
  }

  const LogsOptions& options_;
  const Context& context_;
  AuditLines lines_;
  std::uint64_t begun_ = 0;
  std::map<std::uint64_t, std::string> open_ids_;  // exchanges that began, by when
  std::map<std::string, std::pair<std::uint64_t, std::string>> open_;
};

struct Log {
  fs::path file;
  std::optional<BottleRecord> living{};
};

std::vector<std::pair<fs::file_time_type, fs::path>> kept_states(const fs::path& base) {
  std::vector<std::pair<fs::file_time_type, fs::path>> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(base, ec)) {
    if (entry.is_directory(ec) && entry.path().filename() != kHomesName)
      out.emplace_back(entry.last_write_time(ec), entry.path());
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

Expected<Log> find_log(const LogsOptions& options, const Context& context) {
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
Expected<void> follow(const Log& log, Printer& printer) {
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
    printer.read();
    if (printer.renew()) continue;
    if (ended) return {};
    std::array<pollfd, 2> fds{pollfd{watch.get(), POLLIN, 0}, pollfd{bottle.get(), POLLIN, 0}};
    ::poll(fds.data(), fds.size(), -1);
    std::array<char, 4096> events{};
    while (::read(watch.get(), events.data(), events.size()) > 0) {
    }
  }
}

// A change of the policy or of secrets.
std::string change_words(const nlohmann::json& entry, const Style& style) {
  const bool policy = is(entry, audit_key::kKind, to_string(AuditKind::PolicyChanged));
  return style.in(Colour::kFaint, text_of(entry, audit_key::kTime).substr(0, 19)) + "  " +
         style.in(Colour::kYellow, "changed") + "  " + (policy ? "policy" : "secrets") + ": " +
         text_of(entry, audit_key::kDetail);
}

// A question to a person, and its end.
std::string ask_words(const nlohmann::json& entry, const Style& style) {
  const std::string port = text_of(entry, audit_key::kPort);
  const std::string who = text_of(entry, audit_key::kWho);
  return style.in(Colour::kFaint, text_of(entry, audit_key::kTime).substr(0, 19)) + "  " +
         style.in(Colour::kYellow, "asked") + "    " + text_of(entry, audit_key::kMethod) + " " +
         text_of(entry, audit_key::kHost) + (port == "443" ? "" : ":" + port) +
         text_of(entry, audit_key::kPath) + "  " + text_of(entry, audit_key::kAnswer) +
         (who.empty() ? "" : " by " + who) + " after " + text_of(entry, audit_key::kTotal) + " ms";
}

// The command that would let it through; empty if there is none.
std::string way_in(const nlohmann::json& entry) {
  const std::string host = watch::host_to_allow(entry);
  return host.empty() ? "" : "; `bottle allow " + host + "` lets it through";
}

}  // namespace

std::string audit_line_words(std::string_view line, const Style& style) {
  const auto entry = nlohmann::json::parse(line, nullptr, false);
  if (!entry.is_object()) return {};
  if (is(entry, audit_key::kKind, to_string(AuditKind::PolicyChanged)) ||
      is(entry, audit_key::kKind, to_string(AuditKind::SecretsChanged))) {
    return change_words(entry, style);
  }
  if (is(entry, audit_key::kKind, to_string(AuditKind::Ask))) return ask_words(entry, style);
  if (is(entry, audit_key::kKind, to_string(AuditKind::LogEnd))) return {};
  const bool begins = is(entry, audit_key::kKind, to_string(AuditKind::Begin));
  const std::string verdict = begins ? "open" : text_of(entry, audit_key::kVerdict);
  const std::string time = text_of(entry, audit_key::kTime);
  std::string method = text_of(entry, audit_key::kMethod);
  if (method.empty()) method = "-";
  std::string where = text_of(entry, audit_key::kHost);
  const std::string port = text_of(entry, audit_key::kPort);
  if (!port.empty() && port != "443") where += ":" + port;
  where += text_of(entry, audit_key::kPath);
  if (where.empty()) where = "(no host)";

  auto out = style.in(Colour::kFaint, time.substr(0, 19)) + "  ";
  const std::string word = verdict + std::string(verdict.size() < 8 ? 8 - verdict.size() : 0, ' ');
  const auto colour = verdict == to_string(Verdict::Allowed)   ? Colour::kGreen
                      : verdict == to_string(Verdict::Refused) ? Colour::kRed
                                                               : Colour::kYellow;
  const std::string status = begins ? "-" : text_of(entry, audit_key::kStatus);
  out += style.in(colour, word) + " " + status + " " + method + " " + where;
  if (begins)
    return out + style.in(Colour::kFaint, "  it began, and the log does not have its end");
  out += "  " +
         style.in(Colour::kFaint, amount_words(number_of(entry, audit_key::kBytesIn)) + " out, " +
                                      amount_words(number_of(entry, audit_key::kBytesOut)) +
                                      " in, " + text_of(entry, audit_key::kTotal) + " ms");
  const std::string reason = text_of(entry, audit_key::kReason);
  if (!reason.empty()) {
    const std::string by = text_of(entry, audit_key::kBy);
    const std::string detail = text_of(entry, audit_key::kDetail);
    out += "  " + reason + (by.empty() ? "" : " by " + by) + (detail.empty() ? "" : ": " + detail) +
           way_in(entry);
  }
  const std::string findings = watch::findings_words(entry);
  if (!findings.empty()) out += "  " + findings;
  const std::string count = text_of(entry, audit_key::kCount);
  if (!count.empty()) out += "  (" + count + " times)";
  return out;
}

Expected<int> run_logs(const LogsOptions& options, const Context& context) {
  if (options.verify && (options.follow || options.json)) {
    return Error{ExitCode::kUsage,
                 std::string("--verify and ") + (options.follow ? "--follow" : "--json") +
                     " do not go together",
                 "leave one of them out"};
  }
  if (options.verify && options.id && options.id->find('/') != std::string::npos) {
    return verify_log(context.around.directory / *options.id, false, context);
  }
  context.reap();
  auto log = find_log(options, context);
  if (!log) return std::move(log.error());
  if (options.verify) return verify_log(log->file, log->living.has_value(), context);
  Printer printer(log->file, options, context);
  const bool there = printer.is_there();
  printer.read();
  if (options.follow && log->living) {
    if (auto followed = follow(*log, printer); !followed) return std::move(followed.error());
  } else if (!there) {
    return Error{ExitCode::kUsage, "there is no audit log at " + log->file.string(),
                 "did the bottle start with --audit FILE? Then it is there"};
  }
  printer.finish();
  return 0;
}

}  // namespace bottle::launcher
