#include "launcher/manifest/manifest_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class ManifestWrite : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-write-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    std::ofstream(file()) << "before, which is longer";
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path file() const { return root_ / "bottle.json"; }
  std::string written() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string problem(const std::string& before, const std::string& after) const {
    const auto done = replace_manifest(file(), before, after);
    return done ? "" : done.error().message;
  }

  fs::path root_;
};

TEST_F(ManifestWrite, FileStaysTheSameOne) {
  struct stat first{};
  struct stat second{};
  fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write);
  ASSERT_EQ(::stat(file().c_str(), &first), 0);
  EXPECT_EQ(problem("before, which is longer", "after"), "");
  ASSERT_EQ(::stat(file().c_str(), &second), 0);
  EXPECT_EQ(first.st_ino, second.st_ino);
  EXPECT_EQ(first.st_mode, second.st_mode);
  EXPECT_EQ(written(), "after");
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
}

TEST_F(ManifestWrite, AnotherTextIsLeft) {
  EXPECT_THAT(problem("something else", "after"), HasSubstr("left as it is"));
  EXPECT_EQ(written(), "before, which is longer");
}

TEST_F(ManifestWrite, LinkIsNotFollowed) {
  fs::rename(file(), root_ / "real.json");
  fs::create_symlink("real.json", file());
  EXPECT_THAT(problem("before, which is longer", "after"), HasSubstr("cannot write"));
  EXPECT_EQ(written(), "before, which is longer");
}

TEST_F(ManifestWrite, OldTextIsPutBackWhenThereIsNoRoom) {
  // The limit of a file's size stands for a full disk: a part is written, then write() fails.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 64, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string said = problem("before, which is longer", std::string(100, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(said, HasSubstr("which is as it was"));
  EXPECT_EQ(written(), "before, which is longer");
}

TEST_F(ManifestWrite, PipeIsAnErrorAndDoesNotHang) {
  fs::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  EXPECT_THAT(problem("", "after"), HasSubstr("it is a pipe"));
  const auto text = manifest_text(file());
  ASSERT_FALSE(text);
  EXPECT_THAT(text.error().message, HasSubstr("it is a pipe"));
}

}  // namespace
}  // namespace bottle::launcher
