// A launch's calls to the engine, and the state that is left when something fails.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <set>
#include <thread>

#include "launcher/backend/docker/docker_control.h"
#include "launcher/backend/docker/docker_steps.h"
#include "launcher/backend/docker/left_overs.h"
#include "tests/unit/launcher/backend/docker/fake_engine.h"

namespace bottle::launcher::docker {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

TEST_F(FakeEngine, TheCommandsStatusIsPassedOnAndNothingIsLeft) {
  set("FAKE_DOCKER_STATUS", "7");
  const auto status = launch();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->value, 7);
  EXPECT_TRUE(nothing_is_left());
  const auto agent = call("create --pull never --name bottle-");
  ASSERT_FALSE(agent.is_null());
}

// Each step of both topologies fails once, before and after it did its work.
TEST_F(FakeEngine, AFailureAtAnyStepLeavesNothingBehind) {
  use_pipelock();
  std::ofstream(root_ / "project/origin.pem") << "pem";
  spec_.origin_ca = root_ / "project/origin.pem";
  const auto plan = prepare();
  ASSERT_TRUE(plan) << plan.error().message;
  const auto steps = order_of(*plan);
  ASSERT_GT(steps.size(), 15U);
  for (const bool late : {false, true}) {
    if (late) set("FAKE_DOCKER_LATE", "1");
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const auto id = steps[i].id;
      // These stay attached; how they fail is in tests of their own.
      if (id == StepId::kStartPipelock || id == StepId::kStartAgent) continue;
      const auto makes = make_step(steps[i], *plan, Facts{}).makes;
      if (late && makes == Step::Makes::kNothing) continue;
      if (id == StepId::kCheckPipelock || id == StepId::kReadEtc) continue;
      forget_calls();
      set("FAKE_DOCKER_FAIL", std::to_string(i + 1));
      const auto status = launch();
      const auto step = make_step(steps[i], *plan, Facts{});
      SCOPED_TRACE(step.what + (late ? ", answer lost" : ""));
      ASSERT_FALSE(status);
      EXPECT_THAT(status.error().message, HasSubstr("the fake says no"));
      EXPECT_EQ(status.error().code, step.code);
      if (id != StepId::kStartProxy) {
        const auto verb = step.what.substr(0, step.what.find(" bottle-"));
        EXPECT_THAT(status.error().message, HasSubstr("could not " + verb));
      }
      EXPECT_TRUE(nothing_is_left());
    }
  }
}

TEST_F(FakeEngine, APipelockThatNeverAnswersIsAnErrorOfTheScanners) {
  use_pipelock();
  set("FAKE_DOCKER_PIPELOCK", "die");
  const auto status = launch();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ExitCode::kScanner);
  EXPECT_THAT(status.error().message, HasSubstr("pipelock ended before it was ready"));
  EXPECT_THAT(status.error().message, HasSubstr("something is wrong"));
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(FakeEngine, AProxyThatRefusesItsOptionsIsExplained) {
  set("FAKE_DOCKER_PROXY", "die");
  const auto status = launch();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ExitCode::kUsage);
  EXPECT_THAT(status.error().message, HasSubstr("something is wrong"));
  EXPECT_TRUE(nothing_is_left());
}

TEST_F(FakeEngine, TheBottleEndsWhenItsProxyDoes) {
  set("FAKE_DOCKER_PROXY", "leave");
  set("FAKE_DOCKER_WAIT", "1");
  const auto status = launch();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ExitCode::kProxy);
  EXPECT_THAT(status.error().message, HasSubstr("bottle-proxy ended unexpectedly (status 3)"));
  EXPECT_TRUE(nothing_is_left());
}

// Whatever ends the launcher: the proxy's standard input ends with it, and the lines that the proxy
// writes then are not lost.
TEST_F(FakeEngine, KilledLauncherTakesItsProxyAlong) {
  set("FAKE_DOCKER_WAIT", "1");
  add_secret("TOKEN", "very-secret-token");
  const auto plan = prepare();
  ASSERT_TRUE(plan);
  const pid_t launcher = ::fork();
  ASSERT_GE(launcher, 0);
  if (launcher == 0) {
    const auto status = launch(*plan);
    ::_exit(status ? 0 : 1);
  }
  const auto within = [](const auto& is) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return is();
  };
  EXPECT_TRUE(within([this] { return fs::exists(root_ / "engine/agent"); }));
  EXPECT_THAT(content(plan->audit), Not(HasSubstr("standard input ended")));
  EXPECT_EQ(::kill(launcher, SIGKILL), 0);
  EXPECT_EQ(::waitpid(launcher, nullptr, 0), launcher);
  EXPECT_TRUE(within([&plan] {
    return content(plan->audit).find("standard input ended") != std::string::npos;
  })) << content(plan->audit);
}

