#include "proxy/credentials/login_upstream.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "proxy/contract/problem_codes.h"
#include "proxy/credentials/token_exchange.h"
#include "tests/unit/credentials/credential_bench.h"

namespace bottle::test {
namespace {

namespace fs = std::filesystem;

const std::string kRefresh = "sk-ant-ort01-p9Xv2LqT7wBz4NcR8sKdY1mF6hJ3gU5a";
const std::string kNextRefresh = "sk-ant-ort01-J3gU5aV2LqT7wBz4NcR8sKdY1mF6hp9X";
const std::string kAccess = "sk-ant-oat01-T5uQ8eZk1Wb7Vn3Xr9Lp2Dc6Hs4JmYf0a";
const std::string kNextAccess = "sk-ant-oat01-Hs4JmYf0aT5uQ8eZk1Wb7Vn3Xr9Lp2Dc6";
const std::string kShownRefresh = "bottle-refresh-Hq3Zt8Wn5Rk2Vx7Bd4Ls9Pc6Jy1Wd2";
const std::string kShownAccess = "sk-ant-oat01-Bd4Ls9Pc6Jy1Wd2Hq3Zt8Wn5Rk2Vx7Qe8";
const std::string kHost = "platform.claude.test";

// A login in a store of its own, and an origin that answers once.
class LoginBench {
 public:
  LoginBench() : store_(directory()) {
    EXPECT_TRUE(store_.write(login(kAccess, kRefresh)));
    auto opened = LoginTokens::open({spec()});
    EXPECT_TRUE(opened);
    tokens_ = std::move(*opened);
    upstream_ = std::make_unique<LoginUpstream>(inner, tokens_.get(), DecodeLimits{}, decode_);
  }
  ~LoginBench() { fs::remove_all(store_.directory()); }

  static StoredLogin login(const std::string& access, const std::string& refresh) {
    return StoredLogin{
        .tokens = {{"access_token", access}, {"refresh_token", refresh}},
        .placeholders = {{"access_token", kShownAccess}, {"refresh_token", kShownRefresh}},
        .expires_in = {},
        .client_file = "{}"};
  }

  void answer(int status, const std::string& text, std::size_t slice = 11) {
    inner.answer = Response{};
    inner.answer.head.status = status;
    inner.answer.head.has_body = true;
    inner.answer.head.fields.add("set-cookie", "session=" + kNextAccess);
    inner.answer.head.fields.add("content-type", "application/json; charset=utf-8");
    inner.answer.body = std::make_unique<SlicedSource>(text, slice);
  }

  void post(const std::string& text, const std::string& target = "/v1/oauth/token",
            const std::string& host = kHost, Scheme scheme = Scheme::Https) {
    Request request;
    request.head.method = "POST";
    request.head.target = target;
    request.head.has_body = true;
    request.head.content_length = text.size();
    request.head.fields.add("accept-encoding", "gzip, br");
    request.body = std::make_unique<SlicedSource>(text, 7);
    ask(std::move(request), host, scheme);
  }

  void ask(Request request, const std::string& host, Scheme scheme = Scheme::Https) {
    failure.reset();
    body.clear();
    Destination destination;
    destination.host = host;
    destination.port = 443;
    Exchange exchange(io_.get_executor(), wheel_, "id", destination, scheme, Version::Http2,
                      nullptr);
    run(io_, go(std::move(request), exchange));
  }

  awaitable<void> go(Request request, Exchange& exchange) {
    Passage passage;
    auto response = co_await upstream_->send(std::move(request), exchange, passage);
    if (!response) {
      failure = response.error();
      co_return;
    }
    head = response->head;
    std::optional<Fields> none;
    co_await read_to(response->body, body, none, failure);
  }

  [[nodiscard]] const LoginStore& store() const { return store_; }
  [[nodiscard]] LoginTokens& tokens() { return *tokens_; }
  [[nodiscard]] std::string kept(const std::string& name) const {
    return store_.read()->tokens.at(name);
  }

