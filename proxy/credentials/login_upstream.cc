#include "proxy/credentials/login_upstream.h"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/body/body_filter.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/contract/token_parts.h"
#include "proxy/credentials/credential_upstream.h"
#include "proxy/credentials/token_exchange.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;

constexpr auto kLockWait = 60s;  // another bottle refreshes
constexpr auto kLockPause = 50ms;

// A body of at most kMaxTokenMessage bytes, as a whole. nullopt: it is longer, and was left.
awaitable<Result<std::optional<Bytes>>> read_whole(BodySource& body) {
  Bytes bytes;
  for (;;) {
    auto chunk = co_await body.read(kMaxTokenMessage);
    if (!chunk) co_return chunk.error();
    bytes += chunk->data;
    if (bytes.size() > kMaxTokenMessage) {
      if (!chunk->end) body.stop(Failure{Code::BodyTooLarge, "a message about tokens is too long"});
      co_return std::optional<Bytes>();
    }
    if (chunk->end) co_return std::optional<Bytes>(std::move(bytes));
  }
}

awaitable<Result<Fd>> take_lock(const LoginSpec& login) {
  const auto until = Clock::now() + kLockWait;
  for (;;) {
    auto lock = login.store.try_lock();
    if (!lock) {
      co_return Failure{Code::UpstreamBroken, lock.error().message, problem_code::kLoginNotKept};
    }
    std::optional<Fd> taken = std::move(*lock);
    if (taken) co_return std::move(*taken);
    if (Clock::now() > until) break;
    const bool slept = co_await sleep_for(kLockPause);
    if (!slept) co_return Failure{Code::Cancelled, "the client left while a login was refreshed"};
  }
  co_return Failure{Code::Overloaded,
                    "another bottle has been refreshing the login " + login.name + " for a minute",
                    problem_code::kLoginBusy, "try again"};
}

Failure not_kept(const Error& error) {
  return Failure{Code::UpstreamBroken, "new tokens could not be stored: " + error.message,
                 problem_code::kLoginNotKept, error.hint};
}

// An answer's body, from which values are taken that live with it.
class KeepsValues final : public BodyFilter {
 public:
  KeepsValues(std::unique_ptr<BodySource> inner, std::shared_ptr<const LoginValues> values)
      : BodyFilter(std::move(inner)), values_(std::move(values)) {}
  ~KeepsValues() override { end_inner(); }
  KeepsValues(const KeepsValues&) = delete;
  KeepsValues& operator=(const KeepsValues&) = delete;
  awaitable<Result<Chunk>> read(std::size_t max) override { return inner()->read(max); }

 private:
  std::shared_ptr<const LoginValues> values_;
};

std::int64_t now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

// No 1xx head of an answer with tokens comes to the client: it could have some of them.
class NoInterims {
 public:
  explicit NoInterims(Exchange& exchange) : exchange_(exchange), own_(exchange.interim_sink()) {
    exchange_.set_interim_sink(nullptr);
  }
  ~NoInterims() { exchange_.set_interim_sink(own_); }
  NoInterims(const NoInterims&) = delete;
  NoInterims& operator=(const NoInterims&) = delete;

 private:
  Exchange& exchange_;
  InterimSink* const own_;
};

bool is_seconds(std::string_view text) {
  constexpr std::size_t kMost = 6;
  return text.size() <= kMost && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Of the answer's own head the status remains, and the time after which a client may ask again: its
// fields could have tokens, and its cookies are credentials, too.
Response answer_with(const ResponseHead& head, Bytes body) {
  Response response;
  response.head.version = head.version;
  response.head.status = head.status;
  response.head.keep_alive = head.keep_alive;
  const auto later = head.fields.find("retry-after");
  if (later && is_seconds(*later)) response.head.fields.add("retry-after", *later);
  response.head.fields.add("cache-control", "no-store");
  response.head.fields.add("content-type", "application/json");
  response.head.has_body = true;
  response.head.content_length = body.size();
  response.body = std::make_unique<BytesSource>(std::move(body));
  return response;
}

// Stores the new tokens, and only then has an answer.
Result<Response> take_tokens(const LoginSpec& login, StoredLogin stored, const ResponseHead& head,
                             ByteView body) {
  auto answer = read_token_answer(body, login.placeholders);
  if (!answer) return answer.error();
  for (const auto& [name, token] : answer->tokens) stored.tokens[name] = token;
  stored.refreshed_ms = now_ms();
  stored.expires_in = answer->expires_in;
  const auto kept = login.store.write(stored);
  if (!kept) return not_kept(kept.error());
  for (const auto& [name, token] : stored.tokens) {
    if (answer->shown.find(secret_part(token)) == Bytes::npos) continue;
    return Failure{Code::UpstreamBroken,
                   "the answer with a login's new tokens has one where none is expected",
                   problem_code::kLoginAnswerOdd};
  }
  return answer_with(head, std::move(answer->shown));
}

Failure odd_answer() {
  return Failure{Code::UpstreamBroken,
                 "the answer to a request for new tokens is longer than 64 KiB or has a content "
                 "coding",
                 problem_code::kLoginAnswerOdd};
}

}  // namespace

