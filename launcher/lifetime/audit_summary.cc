#include "launcher/lifetime/audit_summary.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "proxy/contract/decided_by.h"
#include "proxy/contract/finding_record.h"
#include "proxy/contract/problem_codes.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMostBytes = 64 * 1024 * 1024;
constexpr std::size_t kMostKinds = 1000;  // pairs of host and reason that are told apart
constexpr std::size_t kMostShown = 8;
// The guard's settings are no help against it.
constexpr std::string_view kBodyByPipelock = "secret_in_body by pipelock";

// The agent chose the host's name, and this is shown on a terminal.
std::string printable(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_string()) return {};
  std::string text = found->get<std::string>().substr(0, 255);
  std::replace_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return text;
}

std::uint64_t count_of(const nlohmann::json& entry) {
  const auto found = entry.find(audit_key::kCount);
  return found != entry.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 1;
}

class Counter {
 public:
  void add(const nlohmann::json& entry) {
    std::string reason = printable(entry, audit_key::kReason);
    const bool by_pipelock = printable(entry, audit_key::kBy) == to_string(DecidedBy::Pipelock);
    if (reason == problem_code::kSecretInBody && by_pipelock) reason = kBodyByPipelock;
    add(printable(entry, audit_key::kHost), std::move(reason), count_of(entry));
  }
  void add(std::string host, std::string reason, std::uint64_t times) {
    count_ += times;
    auto kind = std::pair(std::move(host), std::move(reason));
    if (kinds_.size() < kMostKinds || kinds_.contains(kind)) kinds_[std::move(kind)] += times;
  }
  Tally tally() const {
    Tally out{.count = count_, .most = {}};
    for (const auto& [kind, times] : kinds_) out.most.push_back({kind.first, kind.second, times});
    std::sort(out.most.begin(), out.most.end(), [](const Told& a, const Told& b) {
      return std::tie(b.times, a.host, a.reason) < std::tie(a.times, b.host, b.reason);
    });
    if (out.most.size() > kMostShown) out.most.resize(kMostShown);
    out.others = out.count;
    for (const auto& told : out.most) out.others -= told.times;
    return out;
  }

 private:
  std::uint64_t count_ = 0;
  std::map<std::pair<std::string, std::string>, std::uint64_t> kinds_;
};

AuditMark::FileEnd end_of(const std::filesystem::path& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0) return {};
  return {static_cast<std::uintmax_t>(info.st_ino), static_cast<std::uintmax_t>(info.st_size)};
}

struct Piece {
  std::filesystem::path file;
  std::uintmax_t from = 0;
};

