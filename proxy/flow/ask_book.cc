#include "proxy/flow/ask_book.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace bottle {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

bool is_passed_on(AskAnswer answer) {
  return answer == AskAnswer::Allow || answer == AskAnswer::Once;
}

Verdict verdict_on(AskAnswer answer) {
  if (is_passed_on(answer)) return Verdict::Allowed;
  return answer == AskAnswer::Deny || answer == AskAnswer::None ? Verdict::Refused
                                                                : Verdict::Failed;
}

}  // namespace

AuditRecord ask_record(const EndedAsk& ask) {
  AuditRecord record;
  record.time = ask.since;
  record.kind = AuditKind::Ask;
  record.method = ask.question.method;
  record.host = ask.question.destination.host;
  record.port = ask.question.destination.port;
  record.target = ask.question.path;
  record.total = ask.waited;
  record.verdict = verdict_on(ask.answer);
  record.reason = is_passed_on(ask.answer) ? "" : ask.question.reason;
  record.detail = std::to_string(ask.requests) + (ask.requests == 1 ? " request" : " requests") +
                  " waited for an answer";
  record.by = ask.answer == AskAnswer::Left ? DecidedBy::Client : DecidedBy::Policy;
  record.answer = to_string(ask.answer);
  record.who = ask.who;
  return record;
}

// Wakes and tells in its destructor: without the lock, since the functions that it calls take
// others.
class AskBook::Ends {
 public:
  explicit Ends(const AskBook& book) noexcept : book_(book) {}
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  ~Ends() {
    for (const Waiter& one : woken_) each([&] { one.waker->wake(one.token, again_); });
    for (const EndedAsk& one : ended_) each([&] { book_.tell_(one); });
    if (changed_) each([&] { changed_(); });
  }

  void woken(std::vector<Waiter> waiters, bool again) {
    again_ = again;
    woken_.insert(woken_.end(), waiters.begin(), waiters.end());
  }
  // Those that are woken ask the policy again, whatever the answer was.
  void decide_again() noexcept { again_ = true; }
  void ended(EndedAsk ask) { ended_.push_back(std::move(ask)); }
  void changed(std::function<void()> call) { changed_ = std::move(call); }

 private:
  // Out of memory: a request that is not woken leaves by its own deadline.
  template <class Call>
  static void each(const Call& call) noexcept {
    try {
      call();
    } catch (const std::exception&) {
      return;
    }
  }

  const AskBook& book_;
  bool again_ = false;
  std::vector<Waiter> woken_;
  std::vector<EndedAsk> ended_;
  std::function<void()> changed_;
};

AskBook::Asks::iterator AskBook::find(std::uint64_t id) {
  return std::find_if(asks_.begin(), asks_.end(), [id](const Ask& one) { return one.id == id; });
}

bool AskBook::was_denied(const std::string& host) const {
  return std::find(denied_.begin(), denied_.end(), host) != denied_.end();
}

std::size_t AskBook::held() const {
  std::size_t all = 0;
  for (const Ask& one : asks_) all += one.waiting.size();
  return all;
}

std::optional<AskBook::Place> AskBook::join(const AskQuestion& question, AskWaker& waker,
                                            Time now) {
  const Destination& wanted = question.destination;
  if (names_only_ && wanted.kind != HostKind::Name) return std::nullopt;
  Ends ends(*this);
  const std::lock_guard lock(mutex_);
  if (closed_ || held() >= limits_.waiting || was_denied(wanted.host)) return std::nullopt;
  auto ask = std::find_if(asks_.begin(), asks_.end(), [&wanted](const Ask& one) {
    return one.question.destination.host == wanted.host &&
           one.question.destination.port == wanted.port;
  });
  // Its time is up, and its requests are about to leave: they would take this one along.
  if (ask != asks_.end() && now >= ask->begin + limits_.ask) return std::nullopt;
  if (ask == asks_.end() && asks_.size() >= limits_.pending) return std::nullopt;
  const Waiter waiter{.token = ++last_token_, .waker = &waker};
  if (ask != asks_.end()) {
    ask->waiting.push_back(waiter);
  } else {
    asks_.push_back(Ask{.id = ++last_id_,
                        .question = question,
                        .since = std::chrono::system_clock::now(),
                        .begin = now,
                        .waiting = {waiter}});
    ask = asks_.end() - 1;
  }
  ask->most = std::max(ask->most, ask->waiting.size());
  ++version_;
  ends.changed(changed_);
  return Place{.token = waiter.token, .until = ask->begin + limits_.ask};
}

