#include "proxy/refused_names.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace bottle {
namespace {

// The audit lines of the names.
std::string audited(const std::vector<std::string>& names) {
  std::string file = ::testing::TempDir() + "refused-names-XXXXXX";
  const int made = ::mkstemp(file.data());
  EXPECT_GE(made, 0);
  ::close(made);
  {
    SecretSpec secret;
    secret.name = "TOKEN";
    secret.value = "hunter2+hunter2/=";
    auto set = SecretSet::make({secret});
    auto audit = AuditSink::open(file);
    EXPECT_TRUE(set && audit);
    if (!set || !audit) return {};
    RefusedNames refused(std::move(*set), **audit, "n-", DecidedBy::Proxy);
    for (const std::string& name : names) refused.tell(name);
  }
  std::string text;
  for (const std::string& part : audit_files(file)) {
    std::ifstream in(part);
    text.append(std::istreambuf_iterator<char>(in), {});
    ::unlink(part.c_str());
  }
  return text;
}

TEST(RefusedNames, StandInTheLog) {
  const std::string log = audited({"a.test", "b\\032c.test", "\\", "\\03", "\\999x"});
  EXPECT_NE(log.find("\"a.test\""), std::string::npos) << log;
  EXPECT_NE(log.find("b\\\\032c.test"), std::string::npos) << log;
  EXPECT_NE(log.find("\"n-5\""), std::string::npos) << log;
  EXPECT_EQ(log.find("[redacted]"), std::string::npos) << log;
}

// A name server writes bytes that no host name has as "\ddd".
TEST(RefusedNames, ASecretDoesNotWhateverItsBytes) {
  const std::string log = audited({"hunter2\\043hunter2\\047\\061.evil.test"});
  EXPECT_NE(log.find("[redacted]"), std::string::npos) << log;
  EXPECT_EQ(log.find("hunter2"), std::string::npos) << log;
}

}  // namespace
}  // namespace bottle
