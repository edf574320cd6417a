#include "proxy/ledger/local_ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "proxy/base/task_group.h"
#include "tests/support/run_until.h"
#include "tests/unit/ledger/admissions.h"

namespace bottle {
namespace {

using test::admission_of;

class Ledger : public ::testing::Test {
 protected:
  Executor executor() { return io_.get_executor(); }
  std::unique_ptr<FrontEnd> admit(const std::string& id, bool bypass_body = false) {
    Admission admission = admission_of(id);
    admission.bypass_body = bypass_body;
    auto front = ledger_.admit(std::move(admission), executor());
    ticket_ = front->ticket();
    return front;
  }
  std::unique_ptr<ExitEnd> claim() {
    auto end = ledger_.claim(ticket_, executor());
    return end ? std::move(*end) : nullptr;
  }
  std::string refusal() {
    auto end = ledger_.claim(ticket_, executor());
    return end ? "" : end.error().reason;
  }
  static BodyNews piece(std::size_t size) {
    BodyNews news;
    news.data = Bytes(size, 'b');
    return news;
  }
  static FailureNews failure(const std::string& reason) {
    FailureNews news;
    news.failure = Failure(Code::UpstreamBroken, "", reason);
    return news;
  }

  asio::io_context io_{1};
  LocalLedger ledger_;
  std::string ticket_;
};

TEST_F(Ledger, NewsComeInTheirOrder) {
  auto front = admit("a");
  auto exit = claim();
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->admission().scanned.head.target, "/v1?q=1");
  EXPECT_FALSE(front->next());
  ASSERT_TRUE(exit->begin());
  InterimNews early;
  early.head.status = 103;
  exit->tell(std::move(early));
  HeadNews head;
  head.head.status = 302;
  exit->tell(std::move(head));
  exit->tell(piece(3));
  EndNews end;
  end.bytes = 3;
  exit->tell(std::move(end));
  EXPECT_EQ(std::get<InterimNews>(*front->next()).head.status, 103);
  EXPECT_EQ(std::get<HeadNews>(*front->next()).head.status, 302);
  EXPECT_EQ(std::get<BodyNews>(*front->next()).data, "bbb");
  EXPECT_EQ(std::get<EndNews>(*front->next()).bytes, 3U);
  EXPECT_FALSE(front->next());
}

TEST_F(Ledger, NothingComesBehindTheLastNews) {
  auto front = admit("a");
  auto exit = claim();
  ASSERT_TRUE(exit->begin());
  exit->tell(EndNews());
  exit->tell(failure("late"));
  exit.reset();
  EXPECT_TRUE(std::holds_alternative<EndNews>(*front->next()));
  EXPECT_FALSE(front->next());
}

TEST_F(Ledger, RefusesWhatIsNoTicketOfALiveExchange) {
  auto front = admit("a");
  const std::string good = std::exchange(ticket_, "a.0");
  EXPECT_EQ(refusal(), "no_ticket");
  ticket_ = "a." + std::string(64, '0');
  EXPECT_EQ(refusal(), "no_ticket");
  ticket_ = "b" + good.substr(1);
  EXPECT_EQ(refusal(), "stale_ticket");
  EXPECT_FALSE(front->claimed());
  ticket_ = good;
  front.reset();
  EXPECT_EQ(refusal(), "stale_ticket");
  EXPECT_EQ(ledger_.live(), 0U);
}

TEST_F(Ledger, EveryByteOfATicketCounts) {
  auto front = admit("a");
  const std::string good = ticket_;
  for (std::size_t i = 2; i < good.size(); ++i) {
    ticket_ = good;
    ticket_[i] = ticket_[i] == 'a' ? 'b' : 'a';
    EXPECT_EQ(refusal(), "no_ticket") << i;
  }
  for (const std::string& cut : {good.substr(0, good.size() - 1), good + "0", std::string()}) {
    ticket_ = cut;
    EXPECT_EQ(refusal(), "no_ticket") << cut;
  }
  EXPECT_FALSE(front->claimed());
  ticket_ = good;
  EXPECT_TRUE(claim());
}

TEST_F(Ledger, IdsThatAreLiveCannotBeAdmittedAgain) {
  auto front = admit("a");
  EXPECT_THROW(admit("a"), std::logic_error);
  front.reset();
  EXPECT_TRUE(admit("a"));
}

TEST_F(Ledger, ATicketIsGoodOnceMoreIfNothingWentOut) {
  auto front = admit("a");
  claim().reset();
  EXPECT_FALSE(front->claimed());
  auto second = claim();
  ASSERT_TRUE(second);
  EXPECT_TRUE(front->claimed());
  EXPECT_TRUE(second->begin());
  EXPECT_TRUE(front->began());
  EXPECT_EQ(refusal(), "used_ticket");
}

TEST_F(Ledger, ATicketIsNotGoodAThirdTime) {
  auto front = admit("a");
  claim().reset();
  claim().reset();
  EXPECT_EQ(refusal(), "used_ticket");
}

TEST_F(Ledger, ATicketIsSpentWhenSomethingWentOut) {
  auto front = admit("a");
  auto exit = claim();
  ASSERT_TRUE(exit->begin());
  EXPECT_EQ(refusal(), "used_ticket");
  exit.reset();
  EXPECT_EQ(refusal(), "used_ticket");
  EXPECT_TRUE(front->claimed());
}

TEST_F(Ledger, ATicketIsSpentWhenItWasRefused) {
  auto front = admit("a");
  claim()->tell(failure("exit_mismatch"));
  EXPECT_EQ(refusal(), "used_ticket");
  EXPECT_EQ(std::get<FailureNews>(*front->next()).failure.reason, "exit_mismatch");
}

TEST_F(Ledger, TheSecondUseTakesTheExchangeFromTheFirst) {
  auto front = admit("a");
  auto first = claim();
  auto second = claim();
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->over());
  EXPECT_FALSE(first->begin());
  first->tell(failure("of the first"));
  first.reset();
  EXPECT_TRUE(front->claimed());
  EXPECT_FALSE(front->next());
  EXPECT_FALSE(second->over());
  EXPECT_TRUE(second->begin());
}

