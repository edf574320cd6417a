// A pipelock that the launcher starts: what it sees and reaches, and what happens when it ends.

#include "tests/unit/launcher/backend/local/local_bottle.h"

namespace bottle::launcher {
namespace {

class LocalScanner : public LocalBackend {
 protected:
  // A bottle with the probe in pipelock's place, which does what `modes` say.
  Outcome scanned(const std::string& script, std::vector<std::string> options,
                  const std::string& modes = "") const {
    const fs::path probe = root_ / "scanner_room_probe.py";
    std::string text = content(BOTTLE_TESTS_DIR "/support/scanner_room_probe.py");
    const std::string unset = "MODES = \"\"";
    const auto at = text.find(unset);
    EXPECT_NE(at, std::string::npos);
    if (at != std::string::npos) text.replace(at, unset.size(), "MODES = \"" + modes + "\"");
    std::ofstream(probe) << text;
    fs::permissions(probe, fs::perms::owner_all);
    options.insert(options.begin(), {"--pipelock-bin", probe.string()});
    return shell(script, std::move(options));
  }
  // The files of that name that the bottle left.
  std::string kept(const std::string& name) const {
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "state")) {
      if (entry.path().filename() == name) return content(entry.path());
    }
    return {};
  }
};

TEST_F(LocalScanner, OnlyTheExitAnswersPipelock) {
  const OwnPort host(INADDR_ANY, OwnPort::Use::Listen);
  const std::string& port = host.number;

  const auto ran = scanned("true", {}, "probe-" + port);
  ASSERT_EQ(ran.status, 0) << ran.err;
  auto seen = nlohmann::json::parse(kept("pipelock.log"));
  EXPECT_EQ(seen["interfaces"], nlohmann::json({"lo"}));
  EXPECT_EQ(seen["world"], "OSError");  // no route
  EXPECT_EQ(seen["ports"]["127.0.0.2:443"], "connected");
  EXPECT_EQ(seen["ports"]["127.0.0.2:80"], "connected");
  EXPECT_EQ(seen["ports"]["127.0.0.1:443"], "ConnectionRefusedError");
  EXPECT_EQ(seen["ports"]["127.0.0.1:" + port], "ConnectionRefusedError");
  EXPECT_EQ(seen["ports"]["127.0.0.2:" + port], "ConnectionRefusedError");
  EXPECT_EQ(seen["names"], "taken");
  EXPECT_EQ(seen["resolv.conf"], "nameserver 127.0.0.2\n");
  EXPECT_EQ(seen["nsswitch.conf"], "hosts: files dns\n");
}

