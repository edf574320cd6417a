#include "proxy/sandbox/call_list.h"

#include <net/if.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <memory>

namespace bottle {
namespace {

struct Release {
  void operator()(void* filter) const noexcept { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// Memory, time, randomness, locks, and the end: every process needs them.
constexpr std::array kEverybody{
    SCMP_SYS(read),           SCMP_SYS(write),           SCMP_SYS(writev),
    SCMP_SYS(close),          SCMP_SYS(recvmsg),         SCMP_SYS(sendmsg),
    SCMP_SYS(poll),           SCMP_SYS(ppoll),           SCMP_SYS(munmap),
    SCMP_SYS(mremap),         SCMP_SYS(madvise),         SCMP_SYS(brk),
    SCMP_SYS(mlock),          SCMP_SYS(mlock2),          SCMP_SYS(munlock),
    SCMP_SYS(futex),          SCMP_SYS(getrandom),       SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),   SCMP_SYS(gettimeofday),    SCMP_SYS(time),
    SCMP_SYS(getpid),         SCMP_SYS(gettid),          SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction),    SCMP_SYS(sigaltstack),
    SCMP_SYS(tgkill),         SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group),     SCMP_SYS(membarrier),      SCMP_SYS(sched_yield),
};

constexpr std::array kEngine{
    // Descriptors and files.
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(preadv),
    SCMP_SYS(pwritev),
    SCMP_SYS(open),
    SCMP_SYS(openat),
    SCMP_SYS(fstat),
    SCMP_SYS(stat),
    SCMP_SYS(lstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(statx),
    SCMP_SYS(statfs),
    SCMP_SYS(fstatfs),
    SCMP_SYS(lseek),
    SCMP_SYS(dup),
    SCMP_SYS(dup2),
    SCMP_SYS(dup3),
    SCMP_SYS(fcntl),
    SCMP_SYS(flock),
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
    SCMP_SYS(rename),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(link),
    SCMP_SYS(linkat),
    SCMP_SYS(unlink),
    SCMP_SYS(unlinkat),
    SCMP_SYS(rmdir),
    SCMP_SYS(mkdir),
    SCMP_SYS(mkdirat),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(fchmod),
    SCMP_SYS(chmod),
    SCMP_SYS(fchmodat),
    SCMP_SYS(getdents64),
    SCMP_SYS(access),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(readlink),
    SCMP_SYS(readlinkat),
    SCMP_SYS(umask),
    SCMP_SYS(getcwd),
    SCMP_SYS(fadvise64),
    SCMP_SYS(memfd_create),
    SCMP_SYS(sendfile),
    SCMP_SYS(close_range),
    // Waiting.
    SCMP_SYS(select),
    SCMP_SYS(pselect6),
    SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1),
    SCMP_SYS(epoll_ctl),
    SCMP_SYS(epoll_wait),
    SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2),
    SCMP_SYS(eventfd),
    SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create),
    SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_gettime),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(rt_sigpending),
    // Sockets.
    SCMP_SYS(socketpair),
    SCMP_SYS(connect),
    SCMP_SYS(accept),
    SCMP_SYS(accept4),
    SCMP_SYS(bind),
    SCMP_SYS(listen),
    SCMP_SYS(getsockname),
    SCMP_SYS(getpeername),
    SCMP_SYS(getsockopt),
    SCMP_SYS(setsockopt),
    SCMP_SYS(sendto),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendmmsg),
    SCMP_SYS(recvmmsg),
    SCMP_SYS(shutdown),
    // Threads, and what the library asks about the process.
    SCMP_SYS(set_robust_list),
    SCMP_SYS(get_robust_list),
    SCMP_SYS(set_tid_address),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(sched_setaffinity),
    SCMP_SYS(sched_getparam),
    SCMP_SYS(sched_getscheduler),
    SCMP_SYS(getcpu),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(prctl),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getrlimit),
    SCMP_SYS(setrlimit),
    SCMP_SYS(getrusage),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(times),
    SCMP_SYS(mincore),
    SCMP_SYS(msync),
};

// The keeper's own: its children, and their sandboxes.
constexpr std::array kKeeper{
    SCMP_SYS(fork),
    SCMP_SYS(vfork),
    SCMP_SYS(wait4),
    SCMP_SYS(waitid),
    SCMP_SYS(kill),
    SCMP_SYS(seccomp),
    SCMP_SYS(signalfd4),
    SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_restrict_self),
};

// No process of ours makes these: the code is an attacker's.
constexpr std::array kHostile{
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(open_by_handle_at),
};

constexpr std::array<scmp_datum_t, 4> kFamilies{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};
constexpr std::array<scmp_datum_t, 6> kDeviceCalls{FIONBIO,    FIONREAD,    TCGETS,
                                                   TIOCGWINSZ, SIOCGIFNAME, SIOCGIFINDEX};

// Adds rules until one fails; the library's numbers have a minus before them.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx filter) : filter_(filter) {}

  template <std::size_t N>
  void add(std::uint32_t action, const std::array<int, N>& calls) {
    for (const int call : calls) {
      if (result_ == 0) result_ = seccomp_rule_add(filter_, action, call, 0);
    }
  }
  void add_if(std::uint32_t action, int call, scmp_arg_cmp compare) {
    if (result_ == 0) result_ = seccomp_rule_add(filter_, action, call, 1, compare);
  }
  // New code does not become a part of the process.
  void allow_without_code(int call) {
    add_if(SCMP_ACT_ALLOW, call, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  }
  [[nodiscard]] int result() const noexcept { return result_; }

 private:
  scmp_filter_ctx filter_;
  int result_ = 0;
};

void add_engine(Rules& rules) {
  rules.add(SCMP_ACT_ALLOW, kEngine);
  for (const scmp_datum_t family : kFamilies) {
    rules.add_if(SCMP_ACT_ALLOW, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, family, 0));
  }
  for (const scmp_datum_t call : kDeviceCalls) {
    rules.add_if(SCMP_ACT_ALLOW, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, call, 0));
  }
  // Threads. clone3 has its flags in memory, where no filter sees them, and stays ENOSYS: the
  // library then uses clone.
  rules.add_if(SCMP_ACT_ALLOW, SCMP_SYS(clone),
               SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
}

}  // namespace

int limit_calls(SandboxRole role) {
  const Filter filter(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)));
  if (!filter) return ENOMEM;
  Rules rules(filter.get());
  rules.add(SCMP_ACT_ALLOW, kEverybody);
  rules.allow_without_code(SCMP_SYS(mmap));
  rules.allow_without_code(SCMP_SYS(mprotect));
  rules.add(SCMP_ACT_KILL_PROCESS, kHostile);
  if (role != SandboxRole::Signer) add_engine(rules);
  const scmp_arg_cmp no_thread = SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
  if (role == SandboxRole::Keeper) {
    rules.add(SCMP_ACT_ALLOW, kKeeper);
    rules.add_if(SCMP_ACT_ALLOW, SCMP_SYS(clone), no_thread);
  } else {
    rules.add_if(SCMP_ACT_KILL_PROCESS, SCMP_SYS(clone), no_thread);
  }
  if (rules.result() != 0) return -rules.result();
  return -seccomp_load(filter.get());
}

}  // namespace bottle
