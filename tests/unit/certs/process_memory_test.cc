#include "certs/process_memory.h"

#include <gtest/gtest.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "certs/certificate_authority.h"

namespace bottle {
namespace {

enum Fault : int { None, Dumpable, CoreAllowed, NoSecureHeap, KeysElsewhere, KeysRemain };

// In a child: what hardening does cannot be undone.
int check() {
  (void)harden_process_memory();
  if (::prctl(PR_GET_DUMPABLE) != 0) return Dumpable;
  rlimit core{};
  if (::getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) return CoreAllowed;
  if (CRYPTO_secure_malloc_initialized() != 1) return NoSecureHeap;
  const std::size_t before = CRYPTO_secure_used();
  CaOptions options;
  options.names = CaNames::Any;
  {
    const auto ca = CertificateAuthority::create(options).value();
    // Two keys of 32 bytes at the least: the intermediate's and the leaves'.
    if (CRYPTO_secure_used() < before + 64) return KeysElsewhere;
    if (!ca->mint(ServerName::parse("a.test").value(), WallClock::now())) return KeysElsewhere;
  }
  // The rest is OpenSSL's own (its random generators), not two more keys.
  const std::size_t after = CRYPTO_secure_used();
  {
    const auto again = CertificateAuthority::create(options).value();
  }
  return CRYPTO_secure_used() == after ? None : KeysRemain;
}

TEST(ProcessMemory, KeysAreInProtectedMemoryAndLeaveIt) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(check());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), None);
}

}  // namespace
}  // namespace bottle
