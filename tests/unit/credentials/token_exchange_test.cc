#include "proxy/credentials/token_exchange.h"

#include <gtest/gtest.h>

#include "proxy/contract/problem_codes.h"
#include "proxy/contract/token_parts.h"

namespace bottle::test {
namespace {

const std::string kReal = "sk-ant-ort01-p9Xv2LqT7wBz4NcR8sKdY1mF6hJ3gU5a";
const std::string kShown = "bottle-refresh-Hq3Zt8Wn5Rk2Vx7Bd4Ls9Pc6Jy1";
const std::string kAccess = "sk-ant-oat01-T5uQ8eZk1Wb7Vn3Xr9Lp2Dc6Hs4JmYf0";
const std::string kClaims = "eyJhbGciOiJSUzI1NiJ9.eyJleHAiOjE3NjcyMjU2MDB9.";
const std::string kSignature = "Wq7Lk2Zx9Vb4Nc8Ms3Pd6Rf1Tg5Yh0Ju";
const std::string kOtherSignature = "Bt4Hn8Kp1Qs6Vw3Xz9Cf2Dj5Gm7Lr0Ty";

const std::map<std::string, std::string> kPlaceholders{
    {"access_token", "sk-ant-oat01-placeholderplaceholderplaceholderx"}, {"refresh_token", kShown}};

TEST(TokenExchange, OnlyTheSignatureOfAJwtIsSecret) {
  EXPECT_TRUE(is_signed_jwt(kClaims + kSignature));
  EXPECT_EQ(secret_part(kClaims + kSignature), kSignature);
  EXPECT_EQ(shown_token(kClaims + kSignature, kOtherSignature), kClaims + kOtherSignature);
  for (const std::string& other : {kReal, std::string("eyJhbGciOiJSUzI1NiJ9.eyJleHAi"), kClaims,
                                   kClaims + kSignature + ".x", kClaims + "a b" + kSignature}) {
    EXPECT_FALSE(is_signed_jwt(other)) << other;
    EXPECT_EQ(secret_part(other), other);
  }
  EXPECT_EQ(shown_token(kReal, kShown), kShown);
}

TEST(TokenExchange, PutsATokenInThePlaceOfTheWholeJwt) {
  std::string field = "Bearer eyJhbGciOiJub25lIn0.eyJleHAiOjF9." + kOtherSignature;
  EXPECT_TRUE(put_token(field, kOtherSignature, kClaims + kSignature));
  EXPECT_EQ(field, "Bearer " + kClaims + kSignature);
  field = "Bearer " + kShown + ", x=" + kShown;
  EXPECT_TRUE(put_token(field, kShown, kReal));
  EXPECT_EQ(field, "Bearer " + kReal + ", x=" + kReal);
  EXPECT_FALSE(put_token(field, kShown, kReal));
}

TEST(TokenExchange, PutsTheTokenIntoARefreshAlone) {
  const auto body = [](const std::string& grant, const std::string& token) {
    return R"({"grant_type":")" + grant + R"(","refresh_token":")" + token +
           R"(","client_id":"c","scope":"a b"})";
  };
  EXPECT_EQ(refresh_with(body("refresh_token", kShown), kShown, kReal),
            body("refresh_token", kReal));
  // JSON's escapes are the same text.
  EXPECT_EQ(refresh_with(body("refresh_token", "\\u0062" + kShown.substr(1)), kShown, kReal),
            body("refresh_token", kReal));
  const std::string others[] = {
      body("authorization_code", kShown),
      body("urn:ietf:params:oauth:grant-type:token-exchange", kShown),
      body("refresh_token", "x" + kShown),
      body("refresh_token", kReal),
      R"({"grant_type":"refresh_token","refresh_token":["x"]})",
      R"({"grant_type":"refresh_token","token":")" + kShown + "\"}",
      R"({"grant_type":"refresh_token","grant_type":"x","refresh_token":")" + kShown + "\"}",
      R"({"refresh_token":"x","grant_type":"refresh_token","refresh_token":")" + kShown + "\"}",
      "[" + body("refresh_token", kShown) + "]",
      "grant_type=refresh_token&refresh_token=" + kShown,
      "",
  };
  for (const std::string& other : others) EXPECT_FALSE(refresh_with(other, kShown, kReal)) << other;
}

