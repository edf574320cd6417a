#include "proxy/sandbox/sandbox.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include "proxy/sandbox/call_list.h"
#include "proxy/sandbox/file_rules.h"

namespace bottle {
namespace {

// A child that gives up what its role does not need, and does `body`: the rest is system calls.
int in_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status;
}

bool ended_well(int status) { return WIFEXITED(status) && WEXITSTATUS(status) == 0; }
bool was_killed(int status) { return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS; }

int limited(SandboxRole role, const std::function<int()>& body) {
  return in_child([&] { return limit_calls(role) == 0 ? body() : 99; });
}

int run_a_program() {
  char path[] = "/bin/true";
  char* const words[] = {path, nullptr};
  ::syscall(SYS_execve, path, words, nullptr);
  return 1;
}

// [T13, T40]
TEST(Sandbox, AProgramIsNotRun) {
  for (const SandboxRole role : {SandboxRole::Engine, SandboxRole::Signer, SandboxRole::Keeper}) {
    EXPECT_TRUE(was_killed(limited(role, run_a_program))) << static_cast<int>(role);
  }
}

TEST(Sandbox, OtherProcessesAreNotTouched) {
  EXPECT_TRUE(was_killed(limited(SandboxRole::Engine, [] {
    ::syscall(SYS_ptrace, 16, ::getppid(), 0, 0);
    return 1;
  })));
  // To end a process is not on the list.
  EXPECT_TRUE(ended_well(limited(SandboxRole::Engine, [] {
    return ::syscall(SYS_kill, ::getppid(), 0) == -1 && errno == ENOSYS ? 0 : 1;
  })));
}

TEST(Sandbox, TheKeeperAloneHasChildren) {
  const auto fork_once = [] {
    const long pid = ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) ::_exit(0);
    return pid > 0 ? 0 : 1;
  };
  EXPECT_TRUE(ended_well(limited(SandboxRole::Keeper, fork_once)));
  EXPECT_TRUE(was_killed(limited(SandboxRole::Engine, fork_once)));
  EXPECT_TRUE(was_killed(limited(SandboxRole::Signer, fork_once)));
}

TEST(Sandbox, MemoryDoesNotBecomeCode) {
  EXPECT_TRUE(ended_well(limited(SandboxRole::Engine, [] {
    const long code = ::syscall(SYS_mmap, nullptr, 4096, PROT_READ | PROT_EXEC,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const long data = ::syscall(SYS_mmap, nullptr, 4096, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return code == -1 && data != -1 ? 0 : 1;
  })));
}

TEST(Sandbox, TheSignerOpensNothing) {
  EXPECT_TRUE(ended_well(limited(SandboxRole::Signer, [] {
    const bool no_socket = ::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) == -1;
    const bool no_file = ::syscall(SYS_openat, AT_FDCWD, "/etc/hosts", O_RDONLY) == -1;
    return no_socket && no_file ? 0 : 1;
  })));
}

TEST(Sandbox, TheEngineHasTheSocketsThatItNeeds) {
  EXPECT_TRUE(ended_well(limited(SandboxRole::Engine, [] {
    const bool inet = ::syscall(SYS_socket, AF_INET, SOCK_STREAM, 0) >= 0;
    const bool packet = ::syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0) == -1 && errno == ENOSYS;
    return inet && packet ? 0 : 1;
  })));
}

TEST(Sandbox, FilesOutsideTheListsAreClosed) {
  const int status = in_child([] {
    const int failed = limit_files({.read = {"/usr", "/etc/hosts"}, .write = {"/dev/null"}});
    if (failed == ENOSYS || failed == EOPNOTSUPP) return 77;
    if (failed != 0) return 1;
    const bool listed = ::open("/etc/hosts", O_RDONLY | O_CLOEXEC) >= 0 &&
                        ::open("/dev/null", O_WRONLY | O_CLOEXEC) >= 0;
    const bool other = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
    const bool written = ::open("/etc/hosts", O_WRONLY | O_APPEND | O_CLOEXEC) >= 0;
    return listed && !other && !written ? 0 : 1;
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    GTEST_SKIP() << "this kernel has no Landlock";
  }
  EXPECT_TRUE(ended_well(status));
}

}  // namespace
}  // namespace bottle
