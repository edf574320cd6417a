#include "launcher/plan/java_trust_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

TEST(JavaTrustStore, NeedsACertificate) {
  EXPECT_FALSE(java_trust_store("", "changeit"));
  EXPECT_FALSE(java_trust_store("-----BEGIN CERTIFICATE-----\n", "changeit"));
}

// Java itself is the judge of the format.
TEST(JavaTrustStore, KeytoolReadsIt) {
  if (!find_program("keytool", "/usr/bin:/bin") || !find_program("openssl", "/usr/bin:/bin")) {
    GTEST_SKIP() << "keytool (a JDK) or openssl is missing";
  }
  std::string pattern = testing::TempDir() + "java-XXXXXX";
  const std::filesystem::path dir = ::mkdtemp(pattern.data());
  const std::string pem = (dir / "ca.pem").string();
  ASSERT_EQ(std::system(("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
                         "-subj /CN=test -days 1 -keyout /dev/null -out " +
                         pem + " 2>/dev/null")
                            .c_str()),
            0);
  std::ifstream in(pem);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto store = java_trust_store(text, "changeit");
  ASSERT_TRUE(store);
  const std::string file = (dir / "store.jks").string();
  std::ofstream(file, std::ios::binary) << *store;
  const std::string list = "keytool -list -storetype JKS -keystore " + file + " -storepass ";
  EXPECT_EQ(std::system((list + "changeit 2>/dev/null | grep -q trustedCertEntry").c_str()), 0);
  EXPECT_NE(std::system((list + "otherpass >/dev/null 2>&1").c_str()), 0);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace bottle::launcher
