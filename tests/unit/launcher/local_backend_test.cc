// Runs the real program with a stand-in for bottle-proxy: what a bottle is must be seen from
// inside.

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "launcher/namespaces.h"
#include "launcher/process.h"
#include "launcher/runtime_dir.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

std::string content(const fs::path& file) {
  std::ostringstream out;
  // Files of /proc fail when their process ends; that is an empty content.
  out << std::ifstream(file, std::ios::binary).rdbuf();
  return out.str();
}

class LocalBackend : public testing::Test {
 protected:
  void SetUp() override {
    if (!find_program("bwrap", "/usr/bin:/bin") || !find_program("python3", "/usr/bin:/bin")) {
      GTEST_SKIP() << "bubblewrap (bwrap) or /usr/bin/python3 is missing";
    }
    if (const auto possible = probe_namespaces(); !possible) {
      GTEST_SKIP() << possible.error().message;
    }
    std::string pattern = "/tmp/bottle-test-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    for (const char* name : {"home", "project", "state", "run"}) fs::create_directory(root_ / name);
    fs::permissions(root_ / "run", fs::perms::owner_all);
  }
  void TearDown() override {
    if (!root_.empty()) fs::remove_all(root_);
  }

  Launch launch(std::vector<std::string> arguments) const {
    Launch out;
    out.argv = {BOTTLE_BINARY};
    out.argv.insert(out.argv.end(), arguments.begin(), arguments.end());
    out.env = {"PATH=/usr/bin:/bin",
               "HOME=" + (root_ / "home").string(),
               "XDG_STATE_HOME=" + (root_ / "state").string(),
               "XDG_RUNTIME_DIR=" + (root_ / "run").string(),
               "BOTTLE_PROXY=" BOTTLE_TESTS_DIR "/support/fake_proxy.py",
               "LEAK_CHECK=host-value"};
    return out;
  }

