#include "launcher/lifetime/fingerprint_key.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

class FingerprintKeys : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-key-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path base() const { return root_ / "state/bottle"; }
  fs::path file() const { return base() / kFingerprintKeyName; }

 private:
  fs::path root_;
};

TEST_F(FingerprintKeys, IsMadeOnceAndReadByItsOwnerAlone) {
  const auto made = fingerprint_key(base());
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_NE(*made, FingerprintKey{});
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(info.st_size, 32);
  const auto again = fingerprint_key(base());
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *made);
  const auto count = std::distance(fs::directory_iterator(base()), fs::directory_iterator());
  EXPECT_EQ(count, 1) << "something is left over";
}

TEST_F(FingerprintKeys, StartsAtTheSameTimeAgree) {
  std::vector<FingerprintKey> keys(8);
  std::vector<std::thread> starts;
  for (FingerprintKey& key : keys) {
    starts.emplace_back([this, &key] {
      const auto made = fingerprint_key(base());
      if (made) key = *made;
    });
  }
  for (std::thread& start : starts) start.join();
  for (const FingerprintKey& key : keys) EXPECT_EQ(key, keys.front());
  EXPECT_NE(keys.front(), FingerprintKey{});
}

TEST_F(FingerprintKeys, FileThatIsNoneIsNamed) {
  ASSERT_TRUE(fingerprint_key(base()));
  const auto complaint = [this] {
    const auto made = fingerprint_key(base());
    return made ? "accepted" : made.error().message;
  };
  ::chmod(file().c_str(), 0640);
  EXPECT_NE(complaint().find(file().string()), std::string::npos);
  ::chmod(file().c_str(), 0600);
  std::ofstream(file()) << "short";
  EXPECT_NE(complaint().find("32 bytes"), std::string::npos);
  fs::rename(file(), base() / "other");
  fs::create_symlink("other", file());
  EXPECT_NE(complaint().find("32 bytes"), std::string::npos);
}

}  // namespace
}  // namespace bottle::launcher
