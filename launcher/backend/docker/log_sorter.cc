#include "launcher/backend/docker/log_sorter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/contract/audit_chain.h"

namespace bottle::launcher::docker {
namespace {

constexpr std::size_t kLongestLine = 256 * 1024;  // a longer one is cut in two
constexpr std::chrono::milliseconds kSyncEvery{1000};

Fd open_log(const std::filesystem::path& file) {
  return Fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

// One part of the audit log.
struct Records {
  std::filesystem::path path;
  Fd file;
  std::string chain{kFirstChain};  // the value of its last line
  bool fresh = false;              // its file has no line yet
  bool unsynced = false;
};

void rotate(Records& records, std::uintmax_t most_bytes) {
  struct stat info{};
  if (::fstat(records.file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (static_cast<std::uintmax_t>(info.st_size) < most_bytes) return;
  std::error_code ec;
  for (int i = kAuditFiles - 1; i >= 1; --i) {
    const std::string from = i == 1 ? records.path.string() : older_audit_file(records.path, i - 1);
    std::filesystem::rename(from, older_audit_file(records.path, i), ec);
  }
  if (records.unsynced) ::fdatasync(records.file.get());
  records.file = open_log(records.path);
  records.fresh = true;
}

struct Sorter {
  std::array<Records, kAuditParts> parts;
  Fd log;
  std::uintmax_t most_bytes;
  std::chrono::steady_clock::time_point synced{};

  // Cuts complete lines off `text` and writes them. False: a file cannot be written.
  bool write_lines(std::string& text, bool ended) {
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto end = rest.find('\n');
      if (end == std::string_view::npos && !ended && rest.size() < kLongestLine) break;
      const auto line = rest.substr(0, end == std::string_view::npos ? end : end + 1);
      rest.remove_prefix(line.size());
      if (!write_line(line)) return false;
    }
    text = std::string(rest);
    return true;
  }

  bool write_line(std::string_view line) {
    if (!line.starts_with('{')) return write_all(log.get(), line);
    Records& records = parts[static_cast<std::size_t>(audit_part_of(line))];
    rotate(records, most_bytes);
    // The proxy does not know where a file begins.
    const bool fresh = std::exchange(records.fresh, false);
    const std::string first = fresh ? with_value_before(line, records.chain) : std::string();
    const auto chained = chain_parts(line.substr(0, line.find('\n')));
    if (chained) records.chain = chained->value;
    records.unsynced = true;
    return write_all(records.file.get(), fresh ? std::string_view(first) : line);
  }

  // As the proxy does with files of its own.
  void sync() {
    for (Records& records : parts) {
      if (std::exchange(records.unsynced, false)) ::fdatasync(records.file.get());
    }
    synced = std::chrono::steady_clock::now();
  }
  [[nodiscard]] bool has_unsynced() const {
    return std::any_of(parts.begin(), parts.end(),
                       [](const Records& records) { return records.unsynced; });
  }
  // For poll(): until the lines that are written have to be on the disk.
  [[nodiscard]] int wait() const {
    if (!has_unsynced()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        synced + kSyncEvery - std::chrono::steady_clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, kSyncEvery.count()));
  }
};

}  // namespace

Expected<Child> sort_log(const Fd& from, const std::filesystem::path& audit,
                         const std::filesystem::path& log, std::uintmax_t most_bytes) {
  Sorter sorter{.parts = {}, .log = open_log(log), .most_bytes = most_bytes};
  if (!sorter.log) return system_error("cannot write " + log.string(), errno);
  const auto names = audit_files(audit);
  for (std::size_t part = 0; part < kAuditParts; ++part) {
    sorter.parts[part].path = names[part];
    sorter.parts[part].file = open_log(names[part]);
    if (sorter.parts[part].file) continue;
    return system_error("cannot write the audit log " + names[part], errno);
  }
  const int input = from.get();
  return fork_child([&sorter, input] {
    // Not the terminal's: a Ctrl-C is the agent's.
    ::setsid();
    outlive_launcher();
    // The launcher's other descriptors are not this child's to hold open.
    std::vector<int> mine{input, sorter.log.get()};
    for (const Records& records : sorter.parts) mine.push_back(records.file.get());
    close_all_but(std::move(mine));
    // It may be the last one to have them, and a reader may wait for their end.
    const int nothing = ::open("/dev/null", O_RDWR);
    for (int fd = 0; fd <= 2; ++fd) ::dup2(nothing, fd);
    std::string text;
    std::array<char, 16 * 1024> chunk{};
    while (true) {
      pollfd ready{input, POLLIN, 0};
      ::poll(&ready, 1, sorter.wait());
      if (sorter.has_unsynced() && sorter.wait() == 0) sorter.sync();
      if (ready.revents == 0) continue;
      const auto got = ::read(input, chunk.data(), chunk.size());
      if (got < 0 && errno == EINTR) continue;
      if (got > 0) text.append(chunk.data(), static_cast<std::size_t>(got));
      if (!sorter.write_lines(text, got <= 0)) return 1;
      if (got <= 0) {
        sorter.sync();
        return 0;
      }
    }
  });
}

}  // namespace bottle::launcher::docker