  Result<Child> start(const std::vector<std::string>& arguments) const {
    const Fd out(::open((root_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const Fd err(::open((root_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    Launch words = launch(arguments);
    words.fds = {{out.get(), 1}, {err.get(), 2}};
    const std::string project = (root_ / "project").string();
    return spawn(words, ExitCode::kSystem, [project] { return ::chdir(project.c_str()) == 0; });
  }

  Outcome bottle(const std::vector<std::string>& arguments) const {
    auto child = start(arguments);
    EXPECT_TRUE(child);
    EXPECT_TRUE(child->wait(60s));
    return {child->exit_status(), content(root_ / "out"), content(root_ / "err")};
  }

  Outcome shell(const std::string& script, std::vector<std::string> options = {}) const {
    std::vector<std::string> arguments{"start"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    arguments.insert(arguments.end(), {"--", "bash", "-c", script});
    return bottle(arguments);
  }

  // Until the agent has made this file in the workspace.
  bool wait_for(const std::string& file) const {
    for (int i = 0; i < 2000; ++i) {
      if (fs::exists(root_ / "project" / file)) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  // Bottles' directories that are there now.
  std::vector<std::string> left_over() const {
    std::vector<std::string> out;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(root_ / "run/bottle", ec)) {
      if (entry.is_directory()) out.push_back(entry.path().filename().string());
    }
    return out;
  }

  // Processes of this machine that belong to this test: its directory is in their command line.
  std::vector<pid_t> processes() const {
    std::vector<pid_t> out;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator("/proc", ec)) {
      const std::string name = entry.path().filename().string();
      if (name.find_first_not_of("0123456789") != std::string::npos) continue;
      if (content(entry.path() / "cmdline").find(root_.string()) == std::string::npos) continue;
      out.push_back(static_cast<pid_t>(std::stol(name)));
    }
    return out;
  }

  bool nothing_runs() const {
    for (int i = 0; i < 500; ++i) {
      if (processes().empty()) return true;
      std::this_thread::sleep_for(10ms);
    }
    return false;
  }

  nlohmann::json audit() const {
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "state")) {
      if (entry.path().filename() == "audit.jsonl") {
        const std::string text = content(entry.path());
        return nlohmann::json::parse(text.substr(0, text.find('\n')));
      }
    }
    return {};
  }

  fs::path root_;
};

TEST_F(LocalBackend, TheCommandsStatusAndStreamsPassThrough) {
  const auto seven = shell("echo to-out; echo to-err >&2; exit 7");
  EXPECT_EQ(seven.status, 7);
  EXPECT_EQ(seven.out, "to-out\n");
  EXPECT_THAT(seven.err, HasSubstr("to-err\n"));
  EXPECT_THAT(seven.err, HasSubstr("bottle: backend local ("));
  EXPECT_THAT(seven.err, HasSubstr("bottle: CA sha256 AA:BB:CC\n"));
  EXPECT_EQ(shell("kill -TERM $$").status, 128 + SIGTERM);
  EXPECT_EQ(shell("kill -KILL $$").status, 128 + SIGKILL);
  const auto quiet = shell("true", {"--quiet"});
  EXPECT_EQ(quiet.status, 0);
  EXPECT_EQ(quiet.err, "");
  EXPECT_TRUE(left_over().empty());
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalBackend, TheProxyIsTheOnlyWayOut) {
  // A listener on the host's loopback, and one in the abstract name space.
  const Fd tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(tcp.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(tcp.get(), 8), 0);
  ASSERT_EQ(::getsockname(tcp.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
  const std::string port = std::to_string(ntohs(address.sin_port));
  const std::string name = "bottle-test-" + std::to_string(::getpid());
  const Fd abstract(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  name.copy(path.sun_path + 1, name.size());
  ASSERT_EQ(::bind(abstract.get(), reinterpret_cast<sockaddr*>(&path),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size())),
            0);
  ASSERT_EQ(::listen(abstract.get(), 8), 0);

  const auto seen = shell(
      "exec 2>&1\n"
      "(exec 3<>/dev/tcp/127.0.0.1/" +
      port +
      ") && echo REACHED-HOST\n"
      "(exec 3<>/dev/tcp/192.0.2.1/80) && echo REACHED-WORLD\n"
      "/usr/bin/python3 -c \"import socket\n"
      "s=socket.socket(socket.AF_UNIX); s.connect('\\0" +
      name +
      "')\n"
      "print('REACHED-ABSTRACT')\"\n"
      "grep -c : /proc/net/dev\n"
      "exec 3<>/dev/tcp/127.0.0.1/3128 && cat <&3\n");
  EXPECT_THAT(seen.out, Not(HasSubstr("REACHED")));
  EXPECT_THAT(seen.out, HasSubstr("ConnectionRefusedError"));
  EXPECT_THAT(seen.out, HasSubstr("\n1\n"));  // interfaces: lo
  EXPECT_THAT(seen.out, HasSubstr("fake proxy"));
}

TEST_F(LocalBackend, OnlyTheWorkspaceIsTheHosts) {
  std::ofstream(root_ / "home/private") << "home-secret";
  std::ofstream(root_ / "project/given") << "given-content";
  const auto seen = shell(
      "exec 2>&1\n"
      "pwd; cat given; echo changed > made\n"
      "touch /etc/x /usr/x /x /run/bottle/x\n"
      "ls -A ~ | wc -l; echo HOME=$HOME; cat " +
      (root_ / "home/private").string() +
      "\n"
      "test -s /etc/shadow && echo SHADOW\n"
      "ls /root /sys /tmp/bottle-* " +
      (root_ / "run").string() +
      "\n"
      "touch ~/new /tmp/new && echo private-places-work\n"
      "id -u; grep -c . /proc/self/status; ls -d /proc/[0-9]* | wc -l\n"
      "env | grep LEAK_CHECK; grep CapEff /proc/self/status\n"
      "cat /etc/resolv.conf; cmp /etc/ssl/certs/ca-certificates.crt "
      "/run/bottle/ca-bundle.pem && echo bundle-bound; true\n");
  EXPECT_EQ(seen.status, 0);
  EXPECT_THAT(seen.out, HasSubstr((root_ / "project").string() + "\ngiven-content"));
  EXPECT_EQ(content(root_ / "project/made"), "changed\n");
  EXPECT_THAT(seen.out, HasSubstr("cannot touch '/etc/x'"));
  EXPECT_THAT(seen.out, HasSubstr("cannot touch '/usr/x'"));
  EXPECT_THAT(seen.out, HasSubstr("cannot touch '/x'"));
  EXPECT_THAT(seen.out, HasSubstr("cannot touch '/run/bottle/x'"));
  EXPECT_THAT(seen.out, HasSubstr("HOME=/home/agent"));
  EXPECT_THAT(seen.out, Not(HasSubstr("home-secret")));
  EXPECT_THAT(seen.out, Not(HasSubstr("SHADOW")));
  EXPECT_THAT(seen.out, HasSubstr("'/sys'"));
  EXPECT_THAT(seen.out, HasSubstr("private-places-work"));
  EXPECT_THAT(seen.out, Not(HasSubstr("LEAK_CHECK")));
  EXPECT_THAT(seen.out, HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(seen.out, HasSubstr("No name server"));
  if (fs::exists("/etc/ssl/certs/ca-certificates.crt")) {
    EXPECT_THAT(seen.out, HasSubstr("bundle-bound"));
  }
  EXPECT_FALSE(fs::exists(root_ / "home/new"));
}

TEST_F(LocalBackend, SecretsReachTheAgentAndTheProxyAndNoCommandLine) {
  std::ofstream(root_ / "home/token") << "very-secret-token\n";
  std::ofstream(root_ / "project/bottle.json")
      << R"({"bottles": {"default": {"env": {"TOKEN": {"file": "~/token", "hosts": ["a.example"]},
             "PLAIN": "p"}}}})";
  auto child =
      start({"start", "--", "bash", "-c",
             "echo $TOKEN $PLAIN; touch started; while [ ! -e end ]; do sleep 0.02; done"});
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for("started"));
  for (const auto& entry : fs::directory_iterator("/proc")) {
    EXPECT_THAT(content(entry.path() / "cmdline"), Not(HasSubstr("very-secret-token")));
  }
  std::ofstream(root_ / "project/end") << "";
  ASSERT_TRUE(child->wait(20s));
  EXPECT_EQ(content(root_ / "out"), "very-secret-token p\n");
  EXPECT_THAT(content(root_ / "err"), Not(HasSubstr("very-secret-token")));
  const auto told = audit();
  EXPECT_EQ(told["secrets"][0]["value"], "very-secret-token");
  EXPECT_EQ(told["secrets"][0]["hosts"][0], "a.example");
  for (const auto& name : told["environment"]) {
    EXPECT_NE(name, "LEAK_CHECK");
    EXPECT_NE(name, "TOKEN");
  }
}

TEST_F(LocalBackend, TheManifestIsReadOnlyAndMountsAreThere) {
  fs::create_directory(root_ / "shared");
  std::ofstream(root_ / "shared/file") << "shared-content";
  std::ofstream(root_ / "project/bottle.json")
      << R"({"bottles": {"default": {"mounts": [{"host": "../shared", "at": "/home/agent/shared"},
             {"host": "../shared", "at": "/data", "read_only": false}]}}})";
  const auto seen = shell(
      "exec 2>&1; echo x >> bottle.json; mv bottle.json b; rm -f bottle.json\n"
      "cat /home/agent/shared/file; touch /home/agent/shared/no; touch /data/yes");
  EXPECT_THAT(seen.out, HasSubstr("bottle.json: Read-only file system"));
  EXPECT_THAT(seen.out, HasSubstr("shared-content"));
  EXPECT_FALSE(fs::exists(root_ / "shared/no"));
  EXPECT_TRUE(fs::exists(root_ / "shared/yes"));
  EXPECT_TRUE(fs::exists(root_ / "project/bottle.json"));
}

