#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {

struct Told {
  std::string host;    // as the proxy wrote it, printable characters only; empty: there was none
  std::string reason;  // the word of docs/errors.md; of a finding its name
  std::uint64_t times = 0;
};

// The audit lines of one verdict, counted.
struct Tally {
  std::uint64_t count = 0;
  std::vector<Told> most;    // the most frequent ones, at most 8
  std::uint64_t others = 0;  // those that are not in `most`
};

struct AuditSummary {
  Tally refused;
  Tally failed;            // could not be done, or the answer was cut; not by the client's leaving
  Tally redacted;          // values that the guard took out of requests
  Tally noted;             // findings that the guard let pass
  std::uint64_t lost = 0;  // lines that the log says are missing
  // Hosts for which a program refused the bottle's certificate kPinnedAfter times in a row.
  std::vector<std::string> pinned;
};
inline constexpr std::uint64_t kPinnedAfter = 3;

// The end of an audit log as it is now, also when it is rotated later: a log may hold earlier
// bottles' lines.
struct AuditMark {
  static AuditMark of(const std::filesystem::path& audit);

  struct FileEnd {
    std::uintmax_t inode = 0;  // 0: there is no file yet
    std::uintmax_t size = 0;
  };
  std::filesystem::path audit;
  std::array<FileEnd, kAuditParts> ends;
};

// Calls `take` with each line since `begin`, of 64 MiB a part at most.
void each_line_since(const AuditMark& begin, const std::function<void(std::string_view)>& take);

// The host that `bottle doctor` asks for and expects to be refused.
inline constexpr const char* kDoctorHost = "doctor.bottle.invalid";

// Counts the lines since `begin`, except those about kDoctorHost. A line counts as often as it
// says. Looks at 64 MiB a part at most; a log that cannot be read tells nothing.
AuditSummary summary_since(const AuditMark& begin);

// Lines for a person: which hosts, why, and what to do about it. Each ends with a line end.
std::string refusal_lines(const Tally& refused);
std::string failure_lines(const Tally& failed);
// Lines for hosts whose programs may accept no certificate but the host's own, with the manifest's.
std::string pinned_lines(const std::vector<std::string>& hosts);

// The closing lines of a bottle: how many requests were refused or failed, what the guard took out
// or noted, where the log is, those lines, and whether lines are missing. `written`: the proxy
// ended without having lost a line. Nothing if there is nothing to say.
std::string closing_report(const AuditMark& begin, bool written);

}  // namespace bottle::launcher
