#include "launcher/plan/parent_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "launcher/manifest/manifest.h"

namespace bottle::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class ParentPlans : public testing::Test {
 protected:
  ParentPlans() {
    sources_.host = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = env_.find(name);
      if (found == env_.end()) return std::nullopt;
      return found->second;
    };
    sources_.file = [](const std::string&) -> Expected<FileValue> {
      return FileValue{.text = "from the file", .exposed = true};
    };
    sources_.prompt = [](const std::string&) -> Expected<std::string> {
      return std::string("typed");
    };
  }

  static std::vector<std::string> arguments_of(const std::optional<ParentPlan>& plan) {
    std::vector<std::string> out;
    plan.value().add_to(out);
    return out;
  }
  static Expected<std::optional<ParentEntry>> entry(const std::string& parent) {
    auto manifest = parse_manifest(
        R"({"bottles": {"default": {"egress": {"parent": )" + parent + "}}}}", "bottle.json", "/");
    if (!manifest) return std::move(manifest.error());
    return manifest->bottles.at("default").parent;
  }
  Expected<std::optional<ParentPlan>> plan(const std::string& parent,
                                           const std::optional<std::string>& option = {}) {
    std::optional<ParentEntry> read;
    if (!parent.empty()) {
      auto got = entry(parent);
      if (!got) return std::move(got.error());
      read = std::move(*got);
    }
    return plan_parent(read, option, sources_, Prompting::kAsk, notes_);
  }

  std::map<std::string, std::string> env_;
  EnvSources sources_;
  std::vector<std::string> notes_;
};

TEST_F(ParentPlans, ThereIsNoneUnlessOneIsNamed) {
  env_["HTTPS_PROXY"] = "http://proxy.corp:3128";
  EXPECT_FALSE(plan("").value().has_value());
}

TEST_F(ParentPlans, AUrlOfTheManifestAndOneOfTheCommandLine) {
  const auto manifest = plan(R"("http://proxy.corp:3128")").value();
  EXPECT_THAT(arguments_of(manifest), ElementsAre("--parent", "http://proxy.corp:3128"));
  EXPECT_EQ(manifest->secret_line(), "");
  const auto both = plan(R"({"url": "http://a@x:1", "no_proxy": "y"})", "http://b:2").value();
  EXPECT_THAT(arguments_of(both), ElementsAre("--parent", "http://b:2", "--no-proxy", "y"));
}

TEST_F(ParentPlans, ThePasswordComesFromWhereTheManifestSays) {
  const std::string url = R"({"url": "http://ann@p:1", "password": )";
  EXPECT_EQ(plan(url + R"({"file": "~/pw"}})").value()->secret_line(),
            "{\"parent_password\":\"from the file\"}\n");
  EXPECT_EQ(notes_.size(), 1U);
  EXPECT_EQ(plan(url + R"({"prompt": "Password"}})").value()->secret_line(),
            "{\"parent_password\":\"typed\"}\n");
  EXPECT_FALSE(plan(url + R"({"from_host": true}})"));
  env_["PARENT_PROXY_PASSWORD"] = "exported";
  const auto exported = plan(url + R"({"from_host": true}})").value();
  EXPECT_EQ(exported->secret_line(), "{\"parent_password\":\"exported\"}\n");
  EXPECT_THAT(arguments_of(exported), ElementsAre("--parent", "http://ann@p:1"));
}

TEST_F(ParentPlans, TheHostsOwnSettingsAreReadAsCurlReadsThem) {
  EXPECT_FALSE(plan(R"({"from_host": true})").value().has_value());
  EXPECT_THAT(notes_, ElementsAre(HasSubstr("HTTPS_PROXY")));
  env_ = {{"HTTPS_PROXY", "http://upper:1"},
          {"https_proxy", "http://ann:sesame%21@lower:2"},
          {"NO_PROXY", "a.test"}};
  const auto parent = plan(R"({"from_host": true})").value();
  EXPECT_THAT(arguments_of(parent),
              ElementsAre("--parent", "http://ann@lower:2", "--no-proxy", "a.test"));
  EXPECT_EQ(parent->secret_line(), "{\"parent_password\":\"sesame!\"}\n");
  env_ = {{"HTTPS_PROXY", "socks5://x:sesame@y:1"}};
  const auto wrong = plan(R"({"from_host": true})");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("HTTPS_PROXY"));
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("sesame")));
}

TEST_F(ParentPlans, WrongEntriesSayWhatToWrite) {
  for (const std::string parent :
       {R"(true)", R"("proxy.corp")", R"("https://proxy.corp:1")", R"("http://a:sesame@p:1")",
        R"({})", R"({"from_host": false})", R"({"from_host": true, "url": "http://p:1"})",
        R"({"from_host": true, "no_proxy": "x"})", R"({"url": "http://p:1", "user": "x"})",
        R"({"url": "http://p:1", "password": {"file": "x"}})",
        R"({"url": "http://a@p:1", "password": "sesame"})",
        R"({"url": "http://a@p:1", "password": {"file": "x", "prompt": "y"}})",
        R"({"url": "http://a@p:1", "password": {"command": ["x"]}})",
        R"({"url": "http://p:1", "no_proxy": ["x"]})"}) {
    const auto read = entry(parent);
    ASSERT_FALSE(read) << parent;
    EXPECT_THAT(read.error().message, Not(HasSubstr("sesame")));
    EXPECT_NE(read.error().hint, "") << parent;
  }
  const auto option = plan("", "http://a:sesame@p:1");
  ASSERT_FALSE(option);
  EXPECT_THAT(option.error().message, HasSubstr("must not have a password"));
}

}  // namespace
}  // namespace bottle::launcher
