#include "launcher/plan/user_key.h"

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

class UserKeys : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-key-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(root_); }
  fs::path base() const { return root_ / "state/bottle"; }
  fs::path file() const { return base() / kFingerprintKeyFile.name; }

 private:
  fs::path root_;
};

TEST_F(UserKeys, IsMadeOnceAndReadByItsOwnerAlone) {
  const auto made = user_key(base(), kFingerprintKeyFile);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_NE(*made, UserKey{});
  struct stat info{};
  ASSERT_EQ(::stat(file().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
  EXPECT_EQ(info.st_size, 32);
  const auto again = user_key(base(), kFingerprintKeyFile);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *made);
  const auto count = std::distance(fs::directory_iterator(base()), fs::directory_iterator());
  EXPECT_EQ(count, 1) << "something is left over";
}

TEST_F(UserKeys, EachFileIsAKeyOfItsOwn) {
  const auto one = user_key(base(), kFingerprintKeyFile);
  const auto other = user_key(base(), kPlaceholderKeyFile);
  ASSERT_TRUE(one && other);
  EXPECT_NE(*one, *other);
}

TEST_F(UserKeys, StartsAtTheSameTimeAgree) {
  std::vector<UserKey> keys(8);
  std::vector<std::thread> starts;
  for (UserKey& key : keys) {
    starts.emplace_back([this, &key] {
      const auto made = user_key(base(), kFingerprintKeyFile);
      if (made) key = *made;
    });
  }
  for (std::thread& start : starts) start.join();
  for (const UserKey& key : keys) EXPECT_EQ(key, keys.front());
  EXPECT_NE(keys.front(), UserKey{});
}

TEST_F(UserKeys, FileThatIsNoneIsNamed) {
  ASSERT_TRUE(user_key(base(), kFingerprintKeyFile));
  const auto complaint = [this] {
    const auto made = user_key(base(), kFingerprintKeyFile);
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