TEST_F(LocalBackend, AManifestMadeInTheBottleIsWarnedOf) {
  EXPECT_THAT(shell("echo '{}' > bottle.json").err, HasSubstr("bottle.json was made or changed"));
  EXPECT_THAT(shell("true", {"--manifest", "/dev/null"}).err, HasSubstr("not valid JSON"));
}

// Root inside is root's user id outside; the kernel asks for no more before it lets core_pattern,
// the program that runs as root when something crashes, be set.
TEST_F(LocalBackend, TheKernelsSettingsCannotBeChanged) {
  const auto seen = shell(
      "exec 2>&1; for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe "
      "/proc/sys/vm/overcommit_memory; do echo x > $f && echo WRITTEN; done\n"
      "umount /proc/sys && echo UNMOUNTED; unshare -Urm umount -l /proc/sys && echo UNCOVERED\n"
      "unshare -Urmpf --mount-proc sh -c 'echo x > /proc/sys/kernel/core_pattern && echo WRITTEN'\n"
      "grep NoNewPrivs /proc/self/status; echo fds $(ls /proc/self/fd | tr '\\n' ' ')");
  EXPECT_THAT(seen.out, Not(HasSubstr("WRITTEN")));
  EXPECT_THAT(seen.out, Not(HasSubstr("UNMOUNTED")));
  EXPECT_THAT(seen.out, Not(HasSubstr("UNCOVERED")));
  EXPECT_THAT(seen.out, HasSubstr("NoNewPrivs:\t1"));
  EXPECT_THAT(seen.out, HasSubstr("fds 0 1 2 3\n"));  // 3 is ls reading the directory
}

