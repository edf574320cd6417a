#include "proxy/control/control_message.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bottle {
namespace {

const std::string kValue = "ghp_k7Qw2ZxR9tLmB4vN8cYpD3sF6hJ1gT5aE0uW";

std::string set(const std::string& rest) {
  return R"({"v":1,"id":"7","verb":"secrets.set",)" + rest + "}";
}

TEST(ControlMessage, NewValues) {
  const auto parsed =
      parse_control(set(R"("secrets":[{"name":"A","value":"x\u0041"},{"name":"B","value":""}])"));
  ASSERT_FALSE(parsed.error) << parsed.error->message;
  EXPECT_EQ(parsed.request.id, "7");
  EXPECT_EQ(parsed.request.verb, ControlRequest::Verb::SetSecrets);
  ASSERT_EQ(parsed.request.secrets.size(), 2U);
  EXPECT_EQ(parsed.request.secrets[0].name, "A");
  EXPECT_EQ(parsed.request.secrets[0].value, "xA");
}

TEST(ControlMessage, OtherVerbs) {
  EXPECT_FALSE(parse_control(R"({"v":1,"verb":"secrets.list"})").error);
  const auto told =
      parse_control(R"({"v":1,"id":"x","verb":"secrets.trouble","name":"A","text":"gone"})");
  ASSERT_FALSE(told.error);
  EXPECT_EQ(told.request.text, "gone");
}

TEST(ControlMessage, ThePolicy) {
  const auto allowed = parse_control(
      R"({"v":1,"verb":"policy.allow","host":"a.test:8443","route":"scan-requests","seconds":600})");
  ASSERT_FALSE(allowed.error) << allowed.error->message;
  EXPECT_EQ(allowed.request.wish.host, "a.test:8443");
  EXPECT_EQ(allowed.request.wish.route, Route::ScanRequests);
  EXPECT_EQ(allowed.request.wish.lasts, std::chrono::seconds(600));
  EXPECT_FALSE(allowed.request.wish.once);
  EXPECT_TRUE(
      parse_control(R"({"v":1,"verb":"policy.allow","host":"a","once":true})").request.wish.once);
  EXPECT_EQ(parse_control(R"({"v":1,"verb":"policy.deny","host":"a.test"})").request.name,
            "a.test");
  EXPECT_EQ(parse_control(R"({"v":1,"verb":"policy.check","url":"https://a/"})").request.text,
            "https://a/");
  EXPECT_FALSE(parse_control(R"({"v":1,"verb":"policy.list"})").error);
}

TEST(ControlMessage, Asks) {
  EXPECT_FALSE(parse_control(R"({"v":1,"verb":"asks.list"})").request.number);
  EXPECT_EQ(parse_control(R"({"v":1,"verb":"asks.list","after":7})").request.number, 7U);
  const auto answered =
      parse_control(R"({"v":1,"verb":"asks.answer","ask":"3","answer":"once","by":"ask-command"})");
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_EQ(answered.request.number, 3U);
  EXPECT_EQ(answered.request.answer, AskAnswer::Once);
  EXPECT_EQ(answered.request.text, "ask-command");
  const std::string begin = R"({"v":1,"verb":"asks.answer",)";
  for (const auto& [rest, says] : std::vector<std::pair<std::string, std::string>>{
           {R"("ask":3,"answer":"deny"})", "\"ask\" must be there"},
           {R"("ask":"3x","answer":"deny"})", "asks.list"},
           {R"("ask":"3","answer":"yes"})", "allow, once or deny"},
           {R"("ask":"3","answer":"none"})", "allow, once or deny"},
           {R"("ask":"3","answer":"deny","by":"A b"})", "\"by\" must be"},
           {R"("ask":"3"})", "\"answer\" must be there"}}) {
    const auto parsed = parse_control(begin + rest);
    ASSERT_TRUE(parsed.error) << rest;
    EXPECT_NE(parsed.error->message.find(says), std::string::npos) << parsed.error->message;
  }
  EXPECT_TRUE(parse_control(R"({"v":1,"verb":"asks.list","after":"7"})").error);
}

TEST(ControlMessage, AsksAreListedAsTheyAre) {
  AskBook::State state{.version = 7};
  state.asks.push_back(
      PendingAsk{.id = 3,
                 .question = {.destination = {"pypi.org", 443, HostKind::Name},
                              .method = "GET",
                              .path = "/simple/"},
                 .since = std::chrono::system_clock::time_point(std::chrono::seconds(1796016317)),
                 .left = std::chrono::milliseconds(41001),
                 .waiting = 2});
  EXPECT_EQ(asks_answer("1", state),
            R"({"asks":[{"ask":"3","host":"pypi.org","method":"GET","path":"/simple/","port":443,)"
            R"("seconds_left":42,"since":1796016317,"waiting":2}],"id":"1","ok":true,"v":1,)"
            R"("version":7})"
            "\n");
}

// Each is wrong in one way, and says so without a part of the value.
TEST(ControlMessage, WrongOnesAreToldWhatIsWrong) {
  const struct {
    std::string line, says;
  } cases[] = {
      {"", "one JSON object"},
      {"[]", "one JSON object"},
      {"{\"v\":1", "one JSON object"},
      {R"({"v":1,"v":1,"verb":"secrets.list"})", "one JSON object"},
      {R"({"verb":"secrets.list"})", "\"v\""},
      {R"({"v":2,"verb":"secrets.list"})", "\"v\""},
      {R"({"v":"1","verb":"secrets.list"})", "\"v\""},
      {R"({"v":1})", "\"verb\""},
      {R"({"v":1,"verb":"secrets.get"})", "unknown \"verb\""},
      {R"({"v":1,"verb":"secrets.list","all":true})", "a key that"},
      {R"({"v":1,"verb":"secrets.list","secrets":[]})", "a key that"},
      {R"({"v":1,"id":7,"verb":"secrets.list"})", "\"id\""},
      {R"({"v":1,"verb":"policy.allow"})", "\"host\""},
      {R"({"v":1,"verb":"policy.allow","host":"a","route":"fast"})", "scan-requests"},
      {R"({"v":1,"verb":"policy.allow","host":"a","once":1})", "\"once\""},
      {R"({"v":1,"verb":"policy.allow","host":"a","seconds":"5"})", "\"seconds\""},
      {R"({"v":1,"verb":"policy.allow","host":"a","seconds":-5})", "\"seconds\""},
      {R"({"v":1,"verb":"policy.allow","host":"a","seconds":99999999999})", "\"seconds\""},
      {R"({"v":1,"verb":"policy.deny","host":"a","once":true})", "a key that"},
      {R"({"v":1,"verb":"policy.check"})", "\"url\""},
      {R"({"v":1,"id":")" + std::string(65, 'x') + R"(","verb":"secrets.list"})", "\"id\""},
      {R"({"v":1,"verb":"secrets.set"})", "\"secrets\""},
      {set(R"("secrets":[])"), "\"secrets\""},
      {set(R"("secrets":{"A":")" + kValue + "\"}"), "\"secrets\""},
      {set(R"("secrets":[{"name":"A","value":")" + kValue + R"(","in":["body"]}])"), "each secret"},
      {set(R"("secrets":[{"name":"A","hosts":")" + kValue + R"("}])"), "\"value\""},
      {set(R"("secrets":[{"name":"A","value":7}])"), "\"value\""},
      {set(R"("secrets":[{"name":"A","value":")" + kValue + R"("},{"name":"A","value":"b"}])"),
       "twice"},
      {R"({"v":1,"verb":"secrets.trouble","name":"A"})", "\"text\""},
      {R"({"v":1,"verb":"secrets.trouble","name":"A","text":"a\nb"})", "control characters"},
      {R"({"v":1,"verb":"secrets.trouble","name":"A","text":")" + std::string(513, 'x') + "\"}",
       "512"},
  };
  for (const auto& one : cases) {
    const auto parsed = parse_control(one.line);
    ASSERT_TRUE(parsed.error) << one.line;
    EXPECT_NE(parsed.error->message.find(one.says), std::string::npos)
        << one.line << ": " << parsed.error->message;
    EXPECT_EQ(parsed.error->message.find("k7Qw"), std::string::npos) << parsed.error->message;
  }
  EXPECT_EQ(parse_control(set(R"("other":1)")).request.id, "7");  // so that the error has it
}