awaitable<Result<Response>> LoginUpstream::send(Request request, Exchange& exchange,
                                                Passage& passage) {
  const Destination& to = exchange.destination();
  if (logins_ == nullptr || exchange.scheme() != Scheme::Https) {
    return inner_.send(std::move(request), exchange, passage);
  }
  if (request.body && request.head.method == "POST") {
    const LoginSpec* const login = logins_->at_endpoint(to.host, to.port, request.head.target);
    if (login != nullptr) return send_to_endpoint(*login, std::move(request), exchange, passage);
  }
  auto values = logins_->of_host(to.host);
  if (values == nullptr) return inner_.send(std::move(request), exchange, passage);
  return send_with(std::move(values), std::move(request), exchange, passage);
}

awaitable<Result<Response>> LoginUpstream::send_with(std::shared_ptr<const LoginValues> login,
                                                     Request request, Exchange& exchange,
                                                     Passage& passage) {
  put_login(request.head.fields, *login);
  CredentialUpstream values(inner_, login->values, limits_, decode_);
  auto response = co_await values.send(std::move(request), exchange, passage);
  if (response && response->body) {
    response->body = std::make_unique<KeepsValues>(std::move(response->body), std::move(login));
  }
  co_return response;
}

awaitable<Result<Response>> LoginUpstream::send_to_endpoint(const LoginSpec& login, Request request,
                                                            Exchange& exchange, Passage& passage) {
  auto read = co_await read_whole(*request.body);
  if (!read) co_return read.error();
  std::optional<Bytes> body = std::move(*read);
  if (!body) {
    co_return Failure{Code::BodyTooLarge, "a request for tokens has more than 64 KiB"};
  }
  const auto placeholder = login.placeholders.find("refresh_token");
  const bool ours = placeholder != login.placeholders.end() &&
                    refresh_with(*body, placeholder->second, "").has_value();
  if (!ours) {
    request.body = std::make_unique<BytesSource>(std::move(*body));
    auto values = logins_->of_host(login.token_host);
    co_return co_await send_with(std::move(values), std::move(request), exchange, passage);
  }
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  auto response = co_await refresh(login, std::move(request), std::move(*body), exchange, passage);
  co_await asio::this_coro::reset_cancellation_state();
  co_return response;
}

awaitable<Result<Response>> LoginUpstream::refresh(const LoginSpec& login, Request request,
                                                   Bytes body, Exchange& exchange,
                                                   Passage& passage) {
  const auto lock = co_await take_lock(login);
  if (!lock) co_return lock.error();
  auto stored = login.store.read();
  if (!stored) co_return not_kept(stored.error());
  const std::string token = stored->tokens["refresh_token"];
  auto real = refresh_with(body, login.placeholders.at("refresh_token"), token);
  if (!real) co_return Failure{Code::Internal, "a request for tokens changed"};
  request.head.content_length = real->size();
  request.head.fields.remove("content-encoding");
  request.head.fields.set("accept-encoding", "identity");
  request.body = std::make_unique<BytesSource>(std::move(*real));
  const NoInterims quiet(exchange);
  auto response = co_await inner_.send(std::move(request), exchange, passage);
  if (!response) co_return response.error();
  std::optional<Bytes> answer{Bytes()};
  if (response->body) {
    auto read = co_await read_whole(*response->body);
    if (!read) co_return read.error();
    answer = std::move(*read);
  }
  const ResponseHead& head = response->head;
  if (!answer || head.fields.find("content-encoding")) co_return odd_answer();
  if (head.status == 200) {
    auto shown = take_tokens(login, std::move(*stored), head, *answer);
    logins_->look_at(login);
    co_return shown;
  }
  co_return answer_with(head, shown_refusal(*answer, secret_part(token)));
}

}  // namespace bottle