TEST_F(FakeEngine, SecretsAreOnNoCommandLineAndInNoFile) {
  add_secret("TOKEN", "very-secret-token");
  add_secret("KEY", "-----BEGIN KEY-----\nvery-secret-line\n-----END KEY-----");
  const auto plan = prepare();
  ASSERT_TRUE(plan);
  EXPECT_THAT(describe(*plan), Not(HasSubstr("very-secret")));
  ASSERT_TRUE(launch(*plan));
  for (const auto& line : commands()) EXPECT_THAT(line, Not(HasSubstr("very-secret")));
  std::string told;
  bool given = false;
  for (const auto& one : calls()) {
    if (!one.contains("file")) continue;
    EXPECT_THAT(one["file"].get<std::string>(), HasSubstr("TOKEN=very-secret-token\n"));
    for (const auto& name : one["environment"]) given = given || name == "KEY";
  }
  EXPECT_TRUE(given);  // a value of two lines fits no environment file
  // The proxy was told what it must guard.
  const auto audit = content(plan->audit);
  EXPECT_THAT(audit, HasSubstr("very-secret-token"));  // only the fake writes down what it is told
  EXPECT_THAT(content(plan->audit.parent_path() / "proxy.log"), HasSubstr("a line of the log"));
}

TEST_F(FakeEngine, ASecretThatTheDockerProgramWouldTakeForItsOwnIsRefused) {
  add_secret("DOCKER_CERT", "two\nlines-of-it");
  const auto plan = prepare();
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ExitCode::kEnvironment);
  EXPECT_THAT(plan.error().message, HasSubstr("DOCKER_CERT"));
}

TEST_F(FakeEngine, ADryRunChangesNothing) {
  use_pipelock();
  const auto plan = prepare();
  ASSERT_TRUE(plan);
  EXPECT_TRUE(things().empty());
  EXPECT_TRUE(fs::is_empty(root_ / "state"));
  EXPECT_TRUE(fs::is_empty(root_ / "run"));
  for (const auto& line : commands()) {
    const bool reads = line.starts_with("version") || line.starts_with("context inspect") ||
                       line.starts_with("image inspect");
    EXPECT_TRUE(reads) << line;
  }
}

// An engine refuses two mounts at one place. The last one holds.
TEST_F(FakeEngine, AMountIsAtAPlaceOfItsOwn) {
  fs::create_directories(spec_.workspace / ".git/hooks");
  fs::create_directories(spec_.workspace / ".git/objects");
  for (const char* name : {".envrc", ".git/HEAD", ".git/config", "bottle.json", "other"}) {
    std::ofstream(spec_.workspace / name) << "text\n";
  }
  spec_.manifest = spec_.workspace / "bottle.json";
  const auto place = fs::canonical(spec_.workspace) / ".envrc";
  spec_.mounts = {{.host = (spec_.workspace / "other").string(), .at = place.string()}};
  const auto plan = prepare();
  ASSERT_TRUE(plan) << plan.error().message;
  std::map<std::string, std::string> at;
  for (const auto& mount : plan->mounts) {
    EXPECT_TRUE(at.emplace(mount.at, mount.source).second) << mount.at;
  }
  EXPECT_EQ(at[place.string()], fs::canonical(spec_.workspace) / "other");
  EXPECT_TRUE(at.contains(fs::canonical(spec_.manifest).string()));
  EXPECT_TRUE(at.contains((fs::canonical(spec_.workspace) / ".git/config").string()));
}

// Without quotes, which a placeholder needs and an address does not.
std::string bare(std::string line) {
  line = line.substr(0, line.find("  # "));
  std::erase(line, '\'');
  for (const auto& [name, value] :
       {std::pair{"$AGENT_SUBNET", "10.9.0.0/24"}, std::pair{"$SCAN_SUBNET", "10.9.1.0/24"},
        std::pair{"$PROXY_ADDRESS", "10.9.0.2"}, std::pair{"$EXIT_ADDRESS", "10.9.1.2"}}) {
    for (std::size_t at = 0; (at = line.find(name, at)) != std::string::npos;) {
      line.replace(at, std::string(name).size(), value);
    }
  }
  return line;
}

