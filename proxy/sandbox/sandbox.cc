#include "proxy/sandbox/sandbox.h"

#include <sys/prctl.h>

#include <cerrno>
#include <cstring>

#include "proxy/sandbox/call_list.h"
#include "proxy/sandbox/file_rules.h"

namespace bottle {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

}  // namespace

std::vector<std::string> enter_sandbox(SandboxRole role, const FileAccess& files) {
  std::vector<std::string> warnings;
  const auto warn = [&warnings](const char* what, int error) {
    warnings.push_back(std::string(what) + ": " + std::strerror(error));
  };
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    warn("new privileges could not be given up (PR_SET_NO_NEW_PRIVS)", errno);
  }
  if (kSanitized) return warnings;
  if (role != SandboxRole::Keeper) {
    const int failed = limit_files(files);
    if (failed == ENOSYS || failed == EOPNOTSUPP) {
      warnings.emplace_back("this kernel has no Landlock: the file system's own rules are all");
    } else if (failed != 0) {
      warn("files could not be limited (Landlock)", failed);
    }
  }
  const int failed = limit_calls(role);
  if (failed != 0) warn("system calls could not be limited (seccomp)", failed);
  return warnings;
}

}  // namespace bottle
