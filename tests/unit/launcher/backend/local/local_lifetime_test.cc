// The events that end a bottle; nothing is left then.

#include <poll.h>
#include <sys/ioctl.h>

#include <array>
#include <csignal>

#include "launcher/lifetime/runtime_dir.h"
#include "tests/unit/launcher/backend/local/local_bottle.h"

namespace bottle::launcher {
namespace {

TEST_F(LocalBackend, AProxyThatDoesNotStartOrDiesEndsTheBottle) {
  const auto refused = shell("touch made", {"--allow", "refuse-to-start.mode.test"});
  EXPECT_EQ(refused.status, static_cast<int>(ExitCode::kProxy));
  EXPECT_THAT(refused.err, HasSubstr("refusing to start, as asked"));
  EXPECT_FALSE(fs::exists(root_ / "project/made"));
  const auto died = shell("sleep 60", {"--allow", "die-soon.mode.test"});
  EXPECT_EQ(died.status, static_cast<int>(ExitCode::kProxy));
  EXPECT_THAT(died.err, HasSubstr("ended unexpectedly (status 3)"));
  EXPECT_TRUE(left_over().empty());
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalBackend, SignalsReachTheCommand) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    fs::remove(root_ / "project/started");
    auto child = start({"start", "--", "/usr/bin/python3", "-c",
                        "import signal, sys\n"
                        "for s in (2, 15, 1, 10): signal.signal(s, lambda n, f: sys.exit(40 + n))\n"
                        "open('started', 'w').close()\n"
                        "while True: signal.pause()\n"});
    ASSERT_TRUE(child);
    ASSERT_TRUE(wait_for("started"));
    child->signal(signal);
    ASSERT_TRUE(child->wait(20s));
    EXPECT_EQ(child->exit_status(), 40 + signal);
  }
  EXPECT_TRUE(left_over().empty());
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalBackend, BackgroundProcessesEndWithTheCommand) {
  const std::string marked = "bash -c 'sleep 1000; : " + root_.string() + "' &\n";
  EXPECT_EQ(shell(marked + "setsid " + marked + "exit 4").status, 4);
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalBackend, AKilledLauncherLeavesNothing) {
  // The marker is in the command lines of everything, also of what the agent put into the
  // background.
  const std::string marked = "bash -c 'touch $0; sleep 1000; : " + root_.string() + "' ";
  auto child = start({"start", "--", "bash", "-c",
                      "setsid " + marked + "one &\n while [ ! -e one ]; do sleep 0.02; done\n" +
                          marked + "started"});
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for("started"));
  const auto running = processes();
  EXPECT_GE(running.size(), 4U);  // the proxy, bwrap, the agent, its background
  ASSERT_EQ(left_over().size(), 1U);
  const std::string stale = left_over().front();
  child->signal(SIGKILL);
  ASSERT_TRUE(child->wait(10s));
  EXPECT_TRUE(nothing_runs());
  EXPECT_EQ(shell("true").status, 0);
  EXPECT_THAT(left_over(), Not(testing::Contains(stale)));
}

TEST_F(LocalBackend, RunningBottlesAreNotReaped) {
  auto child = start(
      {"start", "--", "bash", "-c", "touch started; while [ ! -e end ]; do sleep 0.02; done"});
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for("started"));
  const auto before = left_over();
  EXPECT_EQ(reap_left_overs(root_ / "run/bottle"), 0U);
  EXPECT_EQ(left_over(), before);
  std::ofstream(root_ / "project/end") << "";
  ASSERT_TRUE(child->wait(20s));
}

// No process has it as its parent.
bool has_no_child(pid_t parent) {
  const std::string file = "/proc/" + std::to_string(parent);
  return content(fs::path(file) / "task" / std::to_string(parent) / "children").empty();
}

