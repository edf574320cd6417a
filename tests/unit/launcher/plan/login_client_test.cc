#include "launcher/plan/login_client.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "proxy/contract/token_parts.h"

namespace bottle::launcher {
namespace {

using Json = nlohmann::json;

const std::string kAccess = "sk-ant-oat01-T5uQ8eZk1Wb7Vn3Xr9Lp2Dc6Hs4JmYf0a";
const std::string kRefresh = "sk-ant-ort01-p9Xv2LqT7wBz4NcR8sKdY1mF6hJ3gU5ab";
const std::string kHead = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3NjcyMjU2MDB9.";
const std::string kJwt = kHead + "Wq7Lk2Zx9Vb4Nc8Ms3Pd6Rf1Tg5Yh0JuAx3Ke9";
const std::string kIdJwt = kHead + "Bt4Hn8Kp1Qs6Vw3Xz9Cf2Dj5Gm7Lr0TyBu4Lf1";

std::string claude_text() {
  const Json file = {{"claudeAiOauth",
                      {{"accessToken", kAccess},
                       {"refreshToken", kRefresh},
                       {"expiresAt", 1767225600000},
                       {"scopes", {"user:inference"}},
                       {"subscriptionType", "max"},
                       {"other", "secret"}}},
                     {"mcpOAuth", {{"server", {{"accessToken", "other-secret"}}}}}};
  return file.dump();
}

std::string codex_text() {
  const Json file = {{"OPENAI_API_KEY", "sk-other-secret"},
                     {"auth_mode", "chatgpt"},
                     {"tokens",
                      {{"access_token", kJwt},
                       {"id_token", kIdJwt},
                       {"refresh_token", "rt_" + kRefresh},
                       {"account_id", "account-1"}}},
                     {"last_refresh", "2026-01-01T00:00:00Z"}};
  return file.dump();
}

TEST(LoginClient, ClaudesFileHasPlaceholdersOfTheSameForm) {
  const LoginClient& claude = *find_login_client("claude");
  auto login = login_in(claude, claude_text());
  ASSERT_TRUE(login) << login.error().message;
  EXPECT_EQ(login->tokens.at("access_token"), kAccess);
  EXPECT_EQ(login->tokens.at("refresh_token"), kRefresh);
  const auto text = client_file(claude, *login);
  ASSERT_TRUE(text);
  for (const std::string& secret : {kAccess, kRefresh, std::string("secret")}) {
    EXPECT_EQ(text->find(secret), std::string::npos) << *text;
    EXPECT_EQ(login->client_file.find(secret), std::string::npos);
  }
  const Json file = Json::parse(*text)["claudeAiOauth"];
  EXPECT_EQ(file["accessToken"].get<std::string>().size(), kAccess.size());
  EXPECT_TRUE(file["accessToken"].get<std::string>().starts_with("sk-ant-oat01-"));
  EXPECT_EQ(file["refreshToken"].get<std::string>().size(), kRefresh.size());
  EXPECT_EQ(file["expiresAt"], 1767225600000);
  EXPECT_EQ(file["scopes"], Json({"user:inference"}));
  EXPECT_EQ(file["subscriptionType"], "max");
  EXPECT_TRUE(has_placeholders(claude, *text));
  EXPECT_FALSE(has_placeholders(claude, claude_text()));
  EXPECT_FALSE(login_in(claude, *text));  // nothing worth keeping

  login->refreshed_ms = 1800000000000;
  login->expires_in = 28800;
  EXPECT_EQ(Json::parse(*client_file(claude, *login))["claudeAiOauth"]["expiresAt"], 1800028800000);
}

TEST(LoginClient, CodexReadsTheClaimsOfItsTokens) {
  const LoginClient& codex = *find_login_client("codex");
  auto login = login_in(codex, codex_text());
  ASSERT_TRUE(login) << login.error().message;
  const auto text = client_file(codex, *login);
  ASSERT_TRUE(text);
  const Json file = Json::parse(*text);
  for (const char* name : {"access_token", "id_token"}) {
    const auto token = file["tokens"][name].get<std::string>();
    EXPECT_TRUE(token.starts_with(kHead));
    EXPECT_EQ(token.size(), kJwt.size());
    EXPECT_TRUE(is_signed_jwt(token));
    EXPECT_EQ(text->find(secret_part(login->tokens.at(name))), std::string::npos);
  }
  EXPECT_NE(file["tokens"]["access_token"], file["tokens"]["id_token"]);
  EXPECT_EQ(text->find(kRefresh), std::string::npos);
  EXPECT_EQ(text->find("sk-other-secret"), std::string::npos);
  EXPECT_TRUE(file["OPENAI_API_KEY"].is_null());
  EXPECT_EQ(file["auth_mode"], "chatgpt");
  EXPECT_EQ(file["tokens"]["account_id"], "account-1");
  EXPECT_EQ(file["last_refresh"], "2026-01-01T00:00:00Z");
  login->refreshed_ms = 1800000000000;
  EXPECT_EQ(Json::parse(*client_file(codex, *login))["last_refresh"], "2027-01-15T08:00:00Z");
}

TEST(LoginClient, SaysWhatIsNoLoginWithoutItsText) {
  const LoginClient& claude = *find_login_client("claude");
  const std::string wrong[] = {
      "",
      "[]",
      "{}",
      R"({"claudeAiOauth":3})",
      R"({"claudeAiOauth":{"accessToken":")" + kAccess + "\"}}",
      R"({"claudeAiOauth":{"accessToken":")" + kAccess + R"(","refreshToken":""}})",
      R"({"claudeAiOauth":{"accessToken":")" + kAccess + R"(","refreshToken":[1]}})",
  };
  for (const std::string& text : wrong) {
    const auto login = login_in(claude, text);
    ASSERT_FALSE(login) << text;
    EXPECT_EQ(login.error().message.find(kAccess), std::string::npos);
    EXPECT_FALSE(login.error().hint.empty());
  }
}

}  // namespace
}  // namespace bottle::launcher
