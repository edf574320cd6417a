#include "launcher/process/regular_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class RegularFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-regular-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::string reason(const fs::path& file, std::size_t most = kMaxRegularFile) {
    const auto text = regular_text(file, most);
    return text ? "read" : text.error().message;
  }

  fs::path root_;
};

TEST_F(RegularFile, IsReadAlsoThroughALink) {
  std::ofstream(root_ / "file") << "text";
  fs::create_symlink("file", root_ / "link");
  const auto text = regular_text(root_ / "link", 4);
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "text");
}

TEST_F(RegularFile, TooLargeIsAnError) {
  std::ofstream(root_ / "file") << "text";
  EXPECT_EQ(reason(root_ / "file", 3), "it has more than 3 bytes");
  std::ofstream(root_ / "holes");
  fs::resize_file(root_ / "holes", std::uintmax_t{1} << 40);
  EXPECT_THAT(reason(root_ / "holes"), HasSubstr("more than 1048576 bytes"));
}

TEST_F(RegularFile, PipeDoesNotHang) {
  ASSERT_EQ(::mkfifo((root_ / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(reason(root_ / "pipe"), "it is a pipe");
}

TEST_F(RegularFile, DeviceAndFolderAreErrors) {
  EXPECT_EQ(reason("/dev/zero"), "it is no regular file");
  EXPECT_EQ(reason(root_), "it is a directory");
  EXPECT_THAT(reason(root_ / "absent"), HasSubstr("No such file"));
}

}  // namespace
}  // namespace bottle::launcher
