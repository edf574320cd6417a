#include "proxy/ledger/local_ledger.h"

#include <algorithm>
#include <deque>
#include <mutex>
#include <stdexcept>
#include <string>
#include <unordered_map>
#include <utility>

#include "proxy/base/event.h"
#include "proxy/base/in_turn.h"
#include "proxy/base/place.h"
#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

// A transport sends a request again when the connection it used turns out to be dead.
constexpr int kMaxUses = 2;

// Wakes the coroutine that waits on one end. Shared, since a wake-up that is on its way to another
// thread may arrive when the end has gone. A wake-up needs no memory: destructors send it.
struct Waker {
  explicit Waker(Executor executor_in) : executor(std::move(executor_in)), event(executor) {}
  Executor executor;
  Event event;
  Place<96> place;                 // of the wake-up that is on its way
  bool on_its_way = false;         // guarded by the entry's mutex, and so is the next one
  bool cancels = false;            // it tells on_over, too
  Cancellable* on_over = nullptr;  // of the executor's thread
};
using WakerPtr = std::shared_ptr<Waker>;

bool is_last(const ExitNews& news) {
  return std::holds_alternative<EndNews>(news) || std::holds_alternative<FailureNews>(news);
}

std::size_t body_bytes(const ExitNews& news) {
  const auto* body = std::get_if<BodyNews>(&news);
  return body == nullptr ? 0 : body->data.size();
}

}  // namespace

// One exchange. The mutex guards every member that is not const.
struct LocalLedger::Entry : std::enable_shared_from_this<Entry> {
  Entry(Admission admission_in, std::string ticket_in, Executor executor)
      : admission(std::move(admission_in)),
        ticket(std::move(ticket_in)),
        front(std::make_shared<Waker>(std::move(executor))),
        room(admission.bypass_body ? 0 : kBypassWindow) {}

  // With the mutex held, so that the end that is woken, and with it its loop, is still there.
  void wake(const WakerPtr& waker, const WakerPtr& from) {
    if (waker->executor == from->executor) {
      waker->event.set_later();
      return;
    }
    send(waker);
  }

  // Tells the exit's end that it is over. With the mutex held.
  void end(const WakerPtr& waker) {
    waker->cancels = waker->cancels || !ended;
    send(waker);
  }

  void send(const WakerPtr& waker) {
    if (std::exchange(waker->on_its_way, true)) return;
    run_in_turn(waker->executor, waker->place, [self = shared_from_this(), waker] {
      bool cancels = false;
      {
        const std::lock_guard lock(self->mutex);
        waker->on_its_way = false;
        cancels = std::exchange(waker->cancels, false);
      }
      if (cancels && waker->on_over != nullptr) waker->on_over->cancel();
      waker->event.set();
    });
  }

  const Admission admission;
  const std::string ticket;
  const WakerPtr front;
  std::mutex mutex;
  std::deque<ExitNews> news;
  std::size_t room;       // body bytes that may still be told
  WakerPtr exit;          // of the end that has the request; null if none has
  int uses = 0;           // of the ticket
  bool began = false;     // something may have gone to the origin
  bool ended = false;     // the last news was told
  bool given_up = false;  // ... by an exit that went without one: it is made when it is taken
  bool over = false;      // the front's end is gone
};

struct LocalLedger::Table {
  std::mutex mutex;
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries;
};

class LocalLedger::Front final : public FrontEnd {
 public:
  Front(std::shared_ptr<Table> table, std::shared_ptr<Entry> entry)
      : table_(std::move(table)), entry_(std::move(entry)) {}
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  ~Front() override {
    {
      const std::lock_guard lock(table_->mutex);
      table_->entries.erase(entry_->admission.id);
    }
    const std::lock_guard lock(entry_->mutex);
    entry_->over = true;
    entry_->news.clear();
    if (entry_->exit) entry_->end(entry_->exit);
  }

  std::string_view ticket() const override { return entry_->ticket; }

  std::optional<ExitNews> next() override {
    const std::lock_guard lock(entry_->mutex);
    if (entry_->news.empty()) {
      if (!entry_->given_up) return std::nullopt;
      FailureNews news;
      news.failure = Failure(Code::UpstreamTruncated, "the exit gave the exchange up",
                             problem_code::kExitEnded, "The proxy may be stopping; try again.");
      entry_->given_up = false;
      return std::optional<ExitNews>(std::move(news));
    }
    std::optional<ExitNews> news(std::move(entry_->news.front()));
    entry_->news.pop_front();
    return news;
  }

  // Comes back after each wake-up, also if the news is gone: a cancel() that came between the two
  // found no waiter.
  awaitable<bool> wait() override {
    if (has_news()) co_return true;
    const bool happened = co_await entry_->front->event.wait();
    co_return happened;
  }

  void credit(std::size_t bytes) override {
    const std::lock_guard lock(entry_->mutex);
    const bool was_full = entry_->room == 0;
    entry_->room += bytes;
    if (was_full && bytes > 0 && entry_->exit) entry_->wake(entry_->exit, entry_->front);
  }

  void cancel() noexcept override { entry_->front->event.cancel(); }

  bool claimed() const override {
    const std::lock_guard lock(entry_->mutex);
    return entry_->exit != nullptr || entry_->began || entry_->ended;
  }

  bool began() const override {
    const std::lock_guard lock(entry_->mutex);
    return entry_->began;
  }

 private:
  [[nodiscard]] bool has_news() const {
    const std::lock_guard lock(entry_->mutex);
    return !entry_->news.empty() || entry_->given_up;
  }

