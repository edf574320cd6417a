#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "launcher/backend/backend.h"
#include "launcher/backend/bottle_control.h"

namespace bottle::launcher {
namespace {

using testing::HasSubstr;

class Nothing final : public BottleBackend {
 public:
  Expected<Plan> prepare(const BottleSpec&, const std::string&) override { return Plan{}; }
  Expected<void> check(const Plan&) override { return {}; }
  Expected<std::unique_ptr<BackendBottle>> begin(const BottleResources&) override {
    return {nullptr};
  }
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

BackendEntry nothing(std::string_view name) {
  return {.name = name,
          .make = [] { return std::make_unique<Nothing>(); },
          .control = [] { return std::make_unique<NoControl>(); }};
}

TEST(Backend, OneThatIsNotReadyIsTakenOnlyWhenAskedFor) {
  bool ready = false;
  std::vector<BackendEntry> table{nothing("first"), nothing("second")};
  table[0].ready = [&ready] { return ready; };
  const auto second = choose_backend(std::nullopt, table);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->entry->name, "second");
  EXPECT_THAT(second->why, HasSubstr("not ready here: first"));
  const auto asked = choose_backend(Choice{"first", "as --backend asks"}, table);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->entry->name, "first");
  ready = true;
  const auto first = choose_backend(std::nullopt, table);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->entry->name, "first");
}

TEST(Backend, ChoiceIsExplained) {
  const std::vector<BackendEntry> table{nothing("docker"), nothing("local")};
  const auto automatic = choose_backend(std::nullopt, table);
  ASSERT_TRUE(automatic);
  EXPECT_EQ(automatic->entry->name, "docker");
  EXPECT_EQ(automatic->why, "the default");
  const auto asked = choose_backend(Choice{"local", "as --backend asks"}, table);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->entry->name, "local");
  EXPECT_EQ(asked->why, "as --backend asks");
  const auto unknown = choose_backend(Choice{"vm", "as BOTTLE_BACKEND asks"}, table);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ExitCode::kUsage);
  EXPECT_THAT(unknown.error().message, HasSubstr("as BOTTLE_BACKEND asks"));
  EXPECT_EQ(unknown.error().hint, "what exists: docker, local");
}

}  // namespace
}  // namespace bottle::launcher