TEST_F(LocalBackend, APipelockOfTheBottlesOwnIsStartedAndStopped) {
  const std::string double_ = BOTTLE_TESTS_DIR "/support/fake_pipelock.py";
  std::ofstream(root_ / "ca.pem") << "extra-root-certificate\n";
  const auto seen = shell(
      "true", {"--pipelock-bin", double_, "--allow", "origin.test:8443", "--resolve",
               "origin.test:8443=127.0.0.9:8443", "--origin-ca", (root_ / "ca.pem").string()});
  ASSERT_EQ(seen.status, 0) << seen.err;
  EXPECT_THAT(seen.err, HasSubstr("scanner pipelock " + double_ + " (given by --pipelock-bin)"));
  const auto told = audit();
  std::string argv;
  for (const auto& word : told["argv"]) argv += word.get<std::string>() + " ";
  EXPECT_THAT(argv, HasSubstr("--upstream pipelock"));
  EXPECT_THAT(argv, HasSubstr("--pipelock http://127.0.0.1:"));
  nlohmann::json pipelock;
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "state")) {
    if (entry.path().filename() == "pipelock.log") {
      pipelock = nlohmann::json::parse(content(entry.path()));
    }
  }
  EXPECT_EQ(pipelock["environment"], nlohmann::json({"HOME", "SSL_CERT_FILE"}));
  EXPECT_EQ(pipelock["origin.test"], "127.0.0.9");
  EXPECT_THAT(pipelock["roots"].get<std::string>(), HasSubstr("extra-root-certificate"));
  EXPECT_TRUE(left_over().empty());
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalBackend, APipelockThatDoesNotStartIsAnError) {
  const auto failed = shell("touch made", {"--pipelock-bin", "/bin/false"});
  EXPECT_EQ(failed.status, static_cast<int>(ExitCode::kScanner));
  EXPECT_THAT(failed.err, HasSubstr("pipelock ended before it was ready"));
  const auto absent = shell("touch made", {"--pipelock-bin", "/nonexistent"});
  EXPECT_EQ(absent.status, static_cast<int>(ExitCode::kScanner));
  EXPECT_FALSE(fs::exists(root_ / "project/made"));
  EXPECT_TRUE(left_over().empty());
}

TEST_F(LocalBackend, DangerousSharesAreRefused) {
  const auto manifest = [this](const std::string& bottle) {
    std::ofstream(root_ / "project/bottle.json") << "{\"bottles\": {\"default\": " + bottle + "}}";
    return shell("true");
  };
  EXPECT_EQ(manifest(R"({"workspace": "/"})").status, static_cast<int>(ExitCode::kIsolation));
  EXPECT_EQ(manifest(R"({"workspace": "~"})").status, static_cast<int>(ExitCode::kIsolation));
  EXPECT_EQ(manifest(R"({"workspace": "/tmp"})").status, static_cast<int>(ExitCode::kIsolation));
  EXPECT_EQ(manifest(R"({"mounts": [{"host": "/proc", "at": "/data"}]})").status,
            static_cast<int>(ExitCode::kIsolation));
  const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un path{};
  path.sun_family = AF_UNIX;
  const std::string name = (root_ / "s").string();
  name.copy(path.sun_path, sizeof path.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&path), sizeof path), 0);
  const auto socket = manifest(R"({"mounts": [{"host": "../s", "at": "/data"}]})");
  EXPECT_EQ(socket.status, static_cast<int>(ExitCode::kIsolation));
  EXPECT_THAT(socket.err, HasSubstr("way around the proxy"));
  const auto absent = manifest(R"({"mounts": [{"host": "../absent", "at": "/data"}]})");
  EXPECT_EQ(absent.status, static_cast<int>(ExitCode::kManifest));
  EXPECT_TRUE(left_over().empty());
}

