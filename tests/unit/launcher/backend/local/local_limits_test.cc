// Limits of a bottle's processes, as the real program sets them on this machine.

#include <sys/resource.h>

#include "launcher/backend/local/control_group.h"
#include "tests/unit/launcher/backend/local/local_bottle.h"

namespace bottle::launcher {
namespace {

class LocalLimits : public LocalBackend {
 protected:
  void SetUp() override {
    LocalBackend::SetUp();
    const auto tree = local::group_tree();
    if (tree && local::find_group_place(*tree, {.pids = 100})) {
      GTEST_SKIP() << "this machine keeps to limits by control groups";
    }
  }
};

TEST_F(LocalLimits, WithoutAControlGroupEachProcessHasALimit) {
  const auto seen = shell("ulimit -d; ulimit -Hd", {"--memory", "512m", "--cpus", "2"});
  EXPECT_EQ(seen.out, "524288\n524288\n");
  EXPECT_THAT(seen.err, HasSubstr("bottle: limits: 512 MiB of memory for each process; the "
                                  "bottle's memory together is not limited; processor time is "
                                  "not limited (no control group"));
  EXPECT_THAT(shell("ulimit -d").out, "unlimited\n");
}

TEST_F(LocalLimits, TheNumberOfProcessesIsThatOfABottle) {
  std::ofstream(root_ / "project/fork.py") << R"(import os, signal
made = []
try:
    while len(made) < 40:
        pid = os.fork()
        if pid == 0:
            signal.pause()
        made.append(pid)
except BlockingIOError:
    print("refused")
print(len(made))
for pid in made:
    os.kill(pid, signal.SIGKILL)
)";
  const auto seen = shell("ulimit -u; exec /usr/bin/python3 fork.py", {"--pids", "20"});
  if (::getuid() == 0) {
    EXPECT_THAT(seen.err, HasSubstr("the number of processes is not limited for root"));
    EXPECT_THAT(seen.out, HasSubstr("\n40\n"));
  } else {
    EXPECT_THAT(seen.err, HasSubstr("limits: 20 processes (no control group"));
    EXPECT_THAT(seen.out, HasSubstr("20\nrefused\n1"));
  }
}

TEST_F(LocalLimits, ACommandOfExecHasThemToo) {
  auto child = start({"start", "--memory", "512m", "--", "bash", "-c",
                      "echo $BOTTLE_ID > unready; mv unready ready; read -r _ < <(sleep 1000)"});
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for("ready"));
  std::string id = content(root_ / "project/ready");
  id.pop_back();
  const Fd out(::open((root_ / "exec").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Launch words = launch({"exec", id, "--", "bash", "-c", "ulimit -d"});
  words.fds = {{out.get(), 1}};
  auto exec = spawn(words, ExitCode::kSystem);
  ASSERT_TRUE(exec);
  ASSERT_TRUE(exec->wait(60s));
  EXPECT_EQ(content(root_ / "exec"), "524288\n");
  child->signal(SIGTERM);
  EXPECT_TRUE(child->wait(30s));
}

}  // namespace
}  // namespace bottle::launcher
