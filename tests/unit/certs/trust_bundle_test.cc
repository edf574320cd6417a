#include "certs/trust_bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/unit/certs/tools.h"

namespace bottle {
namespace {

using test::slurp;
using test::TempDir;
using ::testing::HasSubstr;

constexpr const char* kOne = "-----BEGIN CERTIFICATE-----\nMQ==\n-----END CERTIFICATE-----\n";
constexpr const char* kTwo = "-----BEGIN CERTIFICATE-----\nMg==\n-----END CERTIFICATE-----\n";

TEST(TrustBundle, SslCertFileComesFirst) {
  ::setenv("SSL_CERT_FILE", "/somewhere/roots.pem", 1);
  EXPECT_EQ(system_bundle_path().value(), "/somewhere/roots.pem");
  ::unsetenv("SSL_CERT_FILE");
}

TEST(TrustBundle, MergesWithALineEndBetween) {
  EXPECT_EQ(merge_bundle(kOne, kTwo), std::string(kOne) + kTwo);
  EXPECT_EQ(merge_bundle("x", "y"), "x\ny");
  EXPECT_EQ(merge_bundle("", kTwo), kTwo);
}

TEST(TrustBundle, ReadsABundleAndRefusesWhatIsNone) {
  const TempDir dir;
  EXPECT_EQ(read_bundle(dir.write("good.pem", kOne)).value(), kOne);
  const auto refused = [](const std::filesystem::path& path) {
    const Expected<std::string> result = read_bundle(path);
    EXPECT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, HasSubstr(path.string()));
    return result.error().message;
  };
  EXPECT_THAT(refused(dir / "absent.pem"), HasSubstr("No such file"));
  EXPECT_THAT(refused(dir.write("text", "no certificate")), HasSubstr("no PEM certificate"));
  EXPECT_THAT(refused(dir / ""), HasSubstr("not a regular file"));
  ASSERT_EQ(::mkfifo((dir / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(refused(dir / "pipe"), HasSubstr("not a regular file"));
  std::string large = kOne;
  large.resize(16 * 1024 * 1024 + 1, '\n');
  EXPECT_THAT(refused(dir.write("large.pem", large)), HasSubstr("16 MiB"));
}

TEST(TrustBundle, WritesPublicFilesWhole) {
  const TempDir dir;
  const mode_t before = ::umask(0077);
  const auto path = dir.write("ca.pem", "old");
  ASSERT_TRUE(write_public_file(path, kOne).has_value());
  ASSERT_TRUE(write_public_file(dir / "new.pem", kTwo).has_value());
  ::umask(before);
  EXPECT_EQ(slurp(path), kOne);
  EXPECT_EQ(slurp(dir / "new.pem"), kTwo);
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777U, 0644U);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir / "")) ++files;
  EXPECT_EQ(files, 2) << "no temporary file stays";
}

TEST(TrustBundle, SaysWhyAPathCannotBeWritten) {
  const TempDir dir;
  const auto refused = [](const std::filesystem::path& path) {
    const Expected<void> result = write_public_file(path, kOne);
    EXPECT_FALSE(result.has_value());
    EXPECT_EQ(result.error().code, ExitCode::kFiles);
    EXPECT_THAT(result.error().message, HasSubstr(path.string()));
    EXPECT_FALSE(result.error().hint.empty());
    return result.error().message;
  };
  EXPECT_THAT(refused(dir / "absent/ca.pem"), HasSubstr("No such file"));
  EXPECT_THAT(refused(dir / ""), HasSubstr("folder"));
  const auto file = dir.write("file", "x");
  EXPECT_THAT(refused(file / "ca.pem"), HasSubstr("Not a directory"));
}

TEST(TrustBundle, WritesToADevice) {
  EXPECT_TRUE(write_public_file("/dev/null", kOne).has_value());
}

}  // namespace
}  // namespace bottle
