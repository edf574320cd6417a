// The files and hosts that the agent sees and reaches.

#include <sys/un.h>

#include <csignal>

#include "tests/unit/launcher/backend/local/local_bottle.h"

namespace bottle::launcher {
namespace {

TEST_F(LocalBackend, TheCommandsStatusAndStreamsPassThrough) {
  const auto seven = shell("echo to-out; echo to-err >&2; exit 7");
  EXPECT_EQ(seven.status, 7);
  EXPECT_EQ(seven.out, "to-out\n");
  EXPECT_THAT(seven.err, HasSubstr("to-err\n"));
  EXPECT_THAT(seven.err, HasSubstr("bottle: backend local; scanner guard"));
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
  const OwnPort tcp(INADDR_LOOPBACK, OwnPort::Use::Listen);
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
      tcp.number +
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

// A client that does not know of a proxy: every name resolves to this address.
TEST_F(LocalBackend, ThePortsOfHttpAndNamesAreTheProxysToo) {
  const auto seen = shell(
      "exec 2>&1\n"
      "exec 3<>/dev/tcp/127.0.0.1/443 && cat <&3; echo; exec 3<>/dev/tcp/127.0.0.1/80 && cat <&3\n"
      "(exec 3<>/dev/tcp/127.0.0.1/8443) || echo refused\n");
  EXPECT_THAT(seen.out, HasSubstr("fake proxy\nHTTP/1.1 200"));
  EXPECT_THAT(seen.out, HasSubstr("refused"));
  EXPECT_THAT(proxy_arguments(), HasSubstr("--names fd:"));
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
  EXPECT_THAT(seen.out, HasSubstr("\nnameserver 127.0.0.1\n"));
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
  EXPECT_THAT(shell("true", {"--manifest", "/dev/null"}).err, HasSubstr("is no regular file"));
}

// Root inside is root's user id outside; the kernel asks for no more before it lets core_pattern,
// the program that runs as root when something crashes, be set.
TEST_F(LocalBackend, TheCommandStartsWhereTheCallerIs) {
  const auto below = root_ / "project/below/deep";
  fs::create_directories(below);
  std::ofstream(root_ / "project/bottle.json") << R"({"bottles": {"default": {}}})";
  std::ofstream(below / "script") << "#!/bin/sh\npwd\n echo {} > ../bottle.json\n";
  fs::permissions(below / "script", fs::perms::owner_all);
  const auto from = [this](const fs::path& directory, const std::string& program) {
    auto words = launch({"start", "--", program});
    const Fd out(::open((root_ / "out").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const Fd err(::open((root_ / "err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    words.fds = {{out.get(), 1}, {err.get(), 2}};
    auto child =
        spawn(words, ExitCode::kSystem, [&directory] { return ::chdir(directory.c_str()) == 0; });
    EXPECT_TRUE(child && child->wait(60s));
    return Outcome{child->exit_status(), content(root_ / "out"), content(root_ / "err")};
  };
  const auto seen = from(below, "./script");
  EXPECT_EQ(seen.out, below.string() + "\n") << seen.err;
  // A manifest in between would rule the next start from there.
  EXPECT_THAT(seen.err, HasSubstr("below/bottle.json was made or changed"));
  fs::remove(root_ / "project/below/bottle.json");
  EXPECT_EQ(from(root_ / "project", "pwd").out, (root_ / "project").string() + "\n");
}

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
  std::ofstream(root_ / "project/script") << "#!/absent/python -u\n";
  fs::permissions(root_ / "project/script", fs::perms::owner_all);
  const auto script = bottle({"start", "--", "./script"});
  EXPECT_EQ(script.status, 126);
  EXPECT_THAT(script.err, HasSubstr("needs the interpreter /absent/python, which does not exist"));
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

TEST_F(LocalBackend, AManifestThatIsALinkToNowhereIsNotOverlooked) {
  fs::create_symlink("nowhere", root_ / "project/bottle.json");
  const auto seen = shell("true");
  EXPECT_EQ(seen.status, static_cast<int>(ExitCode::kManifest));
  EXPECT_THAT(seen.err, HasSubstr("cannot read the manifest"));
}

TEST_F(LocalBackend, WhatWeakensABottleIsSaidAtItsStart) {
  const auto seen = shell("true", {"--audit", "audit.jsonl"});
  EXPECT_THAT(seen.err, HasSubstr("note: the agent can change the audit log"));
  EXPECT_THAT(seen.err, HasSubstr("allowed: no host"));
}

TEST_F(LocalBackend, RefusalsAreCountedAtTheEnd) {
  const auto seen = shell("true", {"--allow", "refused.mode.test"});
  EXPECT_THAT(seen.err, HasSubstr("1 request was refused; the audit log is "));
  EXPECT_THAT(shell("true").err, Not(HasSubstr("refused")));
}

TEST_F(LocalBackend, ACommandNeedsNoDashesAndKeepsItsOptions) {
  const auto ran = bottle({"start", "--scanner", "guard", "sh", "-c", "echo \"$@\"; exit 5", "sh",
                           "--allow", "x", "-q", "--", "--dry-run"});
  EXPECT_EQ(ran.status, 5) << ran.err;
  EXPECT_EQ(ran.out, "--allow x -q -- --dry-run\n");
  EXPECT_THAT(bottle({"start", "nosuch", "-x"}).err,
              HasSubstr("\"nosuch\" is not a command in PATH, and no manifest was found"));
}

}  // namespace
}  // namespace bottle::launcher
