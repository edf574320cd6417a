#include "launcher/command/allow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kPrint = "abcdefghijklmn27";

class Allow : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-allow-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    around_.directory = root_;
    around_.home = root_;
    options_.secret = kPrint;
  }
  void TearDown() override { fs::remove_all(root_); }

  fs::path file() const { return root_ / "bottle.json"; }
  void manifest(const std::string& text) const { std::ofstream(file()) << text; }
  std::string written() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // The line that it prints, or the Error.
  std::string allow() {
    std::ostringstream out;
    std::ostringstream err;
    const Context context{.around = around_, .backends = {}, .out = out, .err = err};
    const auto status = run_allow(options_, context);
    EXPECT_EQ(out.str(), "");
    return status ? err.str() : status.error().message;
  }

  fs::path root_;
  Surroundings around_;
  AllowOptions options_;
};

TEST_F(Allow, WritesTheFingerprintOnceAndKeepsTheMode) {
  manifest("{ // mine\n  \"bottles\": {\"default\": {}} }\n");
  fs::permissions(file(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_THAT(allow(), HasSubstr("the bottle \"default\" lets this value out"));
  const std::string text = written();
  EXPECT_THAT(text, HasSubstr("{ // mine\n"));
  EXPECT_THAT(text, HasSubstr(kPrint));
  EXPECT_THAT(allow(), HasSubstr("has it already"));
  EXPECT_EQ(written(), text);
  EXPECT_EQ(fs::status(file()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(std::distance(fs::directory_iterator(root_), fs::directory_iterator()), 1);
}

TEST_F(Allow, NameSaysWhichBottle) {
  manifest(R"({"bottles": {"a": {}, "b": {}},
 "agents": {"c": {"bottle": "b", "command": ["sh"]}}})");
  EXPECT_THAT(allow(), HasSubstr("which bottle?"));
  options_.words = {"c"};
  EXPECT_THAT(allow(), HasSubstr("the bottle \"b\""));
  EXPECT_THAT(written(), HasSubstr(R"("b": { "guard")"));
  options_.words = {"d"};
  EXPECT_THAT(allow(), HasSubstr("neither an agent nor a bottle"));
}

TEST_F(Allow, WithoutAManifestItSaysWhatToDo) {
  EXPECT_THAT(allow(), HasSubstr("there is no manifest"));
  options_.manifest = "absent.json";
  EXPECT_THAT(allow(), HasSubstr("absent.json"));
}

TEST_F(Allow, LinkStaysALink) {
  std::ofstream(root_ / "real.json") << R"({"bottles": {"default": {}}})";
  fs::create_symlink("real.json", file());
  allow();
  EXPECT_TRUE(fs::is_symlink(file()));
  EXPECT_THAT(written(), HasSubstr(kPrint));
}

TEST_F(Allow, NameOfALinkedFileCannotSteerTheTerminal) {
  std::ofstream(root_ / "\x1b[2J.json") << R"({"bottles": {"default": {}}})";
  fs::create_symlink("\x1b[2J.json", file());
  EXPECT_THAT(allow(), HasSubstr("/?[2J.json;"));
  EXPECT_THAT(allow(), HasSubstr("/?[2J.json has it already"));
}

TEST(AllowOptions, FingerprintIsChecked) {
  EXPECT_FALSE(check_allow({}));
  EXPECT_TRUE(check_allow({.secret = kPrint}));
  const auto bad = check_allow({.secret = "ghp_notafingerprint"});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().hint, HasSubstr("never write the secret"));
}

}  // namespace
}  // namespace bottle::launcher
