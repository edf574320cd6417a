#include "launcher/backend/docker/log_sorter.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

namespace bottle::launcher::docker {
namespace {

constexpr std::size_t kLongestLine = 256 * 1024;  // a longer one is cut in two

Fd open_log(const std::filesystem::path& file) {
  return Fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

std::filesystem::path kept(const std::filesystem::path& audit, int number) {
  return audit.string() + "." + std::to_string(number);
}

void rotate(const std::filesystem::path& audit, Fd& file) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (static_cast<std::uintmax_t>(info.st_size) < kMostAudit) return;
  std::error_code ec;
  for (int number = kKeptAudits - 1; number >= 1; --number) {
    std::filesystem::rename(kept(audit, number), kept(audit, number + 1), ec);
  }
  std::filesystem::rename(audit, kept(audit, 1), ec);
  file = open_log(audit);
}

// Cuts complete lines off `text` and writes them. False: a file cannot be written.
bool write_lines(std::string& text, bool ended, const std::filesystem::path& audit, Fd& records,
                 const Fd& log) {
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos && !ended && rest.size() < kLongestLine) break;
    const auto line = rest.substr(0, end == std::string_view::npos ? end : end + 1);
    rest.remove_prefix(line.size());
    const bool record = line.starts_with('{');
    if (record) rotate(audit, records);
    if (!write_all(record ? records.get() : log.get(), line)) return false;
  }
  text = std::string(rest);
  return true;
}

}  // namespace

Result<Child> sort_log(const Fd& from, const std::filesystem::path& audit,
                       const std::filesystem::path& log) {
  Fd records = open_log(audit);
  if (!records) return system_error("cannot write the audit log " + audit.string(), errno);
  const Fd others = open_log(log);
  if (!others) return system_error("cannot write " + log.string(), errno);
  const int input = from.get();
  return fork_child([&, input] {
    // Not the terminal's: a Ctrl-C is the agent's.
    ::setsid();
    // The launcher's other descriptors are not this child's to hold open.
    for (int fd = 3; fd < 256; ++fd) {
      if (fd != input && fd != records.get() && fd != others.get()) ::close(fd);
    }
    std::string text;
    std::array<char, 16 * 1024> chunk{};
    while (true) {
      const auto got = ::read(input, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
      if (!write_lines(text, got <= 0, audit, records, others)) return 1;
      if (got <= 0) return 0;
    }
  });
}

}  // namespace bottle::launcher::docker