TEST_F(FakeEngine, WhatRunsIsWhatADryRunShows) {
  use_pipelock();
  const auto plan = prepare();
  ASSERT_TRUE(plan);
  forget_calls();
  ASSERT_TRUE(launch(*plan));
  std::vector<std::string> ran;
  for (const auto& one : calls()) {
    ran.push_back(bare("docker " + shell_quoted(one["words"].get<std::vector<std::string>>())));
  }
  for (const auto& line : containers_of(*plan).commands) {
    // Removal names the same things, in the order in which they were made.
    if (line.find("docker rm ") == 0 || line.find("docker network rm ") == 0) continue;
    EXPECT_THAT(ran, Contains(bare(line)));
  }
}

TEST_F(FakeEngine, TheAgentFindsTheProxyAndTheCa) {
  ASSERT_TRUE(launch());
  std::string file;
  std::string archive;
  for (const auto& one : calls()) {
    if (one.contains("file")) file = one["file"];
    if (one.contains("input")) archive = one["input"];
  }
  EXPECT_THAT(file, HasSubstr("HTTPS_PROXY=http://10.9.0.2:3128\n"));
  EXPECT_THAT(file, HasSubstr("SSL_CERT_FILE=/run/bottle/ca-bundle.pem\n"));
  EXPECT_THAT(file, HasSubstr("HOME=/home/agent\n"));
  EXPECT_THAT(file, Not(HasSubstr("\nPATH=")));  // the image's own
  for (const char* name :
       {"run/bottle/ca.pem", "run/bottle/ca-bundle.pem", "etc/ssl/certs/ca-certificates.crt",
        "etc/profile.d/bottle.sh", "usr/local/share/ca-certificates/bottle.crt"}) {
    EXPECT_THAT(archive, HasSubstr(name));
  }
  EXPECT_THAT(archive, Not(HasSubstr("etc/pki")));  // the image has none
  EXPECT_THAT(archive, HasSubstr("A=b\n"));         // the image's own /etc/environment goes on
  EXPECT_THAT(archive, HasSubstr("export HTTPS_PROXY='http://10.9.0.2:3128'\n"));
  EXPECT_THAT(archive, HasSubstr("root:x:0:0"));
}

TEST_F(FakeEngine, TenBottlesSideBySideDoNotClash) {
  std::set<std::string> names;
  for (int i = 0; i < 10; ++i) {
    const auto plan = prepare();
    ASSERT_TRUE(plan);
    const Names of(plan->id);
    for (const auto& name :
         {of.agent_network, of.scan_network, of.egress_network, of.agent, of.proxy, of.pipelock}) {
      EXPECT_TRUE(names.insert(name).second);
    }
  }
}

TEST_F(FakeEngine, MissingImagesAreBuiltByAPersonOrFetched) {
  set("FAKE_DOCKER_NO_IMAGE", "bottle-proxy:latest");
  const auto unbuilt = prepare();
  ASSERT_FALSE(unbuilt);
  EXPECT_EQ(unbuilt.error().code, ExitCode::kEngine);
  EXPECT_THAT(unbuilt.error().hint, HasSubstr("make image"));
  spec_.image = "registry.example/agents/one:2";
  set("FAKE_DOCKER_NO_IMAGE", *spec_.image);
  const auto fetched = prepare();
  ASSERT_TRUE(fetched);
  EXPECT_EQ(containers_of(*fetched).commands.front(),
            "docker pull --quiet registry.example/agents/one:2");
  spec_.image = "--privileged";
  const auto wrong = prepare();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ExitCode::kUsage);
}

TEST_F(FakeEngine, WithoutADockerProgramItSaysSo) {
  fs::remove(root_ / "bin/docker");
  ::setenv("PATH", (root_ / "bin").c_str(), 1);
  const auto plan = prepare();
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code, ExitCode::kEngine);
  EXPECT_THAT(plan.error().hint, HasSubstr("--backend local"));
  EXPECT_FALSE(docker_is_ready());
}