TEST_F(Ledger, AnExitThatEndsInTheMiddleIsAFailure) {
  auto front = admit("a");
  auto exit = claim();
  ASSERT_TRUE(exit->begin());
  exit->tell(HeadNews());
  exit.reset();
  EXPECT_TRUE(std::holds_alternative<HeadNews>(*front->next()));
  const auto news = std::get<FailureNews>(*front->next());
  EXPECT_EQ(news.failure.code, Code::UpstreamTruncated);
  EXPECT_EQ(news.failure.reason, "exit_ended");
  EXPECT_EQ(news.by, DecidedBy::Exit);
}

TEST_F(Ledger, WithoutItsFrontAnExchangeIsOver) {
  auto front = admit("a");
  auto exit = claim();
  front.reset();
  EXPECT_TRUE(exit->over());
  EXPECT_FALSE(exit->begin());
  exit->tell(HeadNews());
}

// An origin may send byte by byte to a client that reads nothing.
TEST_F(Ledger, PiecesThatNobodyTookBecomeOne) {
  auto front = admit("a");
  auto exit = claim();
  ASSERT_TRUE(exit->begin());
  exit->tell(HeadNews());
  for (std::size_t i = 0; i < kSidePiece + 10; ++i) exit->tell(piece(1));
  EXPECT_EQ(exit->room(), kBypassWindow - kSidePiece - 10);
  exit->tell(EndNews());
  EXPECT_TRUE(std::holds_alternative<HeadNews>(*front->next()));
  EXPECT_EQ(std::get<BodyNews>(*front->next()).data.size(), kSidePiece);
  EXPECT_EQ(std::get<BodyNews>(*front->next()).data.size(), 10U);
  EXPECT_TRUE(std::holds_alternative<EndNews>(*front->next()));
}

TEST_F(Ledger, BodyHasRoomAsFarAsThereIsCredit) {
  auto events = admit("events");
  auto exit = claim();
  EXPECT_EQ(exit->room(), kBypassWindow);
  exit->tell(piece(kSidePiece));
  EXPECT_EQ(exit->room(), kBypassWindow - kSidePiece);
  events->credit(kSidePiece);
  EXPECT_EQ(exit->room(), kBypassWindow);
  EXPECT_THROW(exit->tell(piece(kBypassWindow + 1)), std::logic_error);

  auto side = admit("side", true);
  auto side_exit = claim();
  EXPECT_EQ(side_exit->room(), 0U);
  side->credit(10);
  EXPECT_EQ(side_exit->room(), 10U);
}

