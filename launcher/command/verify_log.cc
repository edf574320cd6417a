#include "launcher/command/verify_log.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "launcher/command/chain_check.h"
#include "launcher/process/process.h"
#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestLine = 256 * 1024;  // longer ones are no audit lines
constexpr std::size_t kPiece = 64 * 1024;

struct OpenFile {
  fs::path path;
  Fd fd;
};

// The files of a part, the oldest first. They are opened from the newest on, since a rotation
// meanwhile makes each of them older: it is met a second time then, and none is missed.
std::vector<OpenFile> files_of(const std::string& part) {
  std::vector<OpenFile> out;
  std::set<std::pair<dev_t, ino_t>> met;
  for (int number = 0; number < kMostAuditFiles; ++number) {
    const std::string path = number == 0 ? part : older_audit_file(part, number);
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (met.emplace(info.st_dev, info.st_ino).second) out.push_back({path, std::move(fd)});
  }
  std::reverse(out.begin(), out.end());
  return out;
}

// bottle-proxy locks the files that it writes to.
bool is_locked(const std::vector<OpenFile>& files) {
  if (files.empty()) return false;
  const int fd = files.back().fd.get();
  if (::flock(fd, LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  ::flock(fd, LOCK_UN);
  return false;
}

// False: it cannot be read.
bool check_file(const OpenFile& file, ChainCheck& check, std::string& rest) {
  check.file(file.path.string());
  std::array<char, kPiece> piece{};
  bool too_long = false;
  for (;;) {
    const ssize_t got = ::read(file.fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) return true;
    std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      const auto part = bytes.substr(0, end);
      // The beginning is enough to see that it is no line of the proxy.
      too_long = too_long || rest.size() + part.size() > kLongestLine;
      rest.append(part.substr(0, kLongestLine - std::min(kLongestLine, rest.size())));
      if (end == bytes.npos) break;
      check.line(too_long ? std::string_view("too long") : std::string_view(rest));
      rest.clear();
      too_long = false;
      bytes.remove_prefix(end + 1);
    }
  }
}

struct Part {
  std::vector<OpenFile> files;
  std::optional<ChainCheck> check;
};

std::string counted(std::uint64_t count) {
  return std::to_string(count) + (count == 1 ? " line" : " lines");
}

// One part in a sentence.
std::string part_words(const ChainCheck& check) {
  if (check.lines() == 0 && check.unchained() == 0) return "no line";
  std::string out = counted(check.lines());
  if (check.first() > 1) {
    out += ", from number " + std::to_string(check.first()) + " on; older ones were rotated away";
  }
  if (check.unchained() > 0) {
    out += "; " + counted(check.unchained()) + " of an older version before them, without a chain";
  }
  return out;
}

Expected<void> read_parts(const fs::path& audit, std::array<Part, kAuditParts>& parts,
                          bool& writing) {
  const auto names = audit_files(audit);
  for (std::size_t i = 0; i < kAuditParts; ++i) parts[i].files = files_of(names[i]);
  writing = writing || is_locked(parts[0].files);
  for (std::size_t i = 0; i < kAuditParts; ++i) {
    Part& part = parts[i];
    part.check.emplace(part.files.size() >= static_cast<std::size_t>(kAuditFiles));
    if (part.files.empty()) part.check->file(names[i]);
    for (const OpenFile& file : part.files) {
      std::string rest;
      if (!check_file(file, *part.check, rest)) {
        return system_error("cannot read " + file.path.string(), errno);
      }
      if (!rest.empty()) part.check->unfinished(rest);
    }
    part.check->end(writing);
  }
  // The exchanges' last line says how all parts end.
  const std::vector<ChainLink> ends = parts[0].check->ends();
  for (std::size_t i = 1; i < ends.size(); ++i) parts[i].check->ends_with(ends[i]);
  return {};
}

}  // namespace

Expected<int> verify_log(const fs::path& audit, bool writing, const Context& context) {
  std::array<Part, kAuditParts> parts;
  if (auto read = read_parts(audit, parts, writing); !read) return std::move(read.error());
  const bool none =
      std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.files.empty(); });
  if (none) return Error{ExitCode::kUsage, "there is no audit log at " + audit.string(), ""};
  context.out << "audit log " << audit.string() << "\n";
  bool broken = false;
  std::uint64_t lines = 0;
  std::uint64_t unchained = 0;
  for (std::size_t i = 0; i < kAuditParts; ++i) {
    const ChainCheck& check = *parts[i].check;
    context.out << to_string(static_cast<AuditPart>(i)) << ": " << part_words(check) << "\n";
    for (const ChainBreak& one : check.new_chains()) {
      context.out << "  " << one.file << ":" << one.line
                  << ": a new chain begins; lines cut off before it would not be missed\n";
    }
    if (const auto& at = check.broken()) {
      context.out << "  " << context.style.in(Style::Colour::kRed, "broken") << ": " << at->file
                  << ":" << at->line << ": " << at->words << "\n";
    }
    broken = broken || check.broken().has_value();
    lines += check.lines();
    unchained += check.unchained();
  }
  const bool ended = !parts[0].check->ends().empty();
  if (!broken && lines == 0 && (unchained > 0 || !writing)) {
    context.out << "not checked: no line has a chain\n";
    return to_status(ExitCode::kCheckFailed);
  }
  if (!broken && !ended && !writing) {
    context.out << "no end: the proxy was killed, or lines at the end of the log are missing; the "
                   "lines that are there follow each other\n";
    return to_status(ExitCode::kCheckFailed);
  }
  if (broken) return to_status(ExitCode::kCheckFailed);
  context.out << "whole: " << counted(lines) << (ended ? ", and the log was ended in order" : "")
              << (writing && !ended ? " until now; the bottle runs" : "") << "\n";
  return 0;
}

}  // namespace bottle::launcher