TEST_F(LocalBackend, WhatIsNotInTheBottleIsNamed) {
  EXPECT_EQ(bottle({"start", "--", "no-such-program"}).status, 127);
  EXPECT_EQ(bottle({"start", "--", "./absent"}).status, 127);
  std::ofstream(root_ / "project/text") << "x";
  EXPECT_EQ(bottle({"start", "--", "./text"}).status, 126);
}

TEST_F(LocalBackend, ADryRunChangesNothing) {
  const auto dry = shell("touch made", {"--dry-run", "--allow", "a.example"});
  EXPECT_EQ(dry.status, 0);
  EXPECT_THAT(dry.out, HasSubstr("writable  " + (root_ / "project").string()));
  EXPECT_THAT(dry.out, HasSubstr("a.example"));
  EXPECT_TRUE(fs::is_empty(root_ / "project"));
  EXPECT_TRUE(fs::is_empty(root_ / "state"));
  EXPECT_TRUE(fs::is_empty(root_ / "run"));
}

TEST_F(LocalBackend, AProxyThatDoesNotStartOrDiesEndsTheBottle) {
  const auto refused = shell("touch made", {"--allow", "refuse-to-start.mode.test"});
  EXPECT_EQ(refused.status, static_cast<int>(ExitCode::kProxy));
  EXPECT_THAT(refused.err, HasSubstr("refusing to start, as asked"));
  EXPECT_FALSE(fs::exists(root_ / "project/made"));
  const auto died = shell("sleep 60", {"--allow", "die-soon.mode.test"});
  EXPECT_EQ(died.status, static_cast<int>(ExitCode::kProxy));
  EXPECT_THAT(died.err, HasSubstr("ended by itself (status 3)"));
  EXPECT_TRUE(left_over().empty());
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalBackend, RefusalsAreCountedAtTheEnd) {
  const auto seen = shell("true", {"--allow", "refused.mode.test"});
  EXPECT_THAT(seen.err, HasSubstr("1 request was refused; the audit log is "));
  EXPECT_THAT(shell("true").err, Not(HasSubstr("refused")));
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

TEST_F(LocalBackend, ATerminalHasJobControlAndItsSize) {
  const Fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(master);
  ASSERT_EQ(::grantpt(master.get()), 0);
  ASSERT_EQ(::unlockpt(master.get()), 0);
  std::array<char, 64> name{};
  ASSERT_EQ(::ptsname_r(master.get(), name.data(), name.size()), 0);
  const winsize size{.ws_row = 33, .ws_col = 101, .ws_xpixel = 0, .ws_ypixel = 0};
  Launch words = launch({"start", "-q", "--", "bash", "-c",
                         "stty size; test -t 0 && test -t 1 && echo tty; echo start > /dev/tty\n"
                         "trap 'echo interrupted; exit 5' INT; while :; do sleep 0.05; done"});
  const std::string project = (root_ / "project").string();
  const std::string side = name.data();
  auto child = spawn(words, ExitCode::kSystem, [&project, &side, &size] {
    const int fd = ::open(side.c_str(), O_RDWR);  // of a new session: becomes its terminal
    if (fd < 0 || ::ioctl(fd, TIOCSWINSZ, &size) != 0) return false;
    for (int number = 0; number < 3; ++number) ::dup2(fd, number);
    return ::chdir(project.c_str()) == 0;
  });
  ASSERT_TRUE(child) << child.error().message;
  std::string seen;
  bool interrupted = false;
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (!child->ended() && std::chrono::steady_clock::now() < until) {
    pollfd fds{master.get(), POLLIN, 0};
    if (::poll(&fds, 1, 100) <= 0) continue;
    std::array<char, 512> chunk{};
    const auto got = ::read(master.get(), chunk.data(), chunk.size());
    if (got > 0) seen.append(chunk.data(), static_cast<std::size_t>(got));
    if (!interrupted && seen.find("start") != std::string::npos) {
      interrupted = true;
      ASSERT_EQ(::write(master.get(), "\x03", 1), 1);
    }
  }
  ASSERT_TRUE(child->ended()) << seen;
  EXPECT_EQ(child->exit_status(), 5);
  EXPECT_THAT(seen, HasSubstr("33 101"));
  EXPECT_THAT(seen, HasSubstr("tty\r\n"));
}

}  // namespace
}  // namespace bottle::launcher