// The files of a part that have lines since `begin`, the oldest first.
std::vector<Piece> pieces_since(const std::filesystem::path& file,
                                const AuditMark::FileEnd& begin) {
  std::vector<Piece> out;
  for (int number = 0; number < kMostAuditFiles; ++number) {
    const auto path = number == 0 ? file : std::filesystem::path(older_audit_file(file, number));
    const auto end = end_of(path);
    if (end.inode == 0) continue;
    const bool first = end.inode == begin.inode;
    out.push_back({path, first ? begin.size : 0});
    if (first) break;
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// The latest times at which programs refused the bottle's certificate for a host, since its last
// request that passed. The refusals are counted first, and of the allowed lines only those of such
// hosts are looked at.
class CaRefusals {
 public:
  void add(const nlohmann::json& entry) {
    const std::string host = printable(entry, audit_key::kHost);
    if (host.empty() || (hosts_.size() >= kMostKinds && !hosts_.contains(host))) return;
    std::vector<std::string>& latest = hosts_[host];
    for (std::uint64_t i = 0; i < std::min(count_of(entry), kPinnedAfter); ++i) {
      if (latest.size() >= kPinnedAfter) latest.erase(latest.begin());
      latest.push_back(printable(entry, audit_key::kTime));
    }
  }
  [[nodiscard]] bool any() const {
    return std::any_of(hosts_.begin(), hosts_.end(),
                       [](const auto& one) { return is_pinned(one.second); });
  }
  void take_allowed(std::string_view line) {
    for (auto& [host, latest] : hosts_) {
      if (!is_pinned(latest) || line.find("\"" + host + "\"") == line.npos) continue;
      const auto entry = nlohmann::json::parse(line, nullptr, false);
      if (!entry.is_object() || printable(entry, audit_key::kHost) != host) continue;
      if (verdict_by_word(printable(entry, audit_key::kVerdict)) != Verdict::Allowed) continue;
      // RFC 3339 in UTC: earlier times are smaller texts.
      const std::string time = printable(entry, audit_key::kTime);
      std::erase_if(latest, [&time](const std::string& one) { return one < time; });
    }
  }
  [[nodiscard]] std::vector<std::string> in_a_row() const {
    std::vector<std::string> out;
    for (const auto& [host, latest] : hosts_) {
      if (is_pinned(latest) && out.size() < kMostShown) out.push_back(host);
    }
    return out;
  }

 private:
  static bool is_pinned(const std::vector<std::string>& latest) {
    return latest.size() >= kPinnedAfter;
  }
  std::map<std::string, std::vector<std::string>> hosts_;
};

struct Counts {
  Counter refused;
  Counter failed;
  Counter redacted;
  Counter noted;
  CaRefusals ca_refused;
  std::uint64_t lost = 0;

  void take(std::string_view line) {
    // Nearly all lines of a long log are about what was allowed, with nothing found in it.
    constexpr std::string_view kVerdict = R"("verdict")";
    constexpr std::string_view kFound = R"("findings":[)";
    const auto at = line.find(kVerdict);
    if (at == line.npos) return;
    const auto value = line.find('"', at + kVerdict.size());
    if (value == line.npos) return;
    const bool allowed = line.substr(value + 1).starts_with(to_string(Verdict::Allowed));
    if (allowed && line.find(kFound, value) == line.npos) return;
    const auto entry = nlohmann::json::parse(line, nullptr, false);
    if (!entry.is_object() || printable(entry, audit_key::kHost) == kDoctorHost) return;
    // Its requests have lines of their own.
    if (printable(entry, audit_key::kKind) == to_string(AuditKind::Ask)) return;
    // A scanner's refusal of what had begun is among the findings once more.
    if (!entry.contains(audit_key::kBegun)) take_findings(entry);
    const auto verdict = verdict_by_word(printable(entry, audit_key::kVerdict));
    if (printable(entry, audit_key::kKind) == to_string(AuditKind::LostLines)) {
      lost += count_of(entry);
    } else if (printable(entry, audit_key::kKind) == to_string(AuditKind::TornLine)) {
      // A full disk's torn line is counted as lost, too.
      lost = std::max<std::uint64_t>(lost, 1);
    } else if (verdict == Verdict::Refused) {
      if (!entry.contains(audit_key::kBegun)) refused.add(entry);
    } else if ((verdict == Verdict::Failed || verdict == Verdict::Cut) &&
               printable(entry, audit_key::kBy) != "client") {
      failed.add(entry);
      const bool of_ca = printable(entry, audit_key::kReason) == problem_code::kCaRefused;
      if (of_ca) ca_refused.add(entry);
    }
  }

  void take_findings(const nlohmann::json& entry) {
    const auto found = entry.find(audit_key::kFindings);
    if (found == entry.end() || !found->is_array()) return;
    for (const auto& one : *found) {
      if (!one.is_object()) continue;
      const std::string action = printable(one, finding_key::kAction);
      Counter* const counter = action == to_string(FindingAction::Redacted) ? &redacted
                               : action == to_string(FindingAction::Noted)  ? &noted
                                                                            : nullptr;
      if (counter == nullptr) continue;
      counter->add(printable(entry, audit_key::kHost), printable(one, finding_key::kName),
                   count_of(entry));
    }
  }
};

std::string lines_of(const Tally& tally) {
  std::string out;
  for (const auto& told : tally.most) {
    out += "bottle:   " + std::to_string(told.times) + " x " +
           (told.host.empty() ? "(no host)" : told.host) + ": " + told.reason + "\n";
  }
  if (tally.others > 0) out += "bottle:   " + std::to_string(tally.others) + " more\n";
  return out;
}

bool has_reason(const Tally& tally, std::string_view reason) {
  return std::any_of(tally.most.begin(), tally.most.end(),
                     [reason](const Told& told) { return told.reason == reason; });
}

std::string counted(std::uint64_t count, const std::string& one, const std::string& more) {
  return "bottle: " + std::to_string(count) + " " + (count == 1 ? one : more);
}

}  // namespace

AuditMark AuditMark::of(const std::filesystem::path& audit) {
  AuditMark mark{.audit = audit, .ends = {}};
  const auto files = audit_files(audit);
  for (std::size_t part = 0; part < kAuditParts; ++part) mark.ends[part] = end_of(files[part]);
  return mark;
}

void each_line_since(const AuditMark& begin, const std::function<void(std::string_view)>& take) {
  const auto files = audit_files(begin.audit);
  for (std::size_t part = 0; part < kAuditParts; ++part) {
    std::size_t seen = 0;
    for (const Piece& piece : pieces_since(files[part], begin.ends[part])) {
      std::ifstream in(piece.file);
      in.seekg(static_cast<std::streamoff>(piece.from));
      for (std::string line; seen < kMostBytes && std::getline(in, line); seen += line.size()) {
        take(line);
      }
    }
  }
}

AuditSummary summary_since(const AuditMark& begin) {
  Counts counts;
  each_line_since(begin, [&counts](std::string_view line) { counts.take(line); });
  if (counts.ca_refused.any()) {
    each_line_since(begin,
                    [&counts](std::string_view line) { counts.ca_refused.take_allowed(line); });
  }
  return {.refused = counts.refused.tally(),
          .failed = counts.failed.tally(),
          .redacted = counts.redacted.tally(),
          .noted = counts.noted.tally(),
          .lost = counts.lost,
          .pinned = counts.ca_refused.in_a_row()};
}

std::string refusal_lines(const Tally& refused) {
  std::string out = lines_of(refused);
  if (has_reason(refused, problem_code::kHostNotAllowed)) {
    out +=
        "bottle: hint: if the agent should reach a host, `bottle allow HOST` lets it through while "
        "the bottle runs; --allow HOST or the manifest's \"allow\" does from the start\n";
  }
  if (has_reason(refused, problem_code::kSecretInBody)) {
    out +=
        "bottle: hint: `bottle logs` says which secret it was and where; --on-secret HOST=redact "
        "takes secrets out of requests instead of refusing them\n";
  }
  if (has_reason(refused, kBodyByPipelock)) {
    out +=
        "bottle: hint: a pattern of pipelock's, not of the guard's, matched; `bottle logs` names "
        "it. "
        "In the agent go back to before that text came (Claude Code: /rewind, or Esc twice). With "
        "--on-secret HOST=redact the guard takes out most of what pipelock refuses\n";
  }
  return out;
}

std::string failure_lines(const Tally& failed) {
  std::string out = lines_of(failed);
  if (has_reason(failed, problem_code::kTlsAlert)) {
    out +=
        "bottle: hint: tls_alert: a program does not trust the bottle's CA, or an origin refused; "
        "`bottle doctor` in the bottle says which programs trust it\n";
  }
  if (has_reason(failed, problem_code::kCaRefused)) {
    out +=
        "bottle: hint: ca_refused: a program does not trust the bottle's CA; `bottle doctor` in "
        "the bottle says which programs trust it\n";
  }
  return out;
}

std::string pinned_lines(const std::vector<std::string>& hosts) {
  std::string out;
  for (const std::string& host : hosts) {
    out += "bottle: hint: a program refused the bottle's certificate for " + host + " " +
           std::to_string(kPinnedAfter) +
           " times in a row. If it accepts the host's own certificate only, this line of the "
           "manifest's \"egress\" lets it through, unread: \"routes\": { \"" +
           host + "\": \"splice\" }\n";
  }
  return out;
}

std::string closing_report(const AuditMark& begin, bool written) {
  const AuditSummary summary = summary_since(begin);
  const std::string where = "; the audit log is " + begin.audit.string() + "\n";
  std::string out;
  if (summary.refused.count > 0) {
    out += counted(summary.refused.count, "request was refused", "requests were refused") + where +
           refusal_lines(summary.refused);
  }
  if (summary.failed.count > 0) {
    out += counted(summary.failed.count, "request failed", "requests failed") +
           (out.empty() ? where : "\n") + failure_lines(summary.failed) +
           pinned_lines(summary.pinned);
  }
  if (summary.redacted.count > 0) {
    out += counted(summary.redacted.count, "time a secret was taken out of a request",
                   "times a secret was taken out of a request") +
           (out.empty() ? where : "\n") + lines_of(summary.redacted);
  }
  if (summary.noted.count > 0) {
    out += counted(summary.noted.count, "finding of the guard was noted",
                   "findings of the guard were noted") +
           (out.empty() ? where : "\n") + lines_of(summary.noted);
  }
  if (summary.lost > 0 || !written) {
    const std::string lines = summary.lost > 0 ? std::to_string(summary.lost) + " lines" : "lines";
    out += "bottle: warning: the audit log " + begin.audit.string() + " is not complete: " + lines +
           " could not be written, and requests were refused meanwhile; is the disk full?\n";
  }
  return out;
}

}  // namespace bottle::launcher