  // Empty: there is none.
  [[nodiscard]] std::string reason() const { return failure ? std::string(failure->reason) : ""; }

  KeepingUpstream inner;
  ResponseHead head;
  Bytes body;
  std::optional<Failure> failure;

 private:
  static fs::path directory() {
    std::string name = (fs::temp_directory_path() / "login-XXXXXX").string();
    return ::mkdtemp(name.data());
  }
  [[nodiscard]] LoginSpec spec() const {
    return LoginSpec{
        .name = "claude",
        .store = store_,
        .hosts = {"api.claude.test", kHost},
        .token_host = kHost,
        .token_path = "/v1/oauth/token",
        .placeholders = {{"access_token", kShownAccess}, {"refresh_token", kShownRefresh}}};
  }

  LoginStore store_;
  asio::io_context io_{1};
  TimerWheel wheel_{io_.get_executor()};
  DecodeSpace decode_{1 << 20};
  std::unique_ptr<LoginTokens> tokens_;
  std::unique_ptr<LoginUpstream> upstream_;
};

std::string refresh_body(const std::string& token) {
  return R"({"grant_type":"refresh_token","refresh_token":")" + token + R"(","client_id":"c"})";
}

std::string token_answer(const std::string& access, const std::string& refresh) {
  return R"({"token_type":"Bearer","access_token":")" + access +
         R"(","expires_in":28800,"refresh_token":")" + refresh + R"(","scope":"a b"})";
}

Request with_key(const std::string& token) {
  Request request;
  request.head.method = "GET";
  request.head.target = "/v1/messages";
  request.head.fields.add("authorization", "Bearer " + token);
  return request;
}

TEST(LoginUpstream, NewTokensAreStoredAndTheAgentGetsPlaceholders) {
  LoginBench bench;
  bench.answer(200, token_answer(kNextAccess, kNextRefresh));
  bench.post(refresh_body(kShownRefresh));
  ASSERT_FALSE(bench.failure) << bench.reason();
  EXPECT_EQ(bench.inner.got, refresh_body(kRefresh));
  EXPECT_EQ(bench.inner.head.content_length, refresh_body(kRefresh).size());
  EXPECT_EQ(bench.inner.head.fields.find("accept-encoding"), "identity");
  EXPECT_EQ(bench.body, token_answer(kShownAccess, kShownRefresh));
  EXPECT_EQ(bench.head.content_length, bench.body.size());
  EXPECT_FALSE(bench.head.fields.find("set-cookie"));
  EXPECT_EQ(bench.kept("access_token"), kNextAccess);
  EXPECT_EQ(bench.kept("refresh_token"), kNextRefresh);
  EXPECT_EQ(bench.store().read()->expires_in, 28800);
  EXPECT_GT(bench.store().read()->refreshed_ms, 1700000000000);
}

std::vector<std::string> values_of(const LoginTokens& tokens) {
  std::vector<std::string> values;
  for (const SecretSpec& secret : tokens.secrets()) values.push_back(secret.value);
  return values;
}

TEST(LoginUpstream, NewTokensAreToldToTheGuard) {
  LoginBench bench;
  int changes = 0;
  bench.tokens().on_change([&changes] { ++changes; });
  EXPECT_EQ(values_of(bench.tokens()), (std::vector<std::string>{kAccess, kRefresh}));
  bench.answer(200, token_answer(kNextAccess, kNextRefresh));
  bench.post(refresh_body(kShownRefresh));
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(values_of(bench.tokens()), (std::vector<std::string>{kNextAccess, kNextRefresh}));
  // Another bottle refreshed it, which is seen at the next request. A shorter token is one, too.
  const std::string shorter = kAccess.substr(0, kAccess.size() - 8);
  ASSERT_TRUE(bench.store().write(LoginBench::login(shorter, kNextRefresh)));
  bench.ask(with_key(kShownAccess), "api.claude.test");
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(values_of(bench.tokens()), (std::vector<std::string>{shorter, kNextRefresh}));
  // The person removed it: it stays guarded.
  ASSERT_TRUE(bench.store().remove());
  bench.ask(with_key(kShownAccess), "api.claude.test");
  EXPECT_EQ(changes, 2);
  EXPECT_EQ(values_of(bench.tokens()), (std::vector<std::string>{shorter, kNextRefresh}));
}