awaitable<void> wait_for(FrontEnd& end, std::vector<std::string>& log) {
  const bool news = co_await end.wait();
  log.emplace_back(news ? "news" : "cancelled");
}

awaitable<void> wait_for_exit(ExitEnd& end, std::vector<std::string>& log) {
  const bool news = co_await end.wait();
  std::string what = "cancelled";
  if (news) what = end.over() ? "over" : "room";
  log.push_back(std::move(what));
}

TEST_F(Ledger, WaitsEndWhenThereIsNewsOrACancel) {
  auto front = admit("a", true);
  auto exit = claim();
  std::vector<std::string> log;
  TaskGroup tasks(executor());
  const auto poll = [&] {
    io_.restart();
    io_.poll();
  };
  tasks.spawn(wait_for(*front, log));
  poll();
  EXPECT_TRUE(log.empty());
  exit->tell(HeadNews());
  poll();
  EXPECT_EQ(log, std::vector<std::string>{"news"});
  // It is there already.
  tasks.spawn(wait_for(*front, log));
  poll();
  EXPECT_EQ(log.size(), 2U);

  log.clear();
  tasks.spawn(wait_for_exit(*exit, log));
  poll();
  front->credit(0);
  poll();
  EXPECT_TRUE(log.empty());
  front->credit(1);
  poll();
  EXPECT_EQ(log, std::vector<std::string>{"room"});

  log.clear();
  EXPECT_TRUE(front->next());
  tasks.spawn(wait_for(*front, log));
  poll();
  test::cancel_tasks(io_, tasks);
  EXPECT_EQ(log, std::vector<std::string>{"cancelled"});

  log.clear();
  exit->tell(piece(1));
  tasks.spawn(wait_for_exit(*exit, log));
  poll();
  EXPECT_TRUE(log.empty());
  front.reset();
  poll();
  EXPECT_EQ(log, std::vector<std::string>{"over"});
  EXPECT_TRUE(tasks.empty());
}

// The news that woke the waiter is taken by another one before it runs, and the cancel that follows
// finds no waiter. The wait still ends.
TEST_F(Ledger, AWaitEndsThoughItsNewsWasTaken) {
  auto front = admit("a");
  auto exit = claim();
  std::vector<std::string> log;
  TaskGroup tasks(executor());
  tasks.spawn(wait_for(*front, log));
  io_.restart();
  io_.poll();
  exit->tell(HeadNews());
  EXPECT_TRUE(front->next());
  front->cancel();
  io_.restart();
  io_.poll();
  EXPECT_EQ(log.size(), 1U);
  EXPECT_TRUE(tasks.empty());
  test::cancel_tasks(io_, tasks);
}

TEST_F(Ledger, TheOneWhoLosesTheTicketIsWoken) {
  auto front = admit("a", true);
  auto first = claim();
  std::vector<std::string> log;
  TaskGroup tasks(executor());
  tasks.spawn(wait_for_exit(*first, log));
  io_.poll();
  auto second = claim();
  io_.restart();
  io_.poll();
  EXPECT_EQ(log, std::vector<std::string>{"over"});
}

struct Target final : Cancellable {
  void cancel() noexcept override { ++cancels; }
  int cancels = 0;
};

TEST_F(Ledger, TheEndOfTheFrontCancelsWhatTheExitNamed) {
  Target target;
  auto front = admit("a");
  auto exit = claim();
  exit->on_over(&target);
  front.reset();
  EXPECT_EQ(target.cancels, 0) << "not on the stack of the front";
  io_.poll();
  EXPECT_EQ(target.cancels, 1);
  // It is over already.
  exit->on_over(&target);
  io_.restart();
  io_.poll();
  EXPECT_EQ(target.cancels, 2);
}

