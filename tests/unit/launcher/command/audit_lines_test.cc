#include "launcher/command/audit_lines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

class Log : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "audit-lines-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }

  void add(const std::string& name, const std::string& text) const {
    std::ofstream(root_ / name, std::ios::app) << text;
  }
  // The lines that are there, with a blank behind each.
  static std::string rest(AuditLines& lines) {
    std::string out;
    while (const std::string* line = lines.peek()) {
      out += *line + " ";
      lines.take();
    }
    return out;
  }
  std::string newest(std::uint64_t most) const {
    AuditLines lines(root_ / "log", most);
    return rest(lines);
  }

  fs::path root_;
};

TEST_F(Log, OfALongLogOnlyTheNewestBytesAreRead) {
  add("log.2", "aaaa\nbbbb\n");
  add("log.1", "cccc\ndddd\n");
  add("log", "eeee\nffff\n");
  EXPECT_EQ(newest(1000), "aaaa bbbb cccc dddd eeee ffff ");
  EXPECT_EQ(newest(30), "aaaa bbbb cccc dddd eeee ffff ");
  // A line that is cut by the bound is left out, and one that begins at it is not.
  EXPECT_EQ(newest(29), "bbbb cccc dddd eeee ffff ");
  EXPECT_EQ(newest(20), "cccc dddd eeee ffff ");
  EXPECT_EQ(newest(19), "dddd eeee ffff ");
  EXPECT_EQ(newest(15), "dddd eeee ffff ");
  EXPECT_EQ(newest(5), "ffff ");
  EXPECT_EQ(newest(4), "");
  EXPECT_EQ(newest(0), "");
}

TEST_F(Log, NewLinesAreReadAlthoughOldOnesAreNot) {
  add("log", "eeee\nffff\n");
  AuditLines lines(root_ / "log", 0);
  EXPECT_EQ(rest(lines), "");
  add("log", "gggg\nhh");
  EXPECT_EQ(rest(lines), "gggg ");
  add("log", "hh\n");
  EXPECT_EQ(rest(lines), "hhhh ");
  fs::rename(root_ / "log", root_ / "log.1");
  add("log", "iiii\n");
  EXPECT_TRUE(lines.renew());
  EXPECT_EQ(rest(lines), "iiii ");
}

TEST_F(Log, ALogThatComesLaterIsReadFromItsBegin) {
  AuditLines lines(root_ / "log", 0);
  EXPECT_FALSE(lines.is_there());
  EXPECT_FALSE(lines.renew());
  add("log.refusals", "eeee\n");
  EXPECT_TRUE(lines.renew());
  EXPECT_EQ(rest(lines), "eeee ");
}

}  // namespace
}  // namespace bottle::launcher
