#include "launcher/backend/local/helper.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>

#include "launcher/namespaces.h"

namespace bottle::launcher::local {
namespace {

constexpr std::size_t kMaxPassed = 2;
constexpr std::size_t kMaxMessage = 100 * 1024;  // the command line; a socket message has a limit
constexpr int kArgumentsNumber = 4;

// One message with descriptors. False: errno.
bool send_with(int socket, const std::string& text, std::span<const int> fds) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxPassed * sizeof(int))> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!fds.empty()) {
    message.msg_control = space.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

struct Received {
  std::string text;
  std::vector<Fd> fds;
  pid_t sender = -1;  // as numbered here; only with SO_PASSCRED
};

Received receive(int socket) {
  Received out;
  out.text.resize(kMaxMessage);
  iovec part{out.text.data(), out.text.size()};
  constexpr std::size_t kSpace = CMSG_SPACE(kMaxPassed * sizeof(int)) + CMSG_SPACE(sizeof(ucred));
  alignas(cmsghdr) std::array<char, kSpace> space{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space.data();
  message.msg_controllen = space.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  out.text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET) continue;
    if (at->cmsg_type == SCM_CREDENTIALS) {
      ucred sender{};
      std::memcpy(&sender, CMSG_DATA(at), sizeof sender);
      out.sender = sender.pid;
    }
    if (at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof fd);
      out.fds.emplace_back(fd);
    }
  }
  return out;
}

Fd listen_inside(std::uint16_t port) {
  Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return Fd();
  }
  return socket;
}

// NUL after each word.
std::string packed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out.append(word).push_back('\0');
  return out;
}

std::vector<std::string> unpacked(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\0', at);
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

// The inner process. Message to the launcher: "ok" and the socket, or the failing errno as text.
// Messages from the launcher: bwrap's info and argument descriptors, then the words to exec with,
// as a descriptor, a terminal when there is one; see go_on().
int live_inside(int control, std::uint16_t port) {
  const auto failed = [control] {
    send_with(control, std::to_string(errno), {});
    return 1;
  };
  if (!bring_up_loopback()) return failed();
  {
    const Fd listener = listen_inside(port);
    if (!listener) return failed();
    const int fd = listener.get();
    if (!send_with(control, "ok", std::span(&fd, 1))) return failed();
  }
  const Received info = receive(control);
  const Received words = receive(control);
  if (info.fds.size() != 2 || words.text.empty()) return 0;  // the launcher gave up
  Launch launch;
  launch.argv = unpacked(words.text);
  launch.env = {"PATH=/usr/bin:/bin"};
  launch.fds = {{info.fds[0].get(), Helper::kInfoNumber}, {info.fds[1].get(), kArgumentsNumber}};
  if (!words.fds.empty()) {
    for (int number = 0; number < 3; ++number) {
      launch.fds.emplace_back(words.fds.front().get(), number);
    }
  }
  errno = exec_now(launch);
  const std::string problem = std::string("bottle: cannot start bwrap: ") + std::strerror(errno);
  write_all(STDERR_FILENO, problem + "\n");
  return static_cast<int>(ExitCode::kIsolation);
}

// The outer process.
int live(int control, std::uint16_t port, pid_t launcher) {
  ::setsid();  // a terminal's Ctrl-C is the launcher's to pass on
  std::array<int, 2> alive{};
  if (!enter_user_namespace(CLONE_NEWNET | CLONE_NEWPID) || ::pipe2(alive.data(), O_CLOEXEC) != 0) {
    send_with(control, std::to_string(errno), {});
    return 1;
  }
  keep_death_promise(launcher);
  const pid_t inner = ::fork();
  if (inner < 0) {
    send_with(control, std::to_string(errno), {});
    return 1;
  }
  if (inner == 0) {
    // Its parent has no number in this namespace, so a closed pipe tells whether it died too early.
    ::close(alive[1]);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pollfd gone{alive[0], POLLIN, 0};
    if (::poll(&gone, 1, 0) != 0) ::_exit(1);
    ::_exit(live_inside(control, port));
  }
  ::close(control);
  int status = 0;
  while (::waitpid(inner, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// The only child of `parent`, by /proc.
pid_t child_of(pid_t parent) {
  const std::string wanted = "PPid:\t" + std::to_string(parent);
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ec)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    std::ifstream status(entry.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line == wanted) return static_cast<pid_t>(std::stol(name));
    }
  }
  return -1;
}

}  // namespace

void Helper::kill_bottle() const {
  if (inner_ > 0) ::kill(inner_, SIGKILL);
}

pid_t Helper::first() const { return child_of(inner_); }

Result<Helper> Helper::start(std::uint16_t port) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system_error("cannot make a socket pair", errno);
  }
  Helper helper;
  helper.control_ = Fd(ends[0]);
  Fd other(ends[1]);
  const int on = 1;
  ::setsockopt(helper.control_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  const int child_end = other.get();
  const int parent_end = helper.control_.get();
  const pid_t launcher = ::getpid();
  auto child = fork_child([child_end, parent_end, port, launcher] {
    ::close(parent_end);  // so that the launcher's end is seen
    return live(child_end, port, launcher);
  });
  if (!child) return std::move(child.error());
  helper.child_ = std::move(*child);
  other.reset();
  Received answer = receive(helper.control_.get());
  if (answer.text != "ok" || answer.fds.size() != 1) {
    const int problem = answer.text.empty() ? ECHILD : std::atoi(answer.text.c_str());
    return explain_namespaces(problem);
  }
  helper.listener_ = std::move(answer.fds.front());
  helper.inner_ = answer.sender;
  return helper;
}

Result<void> Helper::go_on(const Go& go, const Fd& terminal, const Fd& info) {
  const Fd arguments(::memfd_create("bwrap-arguments", MFD_CLOEXEC));
  if (!arguments || !write_all(arguments.get(), packed(go.arguments)) ||
      ::lseek(arguments.get(), 0, SEEK_SET) != 0) {
    return system_error("cannot pass bwrap its arguments", errno);
  }
  std::vector<std::string> words{go.bwrap, "--args", std::to_string(kArgumentsNumber), "--"};
  words.insert(words.end(), go.command.begin(), go.command.end());
  const std::string text = packed(words);
  if (text.size() > kMaxMessage) {
    return Error{ExitCode::kUsage, "the command line is longer than 100 KiB",
                 "put it into a script in the workspace"};
  }
  const std::array<int, 2> first{info.get(), arguments.get()};
  const int tty = terminal.get();
  const std::span<const int> second(&tty, terminal ? 1 : 0);
  if (!send_with(control_.get(), "fds", first) || !send_with(control_.get(), text, second)) {
    return system_error("the bottle's first process is gone", errno, "", ExitCode::kIsolation);
  }
  return {};
}

}  // namespace bottle::launcher::local
