#include "launcher/backend/local/call_filter.h"

#include <seccomp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

namespace bottle::launcher::local {
namespace {

struct Release {
  void operator()(void* filter) const noexcept { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

// Socket families that an agent's programs need, in ascending order. All others answer as a kernel
// without them does.
constexpr std::array<scmp_datum_t, 4> kFamilies{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

// socketcall is there for 32-bit programs alone and hides its arguments in memory; those since
// Linux 4.3 need it no more.
constexpr std::array kRefused{SCMP_SYS(add_key),
                              SCMP_SYS(request_key),
                              SCMP_SYS(keyctl),
                              SCMP_SYS(io_uring_setup),
                              SCMP_SYS(io_uring_enter),
                              SCMP_SYS(io_uring_register),
                              SCMP_SYS(bpf),
                              SCMP_SYS(perf_event_open),
                              SCMP_SYS(socketcall)};

// 0, or an error number with a minus before it, as the library has it.
int refuse_family(scmp_filter_ctx filter, scmp_compare how, scmp_datum_t family) {
  return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
                          SCMP_A0(how, family, 0));
}

int refuse_families(scmp_filter_ctx filter) {
  scmp_datum_t next = 0;
  for (const scmp_datum_t allowed : kFamilies) {
    for (; next < allowed; ++next) {
      if (const int result = refuse_family(filter, SCMP_CMP_EQ, next); result != 0) return result;
    }
    ++next;
  }
  return refuse_family(filter, SCMP_CMP_GE, next);
}

int load(scmp_filter_ctx filter) {
  // Calls by numbers of another kind (x32, and whatever comes) are none.
  int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
#if defined(__x86_64__)
  if (result == 0) result = seccomp_arch_add(filter, SCMP_ARCH_X86);
#endif
  for (const int call : kRefused) {
    if (result == 0) result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0);
  }
  if (result == 0) result = refuse_families(filter);
  return result == 0 ? seccomp_load(filter) : result;
}

}  // namespace

bool install_call_filter() {
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW));
  const int result = filter ? load(filter.get()) : -ENOMEM;
  if (result != 0) errno = -result;
  return result == 0;
}

}  // namespace bottle::launcher::local
