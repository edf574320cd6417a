#include "launcher/process/namespaces.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

bool write_file(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string setting(const std::string& root, const std::string& path) {
  std::ifstream in(root + "/proc/sys/" + path);
  std::string value;
  in >> value;
  return value;
}

}  // namespace

bool enter_user_namespace(int more) {
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  if (::unshare(CLONE_NEWUSER | more) != 0) return false;
  const auto one = [](unsigned id) { return std::to_string(id) + " " + std::to_string(id) + " 1"; };
  return write_file("/proc/self/setgroups", "deny") && write_file("/proc/self/uid_map", one(uid)) &&
         write_file("/proc/self/gid_map", one(gid));
}

bool bring_up_loopback() {
  const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return false;
  ifreq request{};
  std::memcpy(request.ifr_name, "lo", 3);
  if (::ioctl(socket.get(), SIOCGIFFLAGS, &request) != 0) return false;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

Expected<void> probe_namespaces() {
  auto child = fork_child([] {
    if (!enter_user_namespace(CLONE_NEWNET | CLONE_NEWNS) || !bring_up_loopback()) {
      return std::clamp(errno, 1, 250);
    }
    return 0;
  });
  if (!child) return std::move(child.error());
  if (!child->wait(std::chrono::seconds(10))) {
    return Error{ExitCode::kIsolation, "the kernel did not make a namespace within 10 s", ""};
  }
  if (child->exit_status() == 0) return {};
  return explain_namespaces(child->exit_status());
}

Error explain_namespaces(int errno_value, const std::string& root) {
  Error error = system_error("the local backend needs user namespaces, and the kernel refuses them",
                             errno_value, "", ExitCode::kIsolation);
  if (setting(root, "kernel/unprivileged_userns_clone") == "0") {
    error.message += " (kernel.unprivileged_userns_clone is 0)";
    error.hint = "allow them: sudo sysctl kernel.unprivileged_userns_clone=1";
  } else if (setting(root, "user/max_user_namespaces") == "0") {
    error.message += " (user.max_user_namespaces is 0)";
    error.hint = "allow them: sudo sysctl user.max_user_namespaces=15000";
  } else if (setting(root, "user/max_net_namespaces") == "0") {
    error.message += " (user.max_net_namespaces is 0)";
    error.hint = "allow them: sudo sysctl user.max_net_namespaces=15000";
  } else if (setting(root, "kernel/apparmor_restrict_unprivileged_userns") == "1") {
    error.message += " (kernel.apparmor_restrict_unprivileged_userns is 1)";
    error.hint =
        "allow them: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0, or give bottle "
        "and "
        "bwrap an AppArmor profile with the rule \"userns,\"";
  } else {
    error.hint =
        "inside a container, its seccomp or AppArmor profile must allow unshare and mount "
        "(docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined); else "
        "look at user.max_user_namespaces and user.max_net_namespaces";
  }
  return error;
}

}  // namespace bottle::launcher
