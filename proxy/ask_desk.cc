#include "proxy/ask_desk.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "proxy/contract/control_words.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using Clock = std::chrono::steady_clock;

// A client that left is one for as long as its answer would have waited.
constexpr std::size_t kMostListeners = 64;

Error is_over() {
  return Error{ExitCode::kUsage, "that ask is over",
               "allow its host for later requests: bottle allow HOST"};
}

// As the refusal would name it: the entry of the allowlist that opens the destination.
std::string wish_for(const AskQuestion& question) {
  const Destination& wanted = question.destination;
  const bool usual = wanted.port == default_port(question.scheme) &&
                     question.reason == problem_code::kHostNotAllowed;
  if (!usual) return wanted.host_port();
  return wanted.kind == HostKind::Ipv6 ? "[" + wanted.host + "]" : wanted.host;
}

std::string name_of(const std::string& who, const std::string& program) {
  return program.empty() ? who : who + ", " + program;
}

}  // namespace

AskDesk::AskDesk(boost::asio::io_context& io, AskBook* asks, PolicyDesk& policy,
                 const PolicyBook& book)
    : io_(io), asks_(asks), policy_(policy), book_(book) {
  if (asks_ == nullptr) return;
  asks_->on_change([this] { boost::asio::post(io_, [this] { tell_listeners(); }); });
}

AskDesk::~AskDesk() {
  if (asks_ != nullptr) asks_->on_change({});
}

void AskDesk::handle(ControlRequest request, const std::string& who,
                     std::function<void(std::string answer)> done) {
  if (asks_ == nullptr) {
    return done(error_answer(request.id, Error{ExitCode::kUsage, "this proxy asks no one",
                                               "start the bottle with --ask"}));
  }
  if (request.verb == ControlRequest::Verb::ListAsks) return list(request, std::move(done));
  answer(request, who, std::move(done));
}

void AskDesk::list(const ControlRequest& request, std::function<void(std::string answer)> done) {
  const bool waits = request.number && *request.number == asks_->version();
  if (!waits || listeners_.size() >= kMostListeners) return done(listed(request.id));
  auto listener = std::make_shared<Listener>(
      Listener{.id = request.id,
               .known = *request.number,
               .done = std::move(done),
               .timer = std::make_unique<boost::asio::steady_timer>(io_, kAskListWait)});
  listeners_.push_back(listener);
  listener->timer->async_wait([this, weak = std::weak_ptr(listener)](boost::system::error_code ec) {
    const auto mine = weak.lock();
    if (ec || !mine) return;
    std::erase(listeners_, mine);
    mine->done(listed(mine->id));
  });
}

void AskDesk::tell_listeners() {
  const std::uint64_t version = asks_->version();
  Listeners told;
  std::copy_if(listeners_.begin(), listeners_.end(), std::back_inserter(told),
               [version](const auto& one) { return one->known != version; });
  for (const auto& one : told) {
    std::erase(listeners_, one);
    one->timer->cancel();
    one->done(listed(one->id));
  }
}

std::string AskDesk::listed(const std::string& id) const {
  return asks_answer(id, asks_->state(Clock::now()));
}

void AskDesk::answer(const ControlRequest& request, const std::string& who,
                     std::function<void(std::string answer)> done) {
  const std::uint64_t ask = request.number.value_or(0);
  const auto question = asks_->question(ask);
  if (!question) return done(error_answer(request.id, is_over()));
  const std::string by = name_of(who, request.text);
  if (request.answer == AskAnswer::Deny) {
    if (!asks_->settle(ask, AskAnswer::Deny, by, Clock::now())) {
      return done(error_answer(request.id, is_over()));
    }
    return done(changed_answer(request.id, {"refuse " + question->destination.host_port()}));
  }
  const AllowWish wish{.host = wish_for(*question), .once = request.answer == AskAnswer::Once};
  policy_.allow(wish, by,
                [this, ask, by, id = request.id, answer = request.answer,
                 done = std::move(done)](const Expected<std::vector<std::string>>& made) {
                  if (!made) return done(error_answer(id, made.error()));
                  // Its requests may have gone meanwhile: the policy is changed nevertheless.
                  asks_->settle(ask, answer, by, Clock::now());
                  done(changed_answer(id, *made));
                });
}

void AskDesk::policy_changed(const std::string& who) {
  if (asks_ == nullptr) return;
  const Policy& policy = *book_.policy();
  const auto decided = [&policy](const AskQuestion& question) -> std::optional<AskAnswer> {
    const Decision decision = policy.decide(question.destination, question.scheme);
    if (!decision.refusal) return AskAnswer::Allow;
    if (is_allowlist_miss(*decision.refusal)) return std::nullopt;
    return AskAnswer::Deny;
  };
  asks_->settle_all(decided, who, Clock::now());
}

void AskDesk::close() {
  for (const auto& one : listeners_) one->timer->cancel();
  listeners_.clear();
}

}  // namespace bottle
