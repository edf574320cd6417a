#include "launcher/backend/run_bottle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "launcher/backend/bottle_control.h"
#include "launcher/lifetime/host_ports.h"
#include "launcher/lifetime/registry.h"
#include "launcher/lifetime/runtime_dir.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

// The calls of a backend, in order, and its answers.
struct Script {
  std::vector<std::string> calls{};
  std::string fails{};  // the call that fails
  bool log_is_complete = true;

  Expected<void> call(const std::string& name) {
    calls.push_back(name);
    if (name != fails) return {};
    return Error{ExitCode::kEngine, name + " fails", ""};
  }
};

class ScriptedBottle final : public BackendBottle {
 public:
  ScriptedBottle(Script& script, const BottleResources& resources)
      : script_(script), resources_(resources) {}
  ~ScriptedBottle() override { script_.calls.emplace_back("destroy"); }

  Expected<std::string> make() override {
    EXPECT_TRUE(fs::exists(resources_.runtime.path()));
    EXPECT_TRUE(fs::exists(resources_.state));
    EXPECT_EQ(living_bottles(resources_.plan.runtime_base).size(), 1U);
    if (auto made = script_.call("make"); !made) return std::move(made.error());
    return std::string("AA:BB");
  }
  Expected<ExitStatus> run() override {
    std::ofstream(resources_.plan.audit, std::ios::app)
        << R"({"verdict":"refused","host":"b.example","reason":"host_not_allowed"})" << "\n";
    if (auto ran = script_.call("run"); !ran) return std::move(ran.error());
    resources_.running();
    return ExitStatus{7};
  }
  bool end() override {
    script_.calls.emplace_back("end");
    return script_.log_is_complete;
  }

 private:
  Script& script_;
  const BottleResources resources_;
};

class ScriptedBackend final : public BottleBackend {
 public:
  explicit ScriptedBackend(Script& script) : script_(script) {}
  Expected<Plan> prepare(const BottleSpec&, const std::string&) override { return Plan{}; }
  Expected<void> check(const Plan&) override { return script_.call("check"); }
  Expected<std::unique_ptr<BackendBottle>> begin(const BottleResources& resources) override {
    if (auto begun = script_.call("begin"); !begun) return std::move(begun.error());
    return std::unique_ptr<BackendBottle>(std::make_unique<ScriptedBottle>(script_, resources));
  }

 private:
  Script& script_;
};

class NoControl final : public BottleControl {
 public:
  Expected<ExitStatus> exec(const BottleRecord&, const std::vector<std::string>&) override {
    return ExitStatus{};
  }
  Expected<std::string> tell_proxy(const BottleRecord&, const std::filesystem::path&,
                                   const std::string&) override {
    return std::string();
  }
  Expected<std::unique_ptr<PortDialer>> port_dialer(const BottleRecord&) override {
    return Error{ExitCode::kSystem, "not used here", ""};
  }
  bool remove_left_overs(const BottleRecord&) override { return true; }
  std::vector<Finding> examine(bool) override { return {}; }
};

class RunBottle : public testing::Test {
 protected:
  RunBottle() {
    std::string pattern = testing::TempDir() + "run-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    plan_.id = "0a1b";
    plan_.runtime_base = root_ / "run";
    plan_.state_base = root_ / "state";
    plan_.audit = root_ / "audit.jsonl";
    std::ofstream(plan_.audit)
        << R"({"verdict":"refused","host":"a.example","reason":"host_not_allowed"})" << "\n";
  }
  ~RunBottle() override { fs::remove_all(root_); }

  // Runs it, with its words in said_.
  Expected<ExitStatus> run() {
    testing::internal::CaptureStderr();
    ScriptedBackend backend(script_);
    NoControl control;
    auto status = run_bottle(
        plan_, backend, control,
        [this](const auto& runtime, const auto& state) { running_.emplace_back(runtime, state); });
    said_ = testing::internal::GetCapturedStderr();
    return status;
  }
  bool is_gone() const { return !fs::exists(plan_.runtime_base / plan_.id); }

  fs::path root_;
  Plan plan_;
  Script script_;
  std::string said_;
  std::vector<std::pair<fs::path, fs::path>> running_;  // as it was told
};

TEST_F(RunBottle, TakesTheStepsInOrderAndTellsOfItsOwnLinesAlone) {
  const auto status = run();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->value, 7);
  EXPECT_THAT(script_.calls, ElementsAre("check", "begin", "make", "run", "end", "destroy"));
  EXPECT_THAT(said_, HasSubstr("bottle: CA sha256 AA:BB\n"));
  EXPECT_THAT(said_, HasSubstr("1 request was refused"));
  EXPECT_THAT(said_, HasSubstr("b.example"));
  EXPECT_THAT(said_, testing::Not(HasSubstr("a.example")));
  EXPECT_TRUE(is_gone());
  EXPECT_TRUE(fs::exists(plan_.state_base / plan_.id));
  EXPECT_THAT(running_,
              ElementsAre(std::pair(plan_.runtime_base / plan_.id, plan_.state_base / plan_.id)));
}

TEST_F(RunBottle, APortThatIsTakenIsAnErrorBeforeAnythingIsMade) {
  auto taken = open_ports({{3000, 0}}, "127.0.0.1");
  ASSERT_TRUE(taken) << taken.error().message;
  plan_.ports = {{3000, taken->front().rule.host}};
  plan_.publish_address = "127.0.0.1";
  const auto status = run();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ExitCode::kUsage);
  EXPECT_THAT(status.error().hint, HasSubstr("3000:0 for a free one"));
  EXPECT_THAT(script_.calls, ElementsAre("check"));
  EXPECT_FALSE(fs::exists(plan_.runtime_base));
}

TEST_F(RunBottle, TellsOfAnIncompleteLogAndIsSilentWhenQuiet) {
  script_.log_is_complete = false;
  ASSERT_TRUE(run());
  EXPECT_THAT(said_, HasSubstr("is not complete"));
  plan_.id = "0a1c";
  plan_.quiet = true;
  ASSERT_TRUE(run());
  EXPECT_EQ(said_, "");
}

TEST_F(RunBottle, ACheckThatFailsLeavesNoTrace) {
  script_.fails = "check";
  const auto status = run();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "check fails");
  EXPECT_THAT(script_.calls, ElementsAre("check"));
  EXPECT_FALSE(fs::exists(plan_.runtime_base));
  EXPECT_FALSE(fs::exists(plan_.state_base));
}

// Each later step fails once: the bottle is taken down, and nothing is told as if it had run.
TEST_F(RunBottle, AStepThatFailsTakesTheBottleDown) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows{
      {"begin", {"check", "begin"}},
      {"make", {"check", "begin", "make", "destroy"}},
      {"run", {"check", "begin", "make", "run", "end", "destroy"}}};
  for (const auto& [step, calls] : rows) {
    SCOPED_TRACE(step);
    script_ = {.fails = step};
    plan_.id = "id-" + step;
    const auto status = run();
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ExitCode::kEngine);
    EXPECT_EQ(status.error().message, step + " fails");
    EXPECT_EQ(script_.calls, calls);
    EXPECT_THAT(said_, testing::Not(HasSubstr("refused")));
    EXPECT_TRUE(is_gone());
  }
}

}  // namespace
}  // namespace bottle::launcher