TEST(LoginUpstream, TheAccessTokenIsTheOneOfTheStore) {
  LoginBench bench;
  bench.ask(with_key(kShownAccess), "api.claude.test");
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kAccess);
  // Another bottle refreshed it.
  ASSERT_TRUE(bench.store().write(LoginBench::login(kNextAccess, kNextRefresh)));
  bench.answer(200, "you sent " + kNextAccess + "\n");
  bench.ask(with_key(kShownAccess), "api.claude.test");
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kNextAccess);
  EXPECT_EQ(bench.body, "you sent " + kShownAccess + "\n");
  // And a refresh sends what that one left.
  bench.answer(200, token_answer(kAccess, kRefresh));
  bench.post(refresh_body(kShownRefresh));
  EXPECT_EQ(bench.inner.got, refresh_body(kNextRefresh));
  // And the person removed it.
  ASSERT_TRUE(bench.store().remove());
  bench.ask(with_key(kShownAccess), "api.claude.test");
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kShownAccess);
  bench.post(refresh_body(kShownRefresh));
  EXPECT_EQ(bench.reason(), problem_code::kLoginNotKept);
}

TEST(LoginUpstream, TokensGoOnlyWhereTheyBelong) {
  LoginBench bench;
  bench.ask(with_key(kShownAccess), "other.test");
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kShownAccess);
  bench.ask(with_key(kShownAccess), "api.claude.test", Scheme::Http);
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kShownAccess);
  bench.ask(with_key(kShownRefresh), kHost);
  EXPECT_EQ(bench.inner.head.fields.find("authorization"), "Bearer " + kShownRefresh);
  const std::string body = refresh_body(kShownRefresh);
  bench.post(body, "/v1/oauth/revoke");
  EXPECT_EQ(bench.inner.got, body);
  bench.inner.got.clear();
  bench.post(body, "/v1/oauth/token?x=1");
  EXPECT_EQ(bench.inner.got, body);
  bench.inner.got.clear();
  bench.post(body, "/v1/oauth/token", "api.claude.test");
  EXPECT_EQ(bench.inner.got, body);
  bench.inner.got.clear();
  bench.post(body, "/v1/oauth/token", kHost, Scheme::Http);
  EXPECT_EQ(bench.inner.got, body);
}

TEST(LoginUpstream, ALoginOfTheAgentsOwnDoesNotTakeThePersonsPlace) {
  LoginBench bench;
  const std::string body = R"({"grant_type":"authorization_code","code":"x"})";
  bench.answer(200, token_answer(kNextAccess, kNextRefresh));
  bench.post(body);
  EXPECT_EQ(bench.inner.got, body);
  EXPECT_EQ(bench.body, token_answer(kNextAccess, kNextRefresh));
  EXPECT_EQ(bench.kept("access_token"), kAccess);
}

TEST(LoginUpstream, OddAnswersAreRefused) {
  const std::string good = token_answer(kNextAccess, kNextRefresh);
  const std::string odd[] = {"",
                             "x" + good,
                             good + "x",
                             "[" + good + "]",
                             good + std::string(kMaxTokenMessage, ' '),
                             R"({"access_token":")" + kNextAccess + R"(","access_token":"x"})"};
  for (const std::string& one : odd) {
    LoginBench bench;
    bench.answer(200, one, 4096);
    bench.post(refresh_body(kShownRefresh));
    EXPECT_EQ(bench.reason(), problem_code::kLoginAnswerOdd) << one.substr(0, 100);
    EXPECT_EQ(bench.kept("refresh_token"), kRefresh);
  }
  LoginBench bench;
  bench.answer(200, good);
  bench.inner.answer.head.fields.add("content-encoding", "gzip");
  bench.post(refresh_body(kShownRefresh));
  EXPECT_EQ(bench.reason(), problem_code::kLoginAnswerOdd);
}