TEST_F(FakeEngine, WhatAKilledLauncherLeftIsRemovedAndNothingElse) {
  const auto make = [this](const std::string& kind, const std::string& name,
                           const std::vector<std::string>& labels) {
    fs::create_directories(root_ / "engine/things");
    std::ofstream(root_ / "engine/things" / (kind + "-" + name))
        << nlohmann::json{{"labels", labels}};
  };
  const std::string own = "bottle.owner=" + owner_mark();
  make("container", "bottle-dead-agent",
       {"bottle.id=dead", own, "bottle.lease=" + (root_ / "gone/lease").string()});
  make("network", "bottle-dead-agent-net",
       {"bottle.id=dead", own, "bottle.lease=" + (root_ / "gone/lease").string()});
  make("container", "bottle-foreign-agent",
       {"bottle.id=foreign", "bottle.owner=other", "bottle.lease=/gone"});
  make("container", "database", {});
  // One that lives: somebody holds its lease.
  const auto lease = root_ / "lease";
  const Fd held(::open(lease.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(held.get(), LOCK_EX), 0);
  make("container", "bottle-alive-agent",
       {"bottle.id=alive", own, "bottle.lease=" + lease.string()});
  ASSERT_TRUE(launch());
  const auto left = things();
  EXPECT_EQ(left.size(), 3U);
  EXPECT_THAT(left, Contains("container-bottle-alive-agent"));
  EXPECT_THAT(left, Contains("container-bottle-foreign-agent"));
  EXPECT_THAT(left, Contains("container-database"));
  const auto engine = Engine::find();
  ASSERT_TRUE(engine);
  EXPECT_TRUE(remove_bottle(*engine, "alive"));
  EXPECT_TRUE(remove_bottle(*engine, "never-was"));
  EXPECT_EQ(things().size(), 2U);
}

TEST_F(FakeEngine, CommandsInARunningBottleHaveItsContainersName) {
  const auto control = make_docker_control();
  BottleRecord record;
  record.id = "0a1b";
  set("FAKE_DOCKER_EXEC", "9");
  const auto nine = control->exec(record, {"make", "--help"});
  ASSERT_TRUE(nine);
  EXPECT_EQ(nine->value, 9);
  EXPECT_THAT(commands(), Contains(HasSubstr(" bottle-0a1b-agent make --help ")));
  set("FAKE_DOCKER_EXEC", "126");
  const auto absent = control->exec(record, {"absent"});
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ExitCode::kCommandNotFound);
}

TEST_F(FakeEngine, DoctorSaysWhatIsMissing) {
  const auto fine = make_docker_control()->examine(true);
  ASSERT_EQ(fine.size(), 4U);
  for (const auto& finding : fine) EXPECT_EQ(finding.status, Finding::Status::kOk);
  set("FAKE_DOCKER_NO_IMAGE", "bottle-agent:latest");
  const auto unbuilt = make_docker_control()->examine(true);
  ASSERT_EQ(unbuilt.size(), 4U);
  EXPECT_EQ(unbuilt[2].status, Finding::Status::kFailed);
  EXPECT_EQ(unbuilt[2].hint, "make image");
  fs::remove(root_ / "bin/docker");
  ::setenv("PATH", (root_ / "bin").c_str(), 1);
  const auto none = make_docker_control()->examine(false);
  ASSERT_EQ(none.size(), 1U);
  EXPECT_EQ(none[0].status, Finding::Status::kWarning);
}

TEST_F(FakeEngine, AnInterruptWhileItStartsRemovesEverything) {
  set("FAKE_DOCKER_WAIT", "1");
  sigset_t term;
  sigemptyset(&term);
  sigaddset(&term, SIGTERM);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, &term, &before);  // also for the thread
  const pid_t self = ::getpid();
  std::thread killer([this, self] {
    // Not before the launch has begun: its first container is there.
    for (int i = 0; i < 2000 && things().empty(); ++i) std::this_thread::sleep_for(5ms);
    ::kill(self, SIGTERM);
  });
  const auto status = launch();
  killer.join();
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (status) {  // the signal came when the agent ran already: it was passed on
    EXPECT_EQ(status->value, 0);
  } else {
    EXPECT_EQ(static_cast<int>(status.error().code), 128 + SIGTERM);
  }
  EXPECT_TRUE(nothing_is_left());
}

}  // namespace
}  // namespace bottle::launcher::docker
