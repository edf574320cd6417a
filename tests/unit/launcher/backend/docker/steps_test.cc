// The commands of a launch, as values.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "launcher/backend/docker/agent_environment.h"
#include "launcher/backend/docker/docker_steps.h"

namespace bottle::launcher::docker {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

Plan small_plan() {
  Plan plan;
  plan.id = "0a1b";
  plan.workspace = "/srv/project";
  plan.directory = "/srv/project";
  plan.command = {"curl", "https://a.example/", "--privileged"};
  plan.allow = {"a.example", "b.example:8443", "*.c.example", "[2001:db8::1]", "[2001:db8::2]:99"};
  plan.runtime_base = "/run/user/1/bottle";
  plan.mounts = {{PlannedMount::Kind::kWritable, "/srv/project", "/srv/project"},
                 {PlannedMount::Kind::kReadOnly, "/srv/a,\"b", "/data"}};
  plan.proxy.arguments = {"--upstream", "direct"};
  plan.environment = {{"LANG", "C.UTF-8"}, {"TWO", "a\nb"}};
  auto& containers = plan.made_of.emplace<ContainerPlan>();
  containers.image = "agent:1";
  containers.proxy_image = "bottle-proxy:latest";
  containers.uid = 1000;
  containers.gid = 1001;
  return plan;
}

Plan with_pipelock() {
  auto plan = small_plan();
  plan.scanner = Scanner::kPipelock;
  plan.pipelock.emplace();
  containers_of(plan).pipelock_image = "pipelock:1";
  plan.proxy.arguments = {"--upstream", "pipelock"};
  return plan;
}

std::string line_of(StepId id, const Plan& plan) {
  return shell_quoted(make_step({id}, plan, Facts{}).call.arguments);
}

TEST(DockerSteps, TheAgentHasTheLimitsOfThePlan) {
  auto plan = with_pipelock();
  EXPECT_THAT(line_of(StepId::kCreateAgent, plan),
              HasSubstr("--memory 8g --memory-swap 8g --pids-limit 4096 "));
  EXPECT_THAT(line_of(StepId::kCreateAgent, plan), Not(HasSubstr("--cpus")));
  plan.resources = {.memory = 512ULL << 20U, .cpus = 150, .pids = 100};
  EXPECT_THAT(line_of(StepId::kCreateAgent, plan),
              HasSubstr("--memory 524288k --memory-swap 524288k --pids-limit 100 "));
  EXPECT_THAT(line_of(StepId::kCreateAgent, plan), HasSubstr(" --cpus 1.5 "));
  EXPECT_THAT(line_of(StepId::kCreateProxy, plan), HasSubstr("--memory 1g"));
}

TEST(DockerSteps, EveryContainerHasNothingThatItDoesNotNeed) {
  const auto plan = with_pipelock();
  for (const auto id : {StepId::kCreateProxy, StepId::kCreatePipelock, StepId::kCreateAgent}) {
    const auto line = line_of(id, plan);
    for (const char* words :
         {"--cap-drop ALL", "--security-opt no-new-privileges", "--memory ", "--pids-limit ",
          "--restart no", "--log-driver none", "--label bottle.id=0a1b",
          "--label bottle.owner=", "--label bottle.lease=/run/user/1/bottle/0a1b/lease"}) {
      EXPECT_THAT(line, HasSubstr(words));
    }
    for (const char* words : {"--cap-add", "docker.sock", "--publish", "--network host"}) {
      EXPECT_THAT(line, Not(HasSubstr(words)));
    }
  }
  EXPECT_THAT(line_of(StepId::kCreateProxy, plan), HasSubstr("--read-only"));
  EXPECT_THAT(line_of(StepId::kCreatePipelock, plan), HasSubstr("--read-only"));
  EXPECT_THAT(line_of(StepId::kCreatePipelock, plan), HasSubstr("--user 65534:65534"));
  EXPECT_THAT(line_of(StepId::kCreateAgent, plan), HasSubstr("--user 1000:1001"));
}

TEST(DockerSteps, OnlyTheProxyJoinsTheEgressNetwork) {
  const auto plan = with_pipelock();
  std::vector<std::string> internal;
  std::vector<std::string> joined;
  for (const auto& ref : order_of(plan)) {
    const auto words = make_step(ref, plan, Facts{}).call.arguments;
    const bool is_internal = std::find(words.begin(), words.end(), "--internal") != words.end();
    if (ref.id == StepId::kMakeNetwork && is_internal) internal.push_back(ref.subject);
    if (std::find(words.begin(), words.end(), "bottle-0a1b-egress-net") != words.end() &&
        ref.id != StepId::kMakeNetwork) {
      joined.push_back(words.back());
    }
  }
  EXPECT_THAT(internal, testing::ElementsAre("bottle-0a1b-agent-net", "bottle-0a1b-scan-net"));
  EXPECT_THAT(joined, testing::ElementsAre("bottle-0a1b-proxy"));
}

TEST(DockerSteps, TheGuardNeedsNeitherPipelockNorItsNetwork) {
  for (const auto& ref : order_of(small_plan())) {
    EXPECT_EQ(ref.subject.find("scan-net"), std::string::npos);
    EXPECT_NE(ref.id, StepId::kCreatePipelock);
  }
  EXPECT_THAT(line_of(StepId::kCreateProxy, small_plan()), Not(HasSubstr("--exit-listen")));
}

TEST(DockerSteps, TheExitListensOnThePortsOfTheAllowlist) {
  const auto line = line_of(StepId::kCreateProxy, with_pipelock());
  for (const char* port : {"443", "80", "8443", "99"}) {
    EXPECT_THAT(line, HasSubstr(std::string("--exit-listen '$SCAN_SUBNET:") + port + "'"));
  }
  EXPECT_THAT(line, HasSubstr("--exit-names '$SCAN_SUBNET:53'"));
  auto nothing = with_pipelock();
  nothing.allow.clear();
  EXPECT_THAT(line_of(StepId::kCreateProxy, nothing),
              HasSubstr("--exit-listen '$SCAN_SUBNET:443'"));
  EXPECT_THAT(line, HasSubstr("--pipelock http://pipelock:8888"));
}

TEST(DockerSteps, APipelockElsewhereIsAskedFromTheProxysContainerBeforeTheAgentIsMade) {
  auto plan = small_plan();
  plan.pipelock_url = "http://pipelock.example:8888";
  std::vector<StepId> ids;
  for (const auto& ref : order_of(plan)) ids.push_back(ref.id);
  const auto find = std::find(ids.begin(), ids.end(), StepId::kFindPipelock);
  ASSERT_NE(find, ids.end());
  EXPECT_LT(std::find(ids.begin(), ids.end(), StepId::kStartProxy), find);
  EXPECT_LT(find, std::find(ids.begin(), ids.end(), StepId::kCreateAgent));
  EXPECT_THAT(line_of(StepId::kFindPipelock, plan),
              HasSubstr("bottle-proxy --healthcheck http://pipelock.example:8888/health"));
  EXPECT_EQ(make_step({StepId::kFindPipelock}, plan, Facts{}).code, ExitCode::kScanner);
}

TEST(DockerSteps, TheCommandIsNeverTakenForOptions) {
  const auto words = make_step({StepId::kCreateAgent}, small_plan(), Facts{}).call.arguments;
  const auto image = std::find(words.begin(), words.end(), "agent:1");
  ASSERT_NE(image, words.end());
  EXPECT_EQ(std::vector<std::string>(image + 1, words.end()),
            (std::vector<std::string>{"https://a.example/", "--privileged"}));
  EXPECT_EQ(std::vector<std::string>(image - 2, image),
            (std::vector<std::string>{"--entrypoint", "curl"}));
}

TEST(DockerSteps, PathsWithCommasAndQuotesStayOneField) {
  const auto words = make_step({StepId::kCreateAgent}, small_plan(), Facts{}).call.arguments;
  EXPECT_THAT(words, Contains("type=bind,\"src=/srv/a,\"\"b\",dst=/data,readonly"));
  EXPECT_THAT(words, Contains("type=bind,src=/srv/project,dst=/srv/project"));
}

TEST(DockerSteps, ValuesThatAnEnvironmentFileCannotHoldGoElsewhere) {
  auto plan = small_plan();
  plan.environment["SECRET"] = Secret("s3cret");
  plan.environment["PEM"] = Secret("one\ntwo");
  plan.environment["NOT_UTF8"] = Secret("\xff\xfe");
  const auto made = agent_environment(plan, Facts{.proxy_address = "10.0.0.2"});
  EXPECT_THAT(made.file, HasSubstr("SECRET=s3cret\n"));
  EXPECT_THAT(made.file, HasSubstr("https_proxy=http://10.0.0.2:3128\n"));
  EXPECT_THAT(made.file, Not(HasSubstr("TWO")));
  EXPECT_THAT(made.arguments, Contains("TWO=a\nb"));
  EXPECT_THAT(made.arguments, Contains("PEM"));
  EXPECT_THAT(made.environment, testing::UnorderedElementsAre("PEM=one\ntwo", "NOT_UTF8=\xff\xfe"));
  EXPECT_EQ(problem_with_secret_name("PEM", "one\ntwo"), "");
  EXPECT_NE(problem_with_secret_name("DOCKER_HOST", "one\ntwo"), "");
  EXPECT_EQ(problem_with_secret_name("DOCKER_HOST", "one"), "");
}

// The whole text that a person reads. A change of any command shows here.
TEST(DockerSteps, ADryRunInFull) {
  auto plan = with_pipelock();
  containers_of(plan).missing = {"pipelock:1"};
  plan.environment.clear();
  plan.mounts.resize(1);
  std::string text;
  const std::string owner = owner_mark();
  for (auto line : shown_commands(plan)) {
    const auto at = line.find(owner);
    if (at != std::string::npos) line.replace(at, owner.size(), "OWNER");
    text += line + "\n";
  }
  std::ifstream golden(BOTTLE_TESTS_DIR "/unit/launcher/backend/docker/dry_run.golden",
                       std::ios::binary);
  const std::string expected{std::istreambuf_iterator<char>(golden), {}};
  EXPECT_EQ(text, expected);
}

}  // namespace
}  // namespace bottle::launcher::docker
