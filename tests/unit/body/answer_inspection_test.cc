#include "proxy/body/answer_inspection.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "tests/unit/guard/answer_cases.h"

namespace bottle::test {
namespace {

constexpr std::string_view kSecret = "Zq8-vN3kLw0pRt7yUx2cBm5d";

const SecretSet& secrets() {
  static const auto set = [] {
    SecretSpec spec;
    spec.name = "TOKEN";
    spec.value = kSecret;
    std::vector<SecretSpec> specs;
    specs.push_back(std::move(spec));
    auto made = SecretSet::make(std::move(specs));
    if (!made) throw std::logic_error(made.error().message);
    return std::move(*made);
  }();
  return *set;
}

bool echoes(std::string_view type, std::string_view body, std::size_t step) {
  AnswerSpace space(answer_set());
  ScanSpace scan(secrets());
  DecodeSpace decode(1024 * 1024);
  AnswerInspection inspection({answer_set(), space, secrets(), scan, decode}, {}, type, {});
  for (std::size_t at = 0; at < body.size(); at += step) {
    EXPECT_TRUE(inspection.feed(body.substr(at, step), at + step >= body.size()));
  }
  for (const Finding& finding : inspection.take_findings()) {
    if (finding.name == to_string(AnswerClass::SecretEcho)) return true;
  }
  return false;
}

TEST(AnswerInspection, TellsASecretThatComesBackHoweverItIsWritten) {
  const std::string secret(kSecret);
  const std::string foreign = "ghp_16C7e42F292c6912E7710c838347Ae178B4a";
  const struct {
    std::string_view type;
    std::string body;
  } table[] = {
      {"text/plain", "the value is " + secret + "."},
      {"text/plain", "WnE4LXZOM2tMdzBwUnQ3eVV4MmNCbTVk"},
      {"text/plain", "5a71382d764e336b4c7730705274377955783263426d3564"},
      {"application/json", R"({"a":"Zq8\u002dvN3kLw0pRt7yUx2cBm5d"})"},
      {"text/event-stream",
       "data: {\"delta\":{\"text\":\"Zq8-vN3kLw\"}}\n\n"
       "data: {\"delta\":{\"text\":\"0pRt7yUx2cBm5d\"}}\n\n"},
      {"text/plain", foreign + " and " + secret + "\n"},
      {"text/plain", foreign + std::string(1010 - foreign.size(), ' ') + secret + "\n"},
  };
  for (const auto& row : table) {
    for (const std::size_t step : {1U, 5U, 4096U}) {
      EXPECT_TRUE(echoes(row.type, row.body, step)) << row.body << " by " << step;
    }
  }
  EXPECT_FALSE(echoes("text/plain", foreign + " and no more", 7));
}

}  // namespace
}  // namespace bottle::test
