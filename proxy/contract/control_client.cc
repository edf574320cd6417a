#include "proxy/contract/control_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "proxy/contract/control_words.h"

namespace bottle {
namespace {

using SteadyClock = std::chrono::steady_clock;

Error no_answer(const std::string& why) {
  return Error{ExitCode::kProxy, "the bottle's proxy does not answer: " + why,
               "bottle list shows the bottles that run"};
}

// False: the time is up.
bool wait_for(int fd, short events, SteadyClock::time_point until) {
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now()).count();
    if (left <= 0) return false;
    pollfd one{fd, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool say(int fd, std::string_view message, SteadyClock::time_point until) {
  while (!message.empty()) {
    const auto put = ::send(fd, message.data(), message.size(), MSG_NOSIGNAL);
    if (put > 0) {
      message.remove_prefix(static_cast<std::size_t>(put));
    } else if (errno != EAGAIN && errno != EINTR) {
      return true;  // it may have said why before it ended
    } else if (!wait_for(fd, POLLOUT, until)) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<UnixPath> UnixPath::of(const std::string& path) {
  UnixPath out;
  out.address_.sun_family = AF_UNIX;
  std::string used = path;
  if (path.size() >= sizeof out.address_.sun_path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return std::nullopt;
    out.directory_ = Fd(::open(path.substr(0, slash + 1).c_str(), O_PATH | O_CLOEXEC));
    if (!out.directory_) return std::nullopt;
    used = "/proc/self/fd/" + std::to_string(out.directory_.get()) + path.substr(slash);
  }
  if (path.empty() || used.size() >= sizeof out.address_.sun_path) return std::nullopt;
  std::memcpy(out.address_.sun_path, used.data(), used.size());
  return out;
}

Expected<std::string> ask_control(const std::string& path, std::string_view message) {
  const auto until = SteadyClock::now() + 2 * kControlWait;
  const auto where = UnixPath::of(path);
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!where || !fd) return no_answer("its control socket " + path + " cannot be reached");
  if (::connect(fd.get(), where->address(), UnixPath::size()) != 0) {
    return no_answer(path + ": " + std::strerror(errno));
  }
  if (!say(fd.get(), message, until)) return no_answer("it took too long");
  std::string line;
  std::array<char, 4096> piece{};
  while (line.find('\n') == std::string::npos) {
    if (line.size() > kMaxControlMessage || !wait_for(fd.get(), POLLIN, until)) {
      return no_answer("it took too long");
    }
    const auto got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return no_answer("it closed the connection");
    line.append(piece.data(), static_cast<std::size_t>(got));
  }
  line.resize(line.find('\n'));
  return line;
}

}  // namespace bottle