void AskBook::leave(std::uint64_t token, bool client_left, Time now) noexcept try {
  Ends ends(*this);
  const std::lock_guard lock(mutex_);
  for (auto ask = asks_.begin(); ask != asks_.end(); ++ask) {
    if (std::erase_if(ask->waiting, [token](const Waiter& one) { return one.token == token; }) ==
        0) {
      continue;
    }
    ++version_;
    ends.changed(changed_);
    const bool over = now >= ask->begin + limits_.ask;
    if (over || ask->waiting.empty()) {
      end(ask, client_left && !over ? AskAnswer::Left : AskAnswer::None, "", now, ends);
    }
    return;
  }
} catch (const std::exception&) {
  return;  // out of memory: the ask has lost its request, and ends without a line
}

void AskBook::end(Asks::iterator ask, AskAnswer answer, const std::string& who, Time now,
                  Ends& ends) {
  Ask over = std::move(*ask);
  asks_.erase(ask);
  ++version_;
  ends.woken(std::move(over.waiting), is_passed_on(answer));
  ends.ended(EndedAsk{.question = std::move(over.question),
                      .since = over.since,
                      .waited = duration_cast<milliseconds>(now - over.begin),
                      .requests = over.most,
                      .answer = answer,
                      .who = who});
  ends.changed(changed_);
}

AskBook::State AskBook::state(Time now) const {
  const std::lock_guard lock(mutex_);
  State out{.version = version_};
  for (const Ask& one : asks_) {
    const auto left = duration_cast<milliseconds>(one.begin + limits_.ask - now);
    out.asks.push_back(PendingAsk{.id = one.id,
                                  .question = one.question,
                                  .since = one.since,
                                  .left = std::max(left, milliseconds(0)),
                                  .waiting = one.waiting.size()});
  }
  return out;
}

std::uint64_t AskBook::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::optional<AskQuestion> AskBook::question(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  for (const Ask& one : asks_) {
    if (one.id == id) return one.question;
  }
  return std::nullopt;
}

bool AskBook::settle(std::uint64_t id, AskAnswer answer, const std::string& who, Time now) {
  Ends ends(*this);
  const std::lock_guard lock(mutex_);
  const auto ask = find(id);
  if (ask == asks_.end()) return false;
  if (answer == AskAnswer::Deny) {
    denied_.push_back(ask->question.destination.host);
    if (denied_.size() > limits_.denied) denied_.pop_front();
  }
  end(ask, answer, who, now, ends);
  return true;
}

void AskBook::settle_all(const std::function<std::optional<AskAnswer>(const AskQuestion&)>& decided,
                         const std::string& who, Time now) {
  std::vector<std::pair<std::uint64_t, AskAnswer>> answers;
  for (const PendingAsk& one : state(now).asks) {
    if (const auto answer = decided(one.question)) answers.emplace_back(one.id, *answer);
  }
  for (const auto& [id, answer] : answers) {
    Ends ends(*this);
    const std::lock_guard lock(mutex_);
    const auto ask = find(id);
    if (ask == asks_.end()) continue;
    end(ask, answer, who, now, ends);
    ends.decide_again();
  }
}

void AskBook::close(Time now) noexcept try {
  Ends ends(*this);
  const std::lock_guard lock(mutex_);
  closed_ = true;
  while (!asks_.empty()) end(asks_.end() - 1, AskAnswer::Closed, "", now, ends);
} catch (const std::exception&) {
  return;  // out of memory: their own deadlines end them
}

void AskBook::on_change(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  changed_ = std::move(call);
}

}  // namespace bottle