// The launcher is held up at its end, as by a slow disk, by a pipe that takes nothing.
TEST_F(LocalBackend, ASignalDuringTheEndDoesNotKeepTheLauncherFromLookingAtTheWorkspace) {
  for (const char* name : {"hooks", "objects", "refs"}) {
    fs::create_directories(root_ / "project/.git" / name);
  }
  std::ofstream(root_ / "project/.git/HEAD") << "ref: refs/heads/main\n";
  std::ofstream(root_ / "project/.git/config") << "[core]\n";
  auto told = make_pipe();
  ASSERT_TRUE(told);
  Launch words =
      launch({"start", "--", "bash", "-c",
              "exec 2> /dev/null; echo /elsewhere > .git/commondir; touch .envrc started;"
              " while [ ! -e end ]; do sleep 0.02; done"});
  words.fds = {{told->write.get(), 2}};
  const std::string project = (root_ / "project").string();
  auto child = spawn(words, ExitCode::kSystem, [project] { return ::chdir(project.c_str()) == 0; });
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for("started"));
  // Opened anew: the launcher's own descriptor waits.
  Fd filler(::open(("/proc/self/fd/" + std::to_string(told->write.get())).c_str(),
                   O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  while (::write(filler.get(), "", 1) == 1) {
  }
  filler.reset();
  told->write.reset();
  std::ofstream(root_ / "project/end") << "";
  for (int i = 0; i < 2000 && !has_no_child(child->pid()); ++i) std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(has_no_child(child->pid()));
  child->signal(SIGTERM);
  child->signal(SIGHUP);
  std::string said;
  std::array<char, 4096> chunk{};
  for (ssize_t got = 1; got > 0;) {
    got = ::read(told->read.get(), chunk.data(), chunk.size());
    if (got > 0) said.append(chunk.data(), static_cast<std::size_t>(got));
  }
  std::erase(said, '\0');
  ASSERT_TRUE(child->wait(20s));
  EXPECT_EQ(child->exit_status(), 0);
  EXPECT_FALSE(fs::exists(root_ / "project/.git/commondir"));
  EXPECT_THAT(said, HasSubstr("commondir was made while the bottle ran, and is removed"));
  EXPECT_THAT(said, HasSubstr("project/.envrc; look at them"));
}

struct OnTerminal {
  bool ended = false;
  int status = -1;
  std::string seen;
};

// Runs `words` in `directory` as the leader of a session with a terminal of 33 by 101; types
// `answer` when `prompt` has appeared.
OnTerminal run_on_terminal(const Launch& words, const std::string& directory,
                           const std::string& prompt, const std::string& answer) {
  OnTerminal out;
  const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  std::array<char, 64> name{};
  if (!master || ::grantpt(master.get()) != 0 || ::unlockpt(master.get()) != 0 ||
      ::ptsname_r(master.get(), name.data(), name.size()) != 0) {
    ADD_FAILURE() << "no pseudo terminal";
    return out;
  }
  const winsize size{.ws_row = 33, .ws_col = 101, .ws_xpixel = 0, .ws_ypixel = 0};
  const std::string side = name.data();
  auto child = spawn(words, ExitCode::kSystem, [&directory, &side, &size] {
    const int fd = ::open(side.c_str(), O_RDWR);  // of a new session: becomes its terminal
    if (fd < 0 || ::ioctl(fd, TIOCSWINSZ, &size) != 0) return false;
    for (int number = 0; number < 3; ++number) ::dup2(fd, number);
    return ::chdir(directory.c_str()) == 0;
  });
  if (!child) {
    ADD_FAILURE() << child.error().message;
    return out;
  }
  bool answered = false;
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (!child->ended() && std::chrono::steady_clock::now() < until) {
    pollfd fds{master.get(), POLLIN, 0};
    if (::poll(&fds, 1, 100) <= 0) continue;
    std::array<char, 512> chunk{};
    const auto got = ::read(master.get(), chunk.data(), chunk.size());
    if (got > 0) out.seen.append(chunk.data(), static_cast<std::size_t>(got));
    if (!answered && out.seen.find(prompt) != std::string::npos) {
      answered = true;
      EXPECT_TRUE(write_all(master.get(), answer));
    }
  }
  out.ended = child->ended();
  if (out.ended) out.status = child->exit_status();
  return out;
}

TEST_F(LocalBackend, ATerminalHasJobControlAndItsSize) {
  const Launch words =
      launch({"start", "-q", "--", "bash", "-c",
              "trap 'echo interrupted; exit 5' INT; stty size; test -t 0 && test -t 1 && echo tty\n"
              "echo start > /dev/tty; while :; do sleep 0.05; done"});
  const auto run = run_on_terminal(words, (root_ / "project").string(), "start", "\x03");
  ASSERT_TRUE(run.ended) << run.seen;
  EXPECT_EQ(run.status, 5);
  EXPECT_THAT(run.seen, HasSubstr("33 101"));
  EXPECT_THAT(run.seen, HasSubstr("tty\r\n"));
}

// As editors do at Ctrl-Z. Without this the terminal would be dead: raw, and not read.
TEST_F(LocalBackend, ACommandThatStopsItselfStopsTheCallersJob) {
  const std::string start = BOTTLE_BINARY " start -q -- bash -c 'kill -STOP $$; echo went on'\n";
  Launch words = launch({});
  words.argv = {"/bin/bash", "-mc", start + "echo status $?\nfg\nexit 6"};
  const auto run = run_on_terminal(words, (root_ / "project").string(), "status", "");
  ASSERT_TRUE(run.ended) << run.seen;
  EXPECT_EQ(run.status, 6);
  const auto stopped = run.seen.find("status " + std::to_string(128 + SIGTSTP));
  ASSERT_NE(stopped, std::string::npos) << run.seen;
  EXPECT_NE(run.seen.find("went on\r\n", stopped), std::string::npos) << run.seen;
}

TEST_F(LocalBackend, ACommandThatStopsItselfGoesOnWhenNoShellCouldContinueIt) {
  const Launch words =
      launch({"start", "-q", "--", "bash", "-c", "kill -STOP $$; echo went on; exit 7"});
  const auto run = run_on_terminal(words, (root_ / "project").string(), "went on", "");
  ASSERT_TRUE(run.ended) << run.seen;
  EXPECT_EQ(run.status, 7);
}

// Whatever is half made at that moment; bubblewrap by itself leaves a process behind if it is
// killed in its first milliseconds.
TEST_F(LocalBackend, ALauncherKilledWhileItStartsLeavesNothing) {
  for (auto moment = 0ms; moment < 300ms; moment += 15ms) {
    auto child = start({"start", "--", "bash", "-c", "sleep 1000; : " + root_.string()});
    ASSERT_TRUE(child);
    std::this_thread::sleep_for(moment);
    child->signal(SIGKILL);
    ASSERT_TRUE(child->wait(10s));
  }
  EXPECT_TRUE(nothing_runs());
  EXPECT_EQ(shell("true").status, 0);
  EXPECT_TRUE(left_over().empty());
}

}  // namespace
}  // namespace bottle::launcher