TEST_F(Ledger, NothingIsCancelledBehindTheLastNewsOrTheExitsEnd) {
  Target target;
  auto front = admit("a");
  auto exit = claim();
  exit->on_over(&target);
  exit->tell(EndNews());
  front.reset();
  io_.poll();
  EXPECT_EQ(target.cancels, 0);

  auto other = admit("b");
  auto gone = claim();
  gone->on_over(&target);
  other.reset();
  gone.reset();
  io_.restart();
  io_.poll();
  EXPECT_EQ(target.cancels, 0);
}

TEST_F(Ledger, TheSecondUseCancelsTheFirst) {
  Target target;
  auto front = admit("a");
  auto first = claim();
  first->on_over(&target);
  auto second = claim();
  io_.poll();
  EXPECT_EQ(target.cancels, 1);
}

// ---- two threads -------------------------------------------------------------------------------

constexpr int kExchanges = 300;
constexpr std::size_t kBody = 40'000;

// Sends a body past the scanner, piece by piece, as far as it is let.
awaitable<void> carry(LocalLedger& ledger, std::string ticket, Executor executor, int& whole) {
  auto claimed = ledger.claim(ticket, executor);
  if (!claimed) co_return;
  std::unique_ptr<ExitEnd> end = std::move(*claimed);
  if (!end->begin()) co_return;
  end->tell(HeadNews());
  std::size_t sent = 0;
  while (sent < kBody) {
    const bool go_on = co_await end->wait();
    if (!go_on || end->over()) co_return;
    BodyNews news;
    news.data = Bytes(std::min({end->room(), kSidePiece, kBody - sent}), 'b');
    sent += news.data.size();
    end->tell(std::move(news));
  }
  EndNews last;
  last.bytes = sent;
  end->tell(std::move(last));
  ++whole;
}

struct Crossing {
  LocalLedger ledger;
  asio::io_context front_io{1};
  asio::io_context exit_io{1};
  TaskGroup carriers{exit_io.get_executor()};
  int carried = 0;  // of the exit's thread
  int whole = 0;
  int left = 0;
};

awaitable<void> take(Crossing& crossing, int number) {
  Admission admission = admission_of("x-" + std::to_string(number));
  admission.bypass_body = true;
  auto front = crossing.ledger.admit(std::move(admission), crossing.front_io.get_executor());
  const std::string ticket(front->ticket());
  asio::post(crossing.exit_io, [&crossing, ticket] {
    crossing.carriers.spawn(
        carry(crossing.ledger, ticket, crossing.exit_io.get_executor(), crossing.carried));
  });
  // Every third one leaves in the middle, at a point that differs.
  const std::size_t enough = number % 3 == 0 ? static_cast<std::size_t>(number) * 90 : kBody + 1;
  std::size_t taken = 0;
  front->credit(1000);
  while (taken < enough) {
    const bool news = co_await front->wait();
    if (!news) co_return;
    std::optional<ExitNews> next = front->next();
    if (auto* body = std::get_if<BodyNews>(&*next)) {
      taken += body->data.size();
      front->credit(body->data.size());
    }
    if (std::holds_alternative<EndNews>(*next)) {
      EXPECT_EQ(taken, kBody);
      ++crossing.whole;
      co_return;
    }
    EXPECT_FALSE(std::holds_alternative<FailureNews>(*next));
  }
  ++crossing.left;
}

awaitable<void> take_all(Crossing& crossing) {
  TaskGroup takers(crossing.front_io.get_executor());
  for (int i = 0; i < kExchanges; ++i) takers.spawn(take(crossing, i));
  co_await takers.join();
}

awaitable<void> join_carriers(Crossing& crossing) { co_await crossing.carriers.join(); }

TEST(LedgerOfTwoThreads, LosesNoNewsAndNoCredit) {
  Crossing crossing;
  auto work = asio::make_work_guard(crossing.exit_io);
  std::thread exit([&] { crossing.exit_io.run(); });
  test::run_until_done(crossing.front_io, take_all(crossing));
  work.reset();
  exit.join();
  test::run_until_done(crossing.exit_io, join_carriers(crossing));
  EXPECT_EQ(crossing.whole + crossing.left, kExchanges);
  EXPECT_GE(crossing.whole, kExchanges / 2);
  EXPECT_GE(crossing.carried, crossing.whole);
  EXPECT_EQ(crossing.ledger.live(), 0U);
}

}  // namespace
}  // namespace bottle
