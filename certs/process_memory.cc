#include "certs/process_memory.h"

#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

namespace bottle {
namespace {

// Every handshake in progress takes a few of these 32-byte blocks, and OpenSSL does not fall back
// to the ordinary heap when they run out: 1 MiB is enough for some 8 000 handshakes at once.
constexpr std::size_t kSecureHeap = 1024 * 1024;
constexpr std::size_t kSecureBlock = 32;

std::string with_reason(const std::string& what) { return what + ": " + std::strerror(errno); }

}  // namespace

std::vector<std::string> forbid_dumps() {
  std::vector<std::string> warnings;
  const rlimit none{};
  if (setrlimit(RLIMIT_CORE, &none) != 0) {
    warnings.push_back(with_reason("core dumps could not be turned off (RLIMIT_CORE)"));
  }
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    warnings.push_back(with_reason("other processes may read this one's memory (PR_SET_DUMPABLE)"));
  }
  return warnings;
}

std::vector<std::string> harden_process_memory() {
  std::vector<std::string> warnings = forbid_dumps();
  if (CRYPTO_secure_malloc_initialized() == 0) {
    const int done = CRYPTO_secure_malloc_init(kSecureHeap, kSecureBlock);
    if (done == 0) {
      warnings.push_back(
          with_reason("no protected memory for keys; they are kept in ordinary memory"));
    } else if (done == 2) {
      warnings.emplace_back(
          "keys may be written to swap: memory could not be locked; raise RLIMIT_MEMLOCK "
          "(ulimit -l) to 1 MiB or more, or turn swap off");
    }
  }
  return warnings;
}

}  // namespace bottle
