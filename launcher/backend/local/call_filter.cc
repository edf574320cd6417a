#include "launcher/backend/local/call_filter.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bottle::launcher::local {
namespace {

// What an agent's programs need. All others answer as a kernel without them does.
constexpr std::array<std::uint32_t, 4> kFamilies{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

constexpr std::array<std::uint32_t, 8> kRefused{
    SYS_add_key,        SYS_request_key,       SYS_keyctl, SYS_io_uring_setup,
    SYS_io_uring_enter, SYS_io_uring_register, SYS_bpf,    SYS_perf_event_open};

#if defined(__x86_64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kX32Bit = 0x40000000;  // the same calls by other numbers
// The numbers of 32-bit programs. socketcall (102) hides its arguments in memory; programs since
// Linux 4.3 need it no more.
constexpr std::array<std::uint32_t, 9> kRefused32{286, 287, 288, 425, 426, 427, 357, 336, 102};
constexpr std::uint32_t kSocket32 = 359;
#elif defined(__aarch64__)
constexpr std::uint32_t kNative = AUDIT_ARCH_AARCH64;
#else
#error "the filter knows the calls of x86-64 and arm64 only"
#endif

using Program = std::vector<sock_filter>;

void add(Program& out, int code, std::uint32_t value) {
  out.push_back(BPF_STMT(static_cast<std::uint16_t>(code), value));
}

void load(Program& out, std::size_t offset) {
  add(out, BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
}

void refuse(Program& out, int problem) {
  add(out, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(problem));
}

// `inner` runs when the loaded word compares so with `value`; it must end with an answer.
void when(Program& out, int comparison, std::uint32_t value, const Program& inner) {
  sock_filter jump = BPF_JUMP(static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), value, 0,
                              static_cast<std::uint8_t>(inner.size()));
  out.push_back(jump);
  out.insert(out.end(), inner.begin(), inner.end());
}

Program refusal(int problem) {
  Program out;
  refuse(out, problem);
  return out;
}

Program allowed_families() {
  Program out;
  // Little endian, both architectures: the low half of the first argument, of which the kernel
  // takes no more.
  load(out, offsetof(seccomp_data, args));
  Program yes;
  add(yes, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  for (const auto family : kFamilies) when(out, BPF_JEQ, family, yes);
  refuse(out, EAFNOSUPPORT);
  return out;
}

Program calls_of(std::span<const std::uint32_t> refused, std::uint32_t socket) {
  Program out;
  load(out, offsetof(seccomp_data, nr));
  for (const auto number : refused) when(out, BPF_JEQ, number, refusal(ENOSYS));
  when(out, BPF_JEQ, socket, allowed_families());
  add(out, BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  return out;
}

Program native_calls() {
  Program out;
#if defined(__x86_64__)
  load(out, offsetof(seccomp_data, nr));
  when(out, BPF_JGE, kX32Bit, refusal(ENOSYS));
#endif
  const Program rest = calls_of(kRefused, SYS_socket);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

Program whole() {
  Program out;
  load(out, offsetof(seccomp_data, arch));
  when(out, BPF_JEQ, kNative, native_calls());
#if defined(__x86_64__)
  when(out, BPF_JEQ, AUDIT_ARCH_I386, calls_of(kRefused32, kSocket32));
#endif
  refuse(out, ENOSYS);
  return out;
}

}  // namespace

bool install_call_filter() {
  Program program = whole();
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

}  // namespace bottle::launcher::local
