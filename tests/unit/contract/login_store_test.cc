#include "proxy/contract/login_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <thread>
#include <vector>

namespace bottle::test {
namespace {

namespace fs = std::filesystem;

class LoginStoreTest : public testing::Test {
 protected:
  LoginStoreTest() {
    std::string name = (fs::temp_directory_path() / "login-XXXXXX").string();
    base_ = ::mkdtemp(name.data());
  }
  ~LoginStoreTest() override { fs::remove_all(base_); }

  static mode_t mode_of(const fs::path& path) {
    struct stat info{};
    EXPECT_EQ(::lstat(path.c_str(), &info), 0);
    return info.st_mode & 07777;
  }

  static StoredLogin login(const std::string& token = "token-Qw7Zx2Lm9Vb4Nc8K") {
    return StoredLogin{.tokens = {{"access_token", token}, {"refresh_token", "r" + token}},
                       .placeholders = {{"access_token", "a placeholder"}},
                       .refreshed_ms = 1767225600000,
                       .expires_in = 3600,
                       .client_file = R"({"claudeAiOauth":{"scopes":["a"]}})"};
  }

  fs::path base_;
};

TEST_F(LoginStoreTest, KeepsALoginThatOnlyItsOwnerReads) {
  const LoginStore store(base_ / "logins" / "claude");
  EXPECT_FALSE(store.exists());
  EXPECT_FALSE(store.read());
  const auto lock = store.try_lock();
  ASSERT_TRUE(lock && *lock);
  ASSERT_TRUE(store.write(login()));
  EXPECT_EQ(mode_of(store.directory()), 0700U);
  EXPECT_EQ(mode_of(store.file()), 0600U);
  const auto read = store.read();
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->tokens, login().tokens);
  EXPECT_EQ(read->placeholders, login().placeholders);
  EXPECT_EQ(read->refreshed_ms, 1767225600000);
  EXPECT_EQ(read->expires_in, 3600);
  EXPECT_EQ(read->client_file, login().client_file);
  EXPECT_TRUE(*store.remove());
  EXPECT_FALSE(*store.remove());
  EXPECT_FALSE(store.exists());
}

TEST_F(LoginStoreTest, RefusesWhatOthersCanReadAndWhatIsNoLogin) {
  const LoginStore store(base_ / "claude");
  ASSERT_TRUE(store.write(login()));
  ::chmod(store.file().c_str(), 0640);
  EXPECT_FALSE(store.read());
  for (const char* text : {"", "{}", "[]", R"({"tokens":{"a":1},"file":{}})", R"({"tokens":{}})"}) {
    std::ofstream(store.file()) << text;
    ::chmod(store.file().c_str(), 0600);
    EXPECT_FALSE(store.read()) << text;
  }
  fs::remove(store.file());
  fs::create_symlink("/etc/passwd", store.file());
  EXPECT_FALSE(store.read());
  ::chmod(store.directory().c_str(), 0755);
  EXPECT_FALSE(store.write(login()));
  EXPECT_FALSE(store.try_lock());
}

TEST_F(LoginStoreTest, HasOneHolderOfItsLock) {
  const LoginStore store(base_ / "claude");
  {
    const auto lock = store.try_lock();
    ASSERT_TRUE(lock && *lock);
    const auto second = store.try_lock();
    ASSERT_TRUE(second);
    EXPECT_FALSE(second->has_value());
  }
  const auto third = store.try_lock();
  ASSERT_TRUE(third);
  EXPECT_TRUE(third->has_value());
}

TEST_F(LoginStoreTest, ItsStampTellsOfEachChange) {
  const LoginStore store(base_ / "claude");
  EXPECT_EQ(store.stamp(), LoginStore::Stamp{});
  ASSERT_TRUE(store.write(login()));
  const auto first = store.stamp();
  EXPECT_EQ(store.stamp(), first);
  ASSERT_TRUE(store.write(login("token-Zx2Lm9Vb4Nc8KQw7")));
  EXPECT_FALSE(store.stamp() == first);
}

TEST_F(LoginStoreTest, AReaderSeesAWholeLoginWhileOthersWrite) {
  const LoginStore store(base_ / "claude");
  ASSERT_TRUE(store.write(login()));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&store, writer] {
      for (int i = 0; i < 30; ++i) {
        const std::string token(20 + static_cast<std::size_t>(100 * writer + i), 'a');
        EXPECT_TRUE(store.write(login(token)));
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto read = store.read();
    ASSERT_TRUE(read);
    EXPECT_EQ(read->tokens.at("refresh_token"), "r" + read->tokens.at("access_token"));
  }
  for (auto& writer : writers) writer.join();
}

}  // namespace
}  // namespace bottle::test