TEST_F(LocalScanner, PipelockSeesNothingOfTheHostAndTrustsTheBottlesCaAlone) {
  std::ofstream(root_ / "ca.pem") << "extra-root-certificate\n";
  const auto ran =
      scanned("true", {"--allow", "origin.test:8443", "--resolve", "origin.test:8443=127.0.0.9:1",
                       "--origin-ca", (root_ / "ca.pem").string()});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.err, HasSubstr("scanner_room_probe.py: given by --pipelock-bin"));
  auto seen = nlohmann::json::parse(kept("pipelock.log"));
  EXPECT_EQ(seen["environment"], nlohmann::json({"HOME", "PWD", "SSL_CERT_FILE"}));
  EXPECT_EQ(seen["etc"], nlohmann::json({"hosts", "nsswitch.conf", "resolv.conf"}));
  EXPECT_EQ(seen["input is nothing"], true);  // the launcher's is the user's terminal, or a file
  EXPECT_EQ(seen["own"], nlohmann::json({"ca.pem", "log.jsonl", "pipelock", "pipelock.yaml"}));
  for (const auto& entry : seen["root"]) {
    for (const char* hidden : {"home", "root", "tmp", "run", "var", "proc", "sys"}) {
      EXPECT_NE(entry, hidden);
    }
  }
  EXPECT_THAT(seen["roots"].get<std::string>(), testing::StartsWith("-----BEGIN CERTIFICATE"));
  EXPECT_THAT(seen["roots"].get<std::string>(), Not(HasSubstr("extra-root-certificate")));
  EXPECT_EQ(kept("pipelock.jsonl"), "its own log\n");
  const std::string argv = proxy_arguments();
  EXPECT_THAT(argv, HasSubstr("--upstream pipelock"));
  EXPECT_THAT(argv, HasSubstr("--pipelock http://127.0.0.1:8888 "));
  EXPECT_THAT(argv, HasSubstr("--exit-listen fd:"));
  EXPECT_THAT(argv, HasSubstr("--exit-names fd:"));
  EXPECT_THAT(argv, HasSubstr("--resolve origin.test:8443=127.0.0.9:1 "));
  EXPECT_THAT(argv, HasSubstr("--origin-ca " + (root_ / "ca.pem").string()));
  EXPECT_TRUE(left_over().empty());
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalScanner, TheProxyReachesPipelockAndTheAgentDoesNot) {
  // 8888 is taken by the allowlist, so pipelock is at the next one.
  const auto ran = scanned(
      "exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3; echo\n"
      "for port in 8888 8889; do (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && echo REACHED\n"
      "done; true",
      {"--allow", "origin.test:8888"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("pipelock: HTTP/1.1 200 OK"));
  EXPECT_THAT(ran.out, Not(HasSubstr("REACHED")));
  EXPECT_THAT(proxy_arguments(), HasSubstr("--pipelock http://127.0.0.1:8889 "));
}

TEST_F(LocalScanner, WhenPipelockEndsTheBottleGoesOnAndSaysWhy) {
  const auto ran = scanned(
      "ask() { exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3; echo; }\n"
      "for i in $(seq 100); do ask > last; grep -q 200.OK$ last || break; sleep 0.05; done\n"
      "cat last; exit 6",
      {}, "scanner-dies");
  EXPECT_EQ(ran.status, 6);
  EXPECT_THAT(ran.out, Not(HasSubstr("pipelock: HTTP")));
  EXPECT_THAT(ran.out, HasSubstr("fake proxy, pipelock: "));
  EXPECT_THAT(ran.err,
              HasSubstr("bottle: pipelock ended unexpectedly (status 3): nothing is scanned "
                        "any more, so every request is refused"));
  EXPECT_THAT(ran.err, HasSubstr("pipelock.log"));
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalScanner, AKilledLauncherLeavesNothing) {
  auto child = start({"start", "--pipelock-bin", BOTTLE_TESTS_DIR "/support/scanner_room_probe.py",
                      "--", "bash", "-c", "touch started; sleep 1000; : " + root_.string()});
  ASSERT_TRUE(child);
  ASSERT_TRUE(wait_for("started"));
  // Processes in pipelock's room have the names of the room in their command lines, so count those
  // of the launcher's descendants that it started: none may listen or live after it.
  const auto inside = [] {
    int count = 0;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      if (content(entry.path() / "cmdline").find("/pipelock/pipelock.yaml") != std::string::npos) {
        ++count;
      }
    }
    return count;
  };
  EXPECT_GE(inside(), 1);
  child->signal(SIGKILL);
  ASSERT_TRUE(child->wait(10s));
  for (int i = 0; i < 500 && inside() > 0; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(inside(), 0);
  EXPECT_TRUE(nothing_runs());
}

TEST_F(LocalScanner, APipelockThatDoesNotStartIsAnError) {
  const auto failed = shell("touch made", {"--pipelock-bin", "/bin/false"});
  EXPECT_EQ(failed.status, static_cast<int>(ExitCode::kScanner));
  EXPECT_THAT(failed.err, HasSubstr("pipelock ended before it was ready"));
  std::ofstream(root_ / "ending") << "#!/bin/sh\necho its last line >&2\nexit 4\n";
  fs::permissions(root_ / "ending", fs::perms::owner_all);
  const auto ended = shell("touch made", {"--pipelock-bin", (root_ / "ending").string()});
  EXPECT_EQ(ended.status, static_cast<int>(ExitCode::kScanner));
  EXPECT_THAT(ended.err, HasSubstr("pipelock ended before it was ready\n    its last line\n"));
  const auto absent = shell("touch made", {"--pipelock-bin", "/nonexistent"});
  EXPECT_EQ(absent.status, static_cast<int>(ExitCode::kScanner));
  EXPECT_FALSE(fs::exists(root_ / "project/made"));
  EXPECT_TRUE(left_over().empty());
}

TEST_F(LocalScanner, APipelockThatDoesNotAnswerIsAnErrorAtTheStart) {
  // Bound and not listening: nothing answers, and no other program can take the port.
  const OwnPort bound(INADDR_LOOPBACK, OwnPort::Use::Keep);
  const std::string url = "http://127.0.0.1:" + bound.number;
  const auto failed = shell("touch made", {"--pipelock", url});
  EXPECT_EQ(failed.status, static_cast<int>(ExitCode::kScanner)) << failed.err;
  EXPECT_THAT(failed.err, HasSubstr("bottle: no pipelock answers: " + url + "/health"));
  EXPECT_FALSE(fs::exists(root_ / "project/made"));
  EXPECT_TRUE(left_over().empty());
}

}  // namespace
}  // namespace bottle::launcher