TEST(ControlMessage, Answers) {
  EXPECT_EQ(changed_answer("7", {"A"}), "{\"changed\":[\"A\"],\"id\":\"7\",\"ok\":true,\"v\":1}\n");
  EXPECT_EQ(error_answer("", Error{ExitCode::kUsage, "no", "do"}),
            "{\"error\":\"no\",\"hint\":\"do\",\"id\":\"\",\"ok\":false,\"v\":1}\n");
  const auto listed = secrets_answer("7", {SecretState{.name = "A", .kept_out = true}});
  EXPECT_NE(listed.find(R"("former":0,"hosts":[],"kept_out":true,"name":"A")"), std::string::npos)
      << listed;
}

TEST(ControlMessage, APolicyIsToldWithoutWhatIsOver) {
  const PolicyRow gone{.host = "gone.test", .over = true};
  const PolicyRow there{.host = "a.test", .by = "uid 7", .once = true, .hits = 3};
  const PolicyRow closed{.host = "b.test", .route = Route::Deny};
  EXPECT_EQ(policy_answer("1", {gone, there}, {closed}),
            R"({"allow":[{"by":"uid 7","hits":3,"host":"a.test","once":true}],"id":"1","ok":true,)"
            R"("routes":[{"host":"b.test","route":"deny"}],"v":1})"
            "\n");
}

}  // namespace
}  // namespace bottle