TEST(TokenExchange, ShowsPlaceholdersInAnAnswer) {
  const std::string text =
      R"({"token_type":"Bearer","access_token":")" + kAccess +
      R"(","expires_in":28800,"refresh_token":")" + kReal +
      R"(","scope":"user:inference","account":{"uuid":"u","csrf_token":"secret"}})";
  const auto answer = read_token_answer(text, kPlaceholders);
  ASSERT_TRUE(answer) << answer.error().detail;
  EXPECT_EQ(answer->tokens.at("access_token"), kAccess);
  EXPECT_EQ(answer->tokens.at("refresh_token"), kReal);
  EXPECT_EQ(answer->expires_in, 28800);
  EXPECT_EQ(answer->shown,
            R"({"token_type":"Bearer","access_token":")" + kPlaceholders.at("access_token") +
                R"(","expires_in":28800,"refresh_token":")" + kShown +
                R"(","scope":"user:inference","account":{"uuid":"u","csrf_token":""}})");
}

TEST(TokenExchange, ShowsNoTokenThatIsEscapedOrHidden) {
  std::string escaped;
  for (const char c : kAccess) {
    constexpr const char* kHex = "0123456789abcdef";
    escaped += std::string("\\u00") + kHex[(c >> 4) & 15] + kHex[c & 15];
  }
  const std::string text = R"({"\u0061ccess_token":")" + escaped + R"(","id_token":")" + kReal +
                           R"(","deep":[{"access_token":")" + kAccess + R"(","refreshToken":")" +
                           kReal + "\"}]}";
  const auto answer = read_token_answer(text, kPlaceholders);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->tokens.at("access_token"), kAccess);
  EXPECT_FALSE(answer->tokens.contains("refresh_token"));
  EXPECT_EQ(answer->shown.find(kAccess), Bytes::npos) << answer->shown;
  EXPECT_EQ(answer->shown.find(kReal), Bytes::npos) << answer->shown;
  EXPECT_EQ(answer->shown.find("u0073"), Bytes::npos) << answer->shown;
}

TEST(TokenExchange, RefusesAnAnswerThatTwoReadersCouldReadInTwoWays) {
  const std::string token = R"("access_token":")" + kAccess + "\"";
  const std::string others[] = {
      "{" + token + "," + token + "}",
      "{" + token + R"(,"\u0061ccess_token":"xxxxxxxxxxxxxxxxxxxxxxxxxxx"})",
      "{" + token + R"(,"a":{"b":1,"b":2}})",
      "{" + token + "} {}",
      "{" + token + "} // comment",
      "{" + token,
      "[{" + token + "}]",
      R"({"access_token":["x"]})",
      R"({"access_token":"short"})",
      R"({"token_type":"Bearer"})",
      "",
      "{" + token + R"(,"a":)" + std::string(40, '[') + std::string(40, ']') + "}",
      "{" + token + R"(,"a":")" + std::string(kMaxTokenMessage, 'x') + "\"}",
      "{" + token + ",\"a\":\"\xff\"}",
  };
  for (const std::string& other : others) {
    const auto answer = read_token_answer(other, kPlaceholders);
    ASSERT_FALSE(answer) << other;
    EXPECT_EQ(answer.error().reason, problem_code::kLoginAnswerOdd);
    EXPECT_EQ(answer.error().detail.find(kAccess), std::string::npos);
  }
}

TEST(TokenExchange, ARefusalIsShownWithoutTheToken) {
  EXPECT_EQ(shown_refusal(R"({ "error": "invalid_grant" })", kReal),
            R"({"error":"invalid_grant"})");
  EXPECT_EQ(shown_refusal(R"({"error":"bad )" + kReal + "\"}", kReal), "");
  EXPECT_EQ(shown_refusal("<html>" + kReal, kReal), "");
  EXPECT_EQ(shown_refusal(R"({"error":"x","refresh_token":"abc"})", kReal),
            R"({"error":"x","refresh_token":""})");
}

}  // namespace
}  // namespace bottle::test