TEST(LoginUpstream, ATokenThatIsHiddenInTheAnswerIsStoredAndNotShown) {
  LoginBench bench;
  bench.answer(200,
               R"({"access_token":")" + kNextAccess + R"(","note":"it is )" + kNextAccess + "\"}");
  bench.post(refresh_body(kShownRefresh));
  EXPECT_EQ(bench.reason(), problem_code::kLoginAnswerOdd);
  EXPECT_EQ(bench.kept("access_token"), kNextAccess);
  EXPECT_EQ(bench.kept("refresh_token"), kRefresh);  // the answer had none: the old one stays
}

TEST(LoginUpstream, WithoutAPlaceToStoreTokensTheAgentGetsNone) {
  if (::geteuid() == 0) GTEST_SKIP() << "root writes everywhere";
  LoginBench bench;
  bench.answer(200, token_answer(kNextAccess, kNextRefresh));
  const auto lock = bench.store().try_lock();
  fs::permissions(bench.store().directory(), fs::perms::owner_read | fs::perms::owner_exec);
  bench.post(refresh_body(kShownRefresh));
  fs::permissions(bench.store().directory(), fs::perms::owner_all);
  EXPECT_EQ(bench.reason(), problem_code::kLoginNotKept);
}

TEST(LoginUpstream, ARefusalIsPassedOnWithoutTokens) {
  LoginBench bench;
  bench.answer(400, R"({"error":"invalid_grant","error_description":"expired"})");
  bench.post(refresh_body(kShownRefresh));
  ASSERT_FALSE(bench.failure);
  EXPECT_EQ(bench.head.status, 400);
  EXPECT_EQ(bench.body, R"({"error":"invalid_grant","error_description":"expired"})");
  EXPECT_EQ(bench.kept("refresh_token"), kRefresh);
  bench.answer(400, R"({"error":"no )" + kRefresh + "\"}");
  bench.post(refresh_body(kShownRefresh));
  EXPECT_EQ(bench.body, "");
}

TEST(LoginUpstream, TheGuardKnowsTokensAndPlaceholders) {
  const LoginBench bench;
  auto spec =
      LoginSpec{.name = "claude",
                .store = bench.store(),
                .hosts = {"api.claude.test"},
                .token_host = kHost,
                .token_path = "/v1/oauth/token",
                .placeholders = {{"access_token", kShownAccess}, {"refresh_token", kShownRefresh}}};
  const auto tokens = LoginTokens::open({spec});
  ASSERT_TRUE(tokens);
  const auto secrets = (*tokens)->secrets();
  ASSERT_EQ(secrets.size(), 2U);
  EXPECT_TRUE(SecretSet::check(secrets));
  EXPECT_EQ(secrets[0].value, kAccess);
  EXPECT_EQ(secrets[0].hosts, (std::vector<std::string>{"api.claude.test"}));
  const KeptOut access = secrets[0].kept_out.value_or(KeptOut{});
  EXPECT_TRUE(access.in_header);
  EXPECT_FALSE(access.in_body);
  EXPECT_EQ(secrets[1].value, kRefresh);
  EXPECT_EQ(secrets[1].hosts, (std::vector<std::string>{kHost}));
  const KeptOut refresh = secrets[1].kept_out.value_or(KeptOut{});
  EXPECT_FALSE(refresh.in_header);
  EXPECT_TRUE(refresh.in_body);
  spec.placeholders.emplace("id_token", "x");
  EXPECT_FALSE(LoginTokens::open({spec}));
}

}  // namespace
}  // namespace bottle::test