  std::shared_ptr<Table> table_;
  std::shared_ptr<Entry> entry_;
};

class LocalLedger::Exit final : public ExitEnd {
 public:
  Exit(std::shared_ptr<Entry> entry, WakerPtr waker)
      : entry_(std::move(entry)), waker_(std::move(waker)) {}
  Exit(const Exit&) = delete;
  Exit& operator=(const Exit&) = delete;
  ~Exit() override {
    waker_->on_over = nullptr;
    const std::lock_guard lock(entry_->mutex);
    if (entry_->exit != waker_) return;
    if (entry_->began && !entry_->ended && !entry_->over) {
      entry_->given_up = true;
      entry_->ended = true;
      if (entry_->news.empty()) entry_->wake(entry_->front, waker_);
    }
    entry_->exit = nullptr;
  }

  const Admission& admission() const override { return entry_->admission; }

  bool begin() override {
    const std::lock_guard lock(entry_->mutex);
    if (is_over()) return false;
    entry_->began = true;
    return true;
  }

  void tell(ExitNews news) override {
    const std::lock_guard lock(entry_->mutex);
    if (!is_over() && !entry_->ended) put(std::move(news));
  }

  std::size_t room() const override {
    const std::lock_guard lock(entry_->mutex);
    return entry_->room;
  }

  awaitable<bool> wait() override {
    while (!may_go_on()) {
      const bool happened = co_await waker_->event.wait();
      if (!happened) co_return false;
    }
    co_return true;
  }

  void on_over(Cancellable* target) noexcept override {
    waker_->on_over = target;
    const std::lock_guard lock(entry_->mutex);
    if (target != nullptr && is_over()) entry_->end(waker_);
  }

  bool over() const override {
    const std::lock_guard lock(entry_->mutex);
    return is_over();
  }

 private:
  // These two with the mutex held.
  [[nodiscard]] bool is_over() const { return entry_->over || entry_->exit != waker_; }
  void put(ExitNews news) {
    if (entry_->over) return;
    const std::size_t bytes = body_bytes(news);
    if (bytes > entry_->room) throw std::logic_error("more body was told than there was room for");
    const bool last = is_last(news);
    // These two may run out of memory: nothing has changed then.
    const bool joined = join_to_last(news);
    if (!joined) entry_->news.push_back(std::move(news));
    entry_->room -= bytes;
    entry_->ended = last;
    // A front that has not taken the one before is awake, or about to be.
    if (!joined && entry_->news.size() == 1) entry_->wake(entry_->front, waker_);
  }
  // Pieces that have not been taken become one: an origin may send byte by byte.
  [[nodiscard]] bool join_to_last(const ExitNews& news) {
    const auto* piece = std::get_if<BodyNews>(&news);
    if (piece == nullptr || entry_->news.empty()) return false;
    auto* last = std::get_if<BodyNews>(&entry_->news.back());
    if (last == nullptr || last->data.size() + piece->data.size() > kSidePiece) return false;
    last->data.append(piece->data);
    return true;
  }
  [[nodiscard]] bool may_go_on() const {
    const std::lock_guard lock(entry_->mutex);
    return is_over() || entry_->room > 0;
  }

  std::shared_ptr<Entry> entry_;
  WakerPtr waker_;
};

LocalLedger::LocalLedger() : table_(std::make_shared<Table>()) {}
LocalLedger::~LocalLedger() = default;

std::unique_ptr<FrontEnd> LocalLedger::admit(Admission admission, Executor executor) {
  std::string ticket = office_.issue(admission);
  auto entry =
      std::make_shared<Entry>(std::move(admission), std::move(ticket), std::move(executor));
  const std::lock_guard lock(table_->mutex);
  const bool fresh = table_->entries.emplace(entry->admission.id, entry).second;
  if (!fresh) throw std::logic_error("an exchange with this id is live");
  return std::make_unique<Front>(table_, std::move(entry));
}

Result<std::unique_ptr<ExitEnd>> LocalLedger::claim(std::string_view ticket, Executor executor) {
  const auto id = id_of_ticket(ticket);
  if (!id) return Failure{Code::Denied, "the request has no ticket", problem_code::kNoTicket};
  const Failure stale{Code::Denied, "the ticket's exchange is over, or there was none",
                      problem_code::kStaleTicket};
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(table_->mutex);
    const auto found = table_->entries.find(std::string(*id));
    if (found == table_->entries.end()) return stale;
    entry = found->second;
  }
  if (!equal_in_constant_time(ticket, entry->ticket)) {
    return Failure{Code::Denied, "the ticket is not one of this proxy's", problem_code::kNoTicket};
  }
  auto waker = std::make_shared<Waker>(std::move(executor));
  const std::lock_guard lock(entry->mutex);
  if (entry->over) return stale;
  if (entry->began || entry->ended || entry->uses >= kMaxUses) {
    return Failure{Code::Denied, "the ticket was used before", problem_code::kUsedTicket};
  }
  ++entry->uses;
  // The exit's end that had it before is told, and cannot begin any more.
  if (const WakerPtr before = std::exchange(entry->exit, waker)) entry->end(before);
  return std::unique_ptr<ExitEnd>(std::make_unique<Exit>(entry, std::move(waker)));
}

bool LocalLedger::expects(std::string_view host) const {
  const std::lock_guard lock(table_->mutex);
  return std::any_of(table_->entries.begin(), table_->entries.end(), [host](const auto& one) {
    return one.second->admission.destination.host == host;
  });
}

std::size_t LocalLedger::live() const {
  const std::lock_guard lock(table_->mutex);
  return table_->entries.size();
}

}  // namespace bottle
