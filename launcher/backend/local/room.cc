#include "launcher/backend/local/room.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "launcher/backend/local/packed_words.h"
#include "launcher/process/namespaces.h"
#include "proxy/contract/fd_message.h"

namespace bottle::launcher::local {
namespace {

using Opening = Room::Opening;

Fd open_inside(const Opening& opening) {
  const bool listens = opening.kind == Opening::Kind::kListener;
  const int type = listens ? SOCK_STREAM : SOCK_DGRAM;
  Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((INADDR_LOOPBACK & ~0xffU) | opening.last);
  address.sin_port = htons(opening.port);
  if (listens) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      (listens && ::listen(socket.get(), SOMAXCONN) != 0)) {
    return Fd();
  }
  return socket;
}

// Sends the launcher "ok" and the sockets, or the failing errno as text.
bool send_sockets(int control, const std::vector<Opening>& openings) {
  std::vector<Fd> sockets;
  std::vector<int> numbers;
  bool fine = bring_up_loopback();
  for (std::size_t i = 0; fine && i < openings.size(); ++i) {
    sockets.push_back(open_inside(openings[i]));
    numbers.push_back(sockets.back().get());
    fine = static_cast<bool>(sockets.back());
  }
  if (fine && send_message(control, "ok", numbers)) return true;
  send_message(control, std::to_string(errno), {});
  return false;
}

// The inner process's /proc shows its own process namespace: bwrap looks its child up there by the
// number that the child has in it. The launcher's /proc may have another process by that number, or
// none: then bwrap ends. Where the kernel refuses a new one, bwrap is told the same and says it.
void mount_own_proc() {
  if (::unshare(CLONE_NEWNS) != 0) return;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return;
  ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
}

// The outer process.
int live(int control, const std::vector<Opening>& openings,
         const std::function<int(int control)>& inside, pid_t launcher) {
  ::setsid();  // a terminal's Ctrl-C is the launcher's to pass on
  std::array<int, 2> alive{};
  if (!enter_user_namespace(CLONE_NEWNET | CLONE_NEWPID) || ::pipe2(alive.data(), O_CLOEXEC) != 0) {
    send_message(control, std::to_string(errno), {});
    return 1;
  }
  keep_death_promise(launcher);
  const pid_t inner = ::fork();
  if (inner < 0) {
    send_message(control, std::to_string(errno), {});
    return 1;
  }
  if (inner == 0) {
    // Its parent has no number in this namespace, so a closed pipe tells whether it died too early.
    ::close(alive[1]);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    pollfd gone{alive[0], POLLIN, 0};
    if (::poll(&gone, 1, 0) != 0) ::_exit(1);
    if (!send_sockets(control, openings)) ::_exit(1);
    mount_own_proc();
    ::_exit(inside(control));
  }
  // Nothing of the launcher's is kept open by a process that only waits.
  close_all_but({alive[1]});
  int status = 0;
  while (::waitpid(inner, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Expected<Room> Room::make(const std::vector<Opening>& openings,
                          const std::function<int(int control)>& inside) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return system_error("cannot make a socket pair", errno);
  }
  Room room;
  room.control_ = Fd(ends[0]);
  room.wanted_ = openings.size();
  const Fd other(ends[1]);
  const int on = 1;
  ::setsockopt(room.control_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  const int child_end = other.get();
  const int parent_end = room.control_.get();
  const pid_t launcher = ::getpid();
  auto child = fork_child([child_end, parent_end, &openings, &inside, launcher] {
    ::close(parent_end);  // so that the launcher's end is seen
    return live(child_end, openings, inside, launcher);
  });
  if (!child) return std::move(child.error());
  room.child_ = std::move(*child);
  return room;
}

Expected<std::vector<Fd>> Room::take_sockets() {
  FdMessage answer = receive_message(control_.get(), kMaxMessage);
  if (answer.text != "ok" || answer.fds.size() != wanted_) {
    return explain_namespaces(answer.text.empty() ? ECHILD : std::atoi(answer.text.c_str()));
  }
  inner_ = answer.sender;
  return std::move(answer.fds);
}

}  // namespace bottle::launcher::local
