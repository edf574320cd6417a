#include "launcher/plan/host_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class PathOfHost : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/tmp/bottle-path-XXXXXX";
    root_ = fs::canonical(::mkdtemp(pattern.data()));
    for (const char* name : {"project/.venv/bin", "bin", "projects"}) {
      fs::create_directories(root_ / name);
    }
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string in(const std::string& name) const { return (root_ / name).string(); }

  fs::path root_;
};

TEST_F(PathOfHost, WithoutWhatTheAgentCanChange) {
  const auto host =
      host_path("::" + in("project/.venv/bin") + ":.:bin:" + in("bin") + ":" + in("projects") +
                    ":" + in("bin/../project") + ":" + in("project/not-there-yet") + "/:/usr/bin:",
                {root_ / "project/"});
  EXPECT_EQ(host.path, in("bin") + ":" + in("projects") + ":/usr/bin");
  EXPECT_THAT(host.left_out, ElementsAre(in("project/.venv/bin"), ".", "bin", in("bin/../project"),
                                         in("project/not-there-yet") + "/"));
  const auto note = left_out_note(host);
  ASSERT_TRUE(note);
  EXPECT_THAT(*note, HasSubstr(in("project/.venv/bin")));
}

TEST_F(PathOfHost, LinksAreFollowedInBothWays) {
  fs::create_directory_symlink(root_ / "project/.venv/bin", root_ / "into");
  fs::create_directory_symlink("/usr/bin", root_ / "project/out");
  fs::create_directory_symlink("project/out", root_ / "through");
  fs::create_directory_symlink("loop", root_ / "loop");
  fs::create_directory_symlink(root_ / "bin", root_ / "harmless");
  const std::vector<std::string> bad{in("into"), in("project/out"), in("through"), in("loop")};
  std::string path = in("harmless");
  for (const auto& one : bad) path += ":" + one;
  const auto host = host_path(path, {root_ / "project"});
  EXPECT_EQ(host.path, in("harmless"));
  EXPECT_EQ(host.left_out, bad);
  // The workspace may be named by a link, too.
  fs::create_directory_symlink(root_ / "project", root_ / "named");
  EXPECT_THAT(host_path(in("project/.venv/bin"), {root_ / "named"}).left_out,
              ElementsAre(in("project/.venv/bin")));
}

TEST_F(PathOfHost, IsNeverEmpty) {
  EXPECT_THAT(host_path("", {}).path, HasSubstr("/usr/bin"));
  const auto host = host_path(in("project"), {root_ / "project"});
  EXPECT_THAT(host.path, HasSubstr("/usr/bin"));
  EXPECT_FALSE(left_out_note(host_path("/usr/bin", {root_})));
}

TEST_F(PathOfHost, WritableMountsAndKeptHomesAreTheAgents) {
  BottleSpec spec;
  spec.workspace = root_ / "project";
  spec.around.env["XDG_STATE_HOME"] = root_.string();
  spec.mounts = {{.host = in("bin"), .at = "/a"},
                 {.host = in("tools"), .at = "/b", .read_only = false}};
  EXPECT_THAT(folders_of_agents(spec),
              ElementsAre(root_ / "project", root_ / "tools", root_ / "bottle/homes"));
}

}  // namespace
}  // namespace bottle::launcher
