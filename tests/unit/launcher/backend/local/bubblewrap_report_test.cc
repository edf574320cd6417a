// bubblewrap's failures are told apart from its command's by what it reports, not by a status.

#include "launcher/backend/local/bubblewrap_report.h"

#include <csignal>

#include "tests/unit/launcher/backend/local/local_bottle.h"

namespace bottle::launcher {
namespace {

using local::BubblewrapReport;

constexpr const char* kBegun = "{ \"child-pid\": 3, \"pid-namespace\": 4026532183 }\n";

Expected<ExitStatus> verdict_of(const std::string& text, int status) {
  auto pipe = make_pipe();
  EXPECT_TRUE(pipe && write_all(pipe->write.get(), text));
  pipe->write.reset();
  return BubblewrapReport(std::move(pipe->read)).verdict(status);
}

TEST(BubblewrapReport, AStatusIsTheCommandsOnlyIfItWasExecuted) {
  const std::string one = "{ \"exit-code\": 1 }\n";
  for (const int status : {0, 1, 69, 127, 137}) {
    const auto ran = verdict_of(kBegun + one, status);
    ASSERT_TRUE(ran);
    EXPECT_EQ(ran->value, status);
  }
  for (const std::string& text : {std::string(), std::string(kBegun)}) {
    for (const int status : {0, 1, 69, 127}) {
      const auto failed = verdict_of(text, status);
      ASSERT_FALSE(failed) << status;
      EXPECT_EQ(failed.error().code, ExitCode::kIsolation);
    }
    // Killed while it was being made: by a second signal to the launcher, say.
    EXPECT_EQ(verdict_of(text, 128 + SIGKILL)->value, 128 + SIGKILL);
  }
}

TEST(BubblewrapReport, ItIsReadInPiecesAndWithoutWaiting) {
  auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  BubblewrapReport report(std::move(pipe->read));
  report.read();
  EXPECT_FALSE(report.executed());
  const std::string text = std::string(kBegun) + "{ \"exit-code\": 0 }\n";
  for (const char c : text) {
    ASSERT_TRUE(write_all(pipe->write.get(), {&c, 1}));
    report.read();
  }
  EXPECT_TRUE(report.executed());
  EXPECT_GE(report.fd(), 0);
  pipe->write.reset();
  report.read();
  EXPECT_EQ(report.fd(), -1);
  EXPECT_TRUE(report.executed());
}

TEST_F(LocalBackend, ACommandsStatusOfOneIsItsOwn) {
  const auto ran = shell("exit 1");
  EXPECT_EQ(ran.status, 1);
  EXPECT_THAT(ran.err, Not(HasSubstr("bubblewrap")));
}

// As some daemons and `trap '' CHLD` leave it to their children.
TEST_F(LocalBackend, TheStatusIsNotLostWhenTheCallerIgnoresItsChildren) {
  Launch words = launch({"start", "--", "sh", "-c", "exit 7"});
  const Fd err(::open((root_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  words.fds = {{err.get(), 2}};
  const std::string project = (root_ / "project").string();
  auto child = spawn(words, ExitCode::kSystem, [project] {
    ::signal(SIGCHLD, SIG_IGN);
    return ::chdir(project.c_str()) == 0;
  });
  ASSERT_TRUE(child && child->wait(60s));
  EXPECT_EQ(child->exit_status(), 7) << content(root_ / "err");
}

TEST_F(LocalBackend, ABottleInABottleIsRefusedInWords) {
  std::ofstream(root_ / "project/bottle.json")
      << R"({"bottles": {"default": {"mounts": [{"host": ")" << BOTTLE_BINARY
      << R"(", "at": "/srv/bottle"}]}}})";
  const auto inner = shell("/srv/bottle start -- touch made; echo status $?");
  EXPECT_EQ(inner.out, "status 69\n") << inner.err;
  EXPECT_THAT(inner.err, HasSubstr("bottle: this is a bottle already"));
  EXPECT_FALSE(fs::exists(root_ / "project/made"));
  EXPECT_THAT(shell("/srv/bottle start demo").err, HasSubstr("this is a bottle already"));
}

}  // namespace
}  // namespace bottle::launcher
