#include "launcher/manifest/protect_entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "launcher/manifest/manifest.h"

namespace bottle::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Expected<Manifest> parse(const std::string& inner) {
  return parse_manifest(R"({"bottles": {"b": {)" + inner + "}}}", "m.json", "/work");
}

TEST(ProtectEntry, PathsAreNormalAndFoldersFreeWhatTheyHold) {
  const auto manifest =
      parse(R"("protect": ["Makefile", "./a//b/"], "unprotect": [".claude/", ".vscode"])");
  ASSERT_TRUE(manifest);
  const auto& entry = manifest->bottles.at("b").protect;
  EXPECT_THAT(entry.added, ElementsAre("Makefile", "a/b"));
  EXPECT_THAT(entry.freed, ElementsAre(".claude", ".vscode"));
  EXPECT_TRUE(entry.frees(".claude/settings.json"));
  EXPECT_TRUE(entry.frees(".vscode"));
  for (const char* name : {".git/config", ".claudex", ".vscod", ".mcp.json"}) {
    EXPECT_FALSE(entry.frees(name)) << name;
  }
}

TEST(ProtectEntry, OtherPathsAreErrors) {
  for (const char* path : {"/etc/x", "..", "../x", "a/../../x", ".", "", "a/.."}) {
    const auto manifest = parse(R"("protect": [")" + std::string(path) + "\"]");
    ASSERT_FALSE(manifest) << path;
    EXPECT_THAT(manifest.error().message, HasSubstr("is not a path in the workspace")) << path;
  }
  for (const char* name : {"Makefile", ".vscod", ".vscode/tasks.json", ".gi"}) {
    const auto manifest = parse(R"("unprotect": [")" + std::string(name) + "\"]");
    ASSERT_FALSE(manifest) << name;
    EXPECT_THAT(manifest.error().message, HasSubstr("is not protected by itself")) << name;
    EXPECT_THAT(manifest.error().hint, HasSubstr(".git/config, .git/hooks, ")) << name;
  }
  for (const char* bad : {R"("protect": "a")", R"("unprotect": [1])", R"("protect": {})"}) {
    EXPECT_FALSE(parse(bad)) << bad;
  }
}

TEST(ProtectEntry, ThePageHasEachName) {
  std::ifstream in(BOTTLE_TESTS_DIR "/../docs/manifest.md");
  const std::string page{std::istreambuf_iterator<char>(in), {}};
  for (const auto name : protected_names()) {
    EXPECT_THAT(page, HasSubstr("`" + std::string(name) + "`"));
  }
}

}  // namespace
}  // namespace bottle::launcher
