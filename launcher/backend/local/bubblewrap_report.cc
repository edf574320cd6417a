#include "launcher/backend/local/bubblewrap_report.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace bottle::launcher::local {
namespace {

constexpr std::size_t kMostText = 4096;  // bwrap writes about 120 bytes

}  // namespace

BubblewrapReport::BubblewrapReport(Fd read_end) : pipe_(std::move(read_end)) {
  ::fcntl(pipe_.get(), F_SETFL, O_NONBLOCK);
}

void BubblewrapReport::read() {
  std::array<char, 512> chunk{};
  while (pipe_) {
    const auto got = ::read(pipe_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got > 0) text_.append(chunk.data(), static_cast<std::size_t>(got));
    if (got <= 0 || text_.size() > kMostText) pipe_.reset();
  }
}

bool BubblewrapReport::executed() const { return text_.find("\"exit-code\"") != std::string::npos; }

Expected<ExitStatus> BubblewrapReport::verdict(int status) {
  read();
  if (executed() || status > 128) return ExitStatus{status};
  return Error{ExitCode::kIsolation,
               "bubblewrap did not start the command; its own message is above",
               "`bottle doctor` checks this machine. In a container, /proc must not be masked "
               "(docker run --security-opt systempaths=unconfined)"};
}

}  // namespace bottle::launcher::local
