#include "launcher/backend/local/call_filter.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace bottle::launcher::local {
namespace {

// In a process of its own: what `call` ends with there, with the filter or without; 0 for success.
template <typename Call>
int error_of(bool filtered, Call call) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    if (filtered && !install_call_filter()) ::_exit(255);
    errno = 0;
    ::_exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  if (::waitpid(child, &status, 0) != child || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

TEST(CallFilter, KeysAndRingsAreGone) {
  for (const long number :
       {SYS_add_key, SYS_request_key, SYS_keyctl, SYS_io_uring_setup, SYS_io_uring_enter,
        SYS_io_uring_register, SYS_bpf, SYS_perf_event_open}) {
    EXPECT_EQ(error_of(true, [number] { return ::syscall(number, 0, 0, 0, 0, 0); }), ENOSYS)
        << "call " << number;
  }
  // The kernel has these calls, so it is the filter that refuses them. Number 0 of keyctl tells the
  // session keyring (-3).
  EXPECT_NE(error_of(false, [] { return ::syscall(SYS_keyctl, 0, -3, 0); }), ENOSYS);
}

TEST(CallFilter, SocketsOfTheNetworkAloneCanBeMade) {
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
    const auto make = [family] { return ::socket(family, SOCK_DGRAM, 0); };
    EXPECT_EQ(error_of(true, make), error_of(false, make)) << "family " << family;
  }
  for (int family = 0; family < 256; ++family) {
    if (family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK) {
      continue;
    }
    EXPECT_EQ(error_of(true, [family] { return ::socket(family, SOCK_STREAM, 0); }), EAFNOSUPPORT)
        << "family " << family;
  }
  // The kernel looks at 32 bits of it.
  EXPECT_EQ(
      error_of(true,
               [] { return ::syscall(SYS_socket, 0x1'0000'0000L + AF_VSOCK, SOCK_STREAM, 0); }),
      EAFNOSUPPORT);
}

TEST(CallFilter, NoProgramInsideIsFreeOfIt) {
  EXPECT_EQ(error_of(true,
                     [] {
                       const pid_t child = ::fork();
                       if (child == 0) ::_exit(::socket(AF_VSOCK, SOCK_STREAM, 0) < 0 ? errno : 0);
                       int status = 0;
                       ::waitpid(child, &status, 0);
                       errno = WEXITSTATUS(status);
                       return errno == 0 ? 0 : -1;
                     }),
            EAFNOSUPPORT);
}

#if defined(__x86_64__)
long call_by_interrupt(int number, int first, int second, int third) {
  int result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(first), "c"(second), "d"(third) : "memory");
  if (result < 0) errno = -result;
  return result < 0 ? -1 : 0;
}

TEST(CallFilter, TheOtherNumbersOfTheSameCallsAreKnown) {
  constexpr int kX32 = 0x40000000;
  EXPECT_EQ(error_of(true, [] { return ::syscall(kX32 + SYS_socket, AF_VSOCK, SOCK_STREAM, 0); }),
            ENOSYS);
  constexpr int kSocket = 359;
  constexpr int kSocketcall = 102;
  constexpr int kKeyctl = 288;
  if (error_of(false, [] { return call_by_interrupt(kSocket, AF_INET, SOCK_STREAM, 0); }) != 0) {
    GTEST_SKIP() << "this kernel has no calls for 32-bit programs";
  }
  EXPECT_EQ(error_of(true, [] { return call_by_interrupt(kSocket, AF_INET, SOCK_STREAM, 0); }), 0);
  EXPECT_EQ(error_of(true, [] { return call_by_interrupt(kSocket, AF_VSOCK, SOCK_STREAM, 0); }),
            EAFNOSUPPORT);
  EXPECT_EQ(error_of(true, [] { return call_by_interrupt(kSocketcall, 1, 0, 0); }), ENOSYS);
  EXPECT_EQ(error_of(true, [] { return call_by_interrupt(kKeyctl, 0, -3, 0); }), ENOSYS);
}
#endif

}  // namespace
}  // namespace bottle::launcher::local
