#include "proxy/config/memory_size.h"

#include <gtest/gtest.h>

#include <fstream>

#include "proxy/base/memory_budget.h"
#include "proxy/config/config.h"

namespace bottle {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMiB = 1024 * 1024;

TEST(MemorySize, IsANumberWithAUnit) {
  EXPECT_EQ(memory_size("67108864"), 64 * kMiB);
  EXPECT_EQ(memory_size("65536K"), 64 * kMiB);
  EXPECT_EQ(memory_size("64M"), 64 * kMiB);
  EXPECT_EQ(memory_size("2G"), 2048 * kMiB);
  for (const char* wrong :
       {"", "M", "-1M", "1.5G", "64MB", "64 M", "64m", "99999999999999999999", "9999999999G"}) {
    EXPECT_EQ(memory_size(wrong), std::nullopt) << wrong;
  }
}

Expected<Invocation> read(const std::string& value) {
  const char* const words[] = {"bottle-proxy", "--upstream", "direct", "--memory", value.c_str()};
  return parse_command_line(std::size(words), words);
}

TEST(MemorySize, TheOptionSaysTheLeastThatItTakes) {
  const auto enough = read("64M");
  ASSERT_TRUE(enough) << enough.error().message;
  EXPECT_EQ(enough->config.memory, MemoryBudget::kLeast);
  const auto little = read("67108863");
  ASSERT_FALSE(little);
  EXPECT_EQ(little.error().message, "--memory: '67108863': --memory takes 64M or more");
  const auto none = read("much");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "--memory: 'much' is no size; write bytes, or 512M, or 2G");
}

class CgroupMemory : public ::testing::Test {
 protected:
  CgroupMemory() : root(fs::path(::testing::TempDir()) / "cgroups") {
    fs::remove_all(root);
    fs::create_directories(root);
  }
  ~CgroupMemory() override { fs::remove_all(root); }
  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text << "\n";
  }
  std::optional<std::size_t> limit(const std::string& own) const {
    write("own", own);
    return memory_limit_of_cgroup(root / "own", root);
  }
  const fs::path root;
};

TEST_F(CgroupMemory, IsTheLeastOfTheGroupAndThoseAboveIt) {
  write("a/memory.max", "max");
  write("a/b/memory.max", "268435456");
  write("a/b/c/memory.max", "1073741824");
  EXPECT_EQ(limit("0::/a/b/c"), 256 * kMiB);
  EXPECT_EQ(limit("0::/a"), std::nullopt);
  EXPECT_EQ(limit("0::/a/b/c/gone"), 256 * kMiB);
}

TEST_F(CgroupMemory, InANamespaceOfItsOwnItIsAtTheRoot) {
  write("memory.max", "134217728");
  EXPECT_EQ(limit("0::/"), 128 * kMiB);
}

TEST_F(CgroupMemory, OfTheFirstVersionIsReadToo) {
  write("memory/job/memory.limit_in_bytes", "536870912");
  EXPECT_EQ(limit("5:cpu,cpuacct:/job\n4:memory:/job\n0::/"), 512 * kMiB);
  write("memory/job/memory.limit_in_bytes", "9223372036854771712");
  EXPECT_EQ(limit("4:memory:/job"), std::nullopt);
}

TEST_F(CgroupMemory, NoneMeansTheFixedDefault) {
  EXPECT_EQ(memory_limit_of_cgroup(root / "absent", root), std::nullopt);
  EXPECT_EQ(memory_by_default(std::nullopt), 1024 * kMiB);
  EXPECT_EQ(memory_by_default(600 * kMiB), 300 * kMiB);
  EXPECT_EQ(memory_by_default(100 * kMiB), 64 * kMiB) << "the least";
}

}  // namespace
}  // namespace bottle
