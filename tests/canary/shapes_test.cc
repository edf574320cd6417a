// The coroutine shapes that the project allows itself, each with objects that notice when they are
// destroyed twice or not at all. g++ 12 gets other shapes wrong
// (docs/decisions/001-clang-ships.md); scripts/lint refuses those. When this program fails, no
// other test of the same build means anything, so ctest runs it first.
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/base/task_group.h"
#include "tests/support/run.h"

namespace bottle {
namespace {

// Every living Probe, and how many destructions found nothing to destroy.
std::set<const void*>& living() {
  static std::set<const void*> set;
  return set;
}
int destroyed_twice = 0;
void died(const void* probe) {
  if (living().erase(probe) == 0) ++destroyed_twice;
}

// Owns memory, so that a second destruction is also a double free under AddressSanitizer.
class Probe {
 public:
  explicit Probe(int value) : value_(std::make_unique<int>(value)) { living().insert(this); }
  Probe(const Probe& other) : value_(std::make_unique<int>(other.value())) {
    living().insert(this);
  }
  Probe(Probe&& other) noexcept : value_(std::move(other.value_)) { living().insert(this); }
  Probe& operator=(const Probe&) = delete;
  Probe& operator=(Probe&& other) noexcept {
    value_ = std::move(other.value_);
    return *this;
  }
  ~Probe() { died(this); }
  [[nodiscard]] int value() const { return value_ ? *value_ : -1; }

 private:
  std::unique_ptr<int> value_;
};

// An aggregate: the kind of object that must have a name when a statement awaits.
struct Pair {
  Probe first;
  Probe second;
};

class Canary : public testing::Test {
 protected:
  void SetUp() override {
    living().clear();
    destroyed_twice = 0;
  }
  void TearDown() override {
    EXPECT_TRUE(living().empty()) << living().size() << " objects leaked";
    EXPECT_EQ(destroyed_twice, 0);
  }
  void run(awaitable<void> body) { test::run(io_, std::move(body)); }

 private:
  asio::io_context io_;
};

// Really suspends: the frame lives across a turn of the loop.
awaitable<void> turn() {
  auto executor = co_await asio::this_coro::executor;
  co_await asio::post(executor, asio::use_awaitable);
}

awaitable<Probe> make(int value) {
  co_await turn();
  co_return Probe(value);
}

awaitable<Result<Probe>> attempt(bool works) {
  co_await turn();
  if (!works) co_return Failure(Code::Internal, "asked to fail");
  co_return Probe(7);
}

awaitable<std::optional<Probe>> next(int& left) {
  co_await turn();
  if (left == 0) co_return std::nullopt;
  --left;
  co_return Probe(left);
}

awaitable<int> take(Probe probe) {
  co_await turn();
  co_return probe.value();
}

awaitable<int> take_both(Pair pair) {
  co_await turn();
  co_return pair.first.value() + pair.second.value();
}

awaitable<int> look(const Probe& probe, std::string text = "default") {
  co_await turn();
  co_return probe.value() + static_cast<int>(text.size());
}

template <class F>
awaitable<int> call(F f) {
  co_await turn();
  co_return f();
}

awaitable<bool> ready(bool answer) {
  co_await turn();
  co_return answer;
}

awaitable<int> thrower() {
  const Probe local(1);
  co_await turn();
  throw std::runtime_error("thrown");
}

#define BOTTLE_CANARY(name)                    \
  awaitable<void> name##_body();               \
  TEST_F(Canary, name) { run(name##_body()); } \
  awaitable<void> name##_body()

BOTTLE_CANARY(AResultIsNamedThenUsed) {
  const Probe probe = co_await make(3);
  EXPECT_EQ(probe.value(), 3);
}

BOTTLE_CANARY(AnAnswerIsNamedThenAsked) {
  const bool yes = co_await ready(true);
  if (!yes) ADD_FAILURE();
  for (int i = 0; i < 3; ++i) {
    const bool no = co_await ready(false);
    if (no) ADD_FAILURE();
  }
}

BOTTLE_CANARY(AnIfDeclaresItsResult) {
  int left = 1;
  if (auto probe = co_await next(left); probe) {
    EXPECT_EQ(probe->value(), 0);
  } else {
    ADD_FAILURE();
  }
}

BOTTLE_CANARY(AWhileDeclaresItsResult) {
  int left = 3;
  int seen = 0;
  while (auto probe = co_await next(left)) ++seen;
  EXPECT_EQ(seen, 3);
}

BOTTLE_CANARY(AnEndlessLoopBreaksOnItsNamedResult) {
  int left = 3;
  for (;;) {
    const auto probe = co_await next(left);
    if (!probe) break;
  }
  EXPECT_EQ(left, 0);
}

BOTTLE_CANARY(ANonAggregateIsPassedAsATemporary) {
  const int value = co_await take(Probe(5));
  EXPECT_EQ(value, 5);
}

BOTTLE_CANARY(ANamedObjectIsMovedIn) {
  Probe probe(6);
  const int value = co_await take(std::move(probe));
  EXPECT_EQ(value, 6);
}

BOTTLE_CANARY(ANamedAggregateIsMovedIn) {
  Pair pair{.first = Probe(1), .second = Probe(2)};
  const int value = co_await take_both(std::move(pair));
  EXPECT_EQ(value, 3);
}

BOTTLE_CANARY(AnAggregateIsBuiltFromNamedResults) {
  Probe first = co_await make(1);
  Probe second = co_await make(2);
  const Pair pair{.first = std::move(first), .second = std::move(second)};
  EXPECT_EQ(pair.second.value(), 2);
}

BOTTLE_CANARY(AReferenceToATemporaryLivesThroughTheCall) {
  const int value = co_await look(Probe(1));
  EXPECT_EQ(value, 8);
  const int longer = co_await look(Probe(1), "literal, longer than the small buffer");
  EXPECT_EQ(longer, 38);
}

BOTTLE_CANARY(ANamedLambdaWithCapturesIsCalled) {
  Probe probe(4);
  auto job = [probe] { return probe.value(); };
  const int copied = co_await call(job);
  const int moved = co_await call(std::move(job));
  EXPECT_EQ(copied + moved, 8);
}

BOTTLE_CANARY(AResultCarriesAValueOrAFailure) {
  const auto good = co_await attempt(true);
  EXPECT_TRUE(good.has_value());
  const auto bad = co_await attempt(false);
  EXPECT_FALSE(bad.has_value());
}

BOTTLE_CANARY(IfAndElseChooseAmongAwaits) {
  std::optional<Probe> probe;
  const bool left = co_await ready(true);
  if (left) {
    probe.emplace(co_await make(1));
  } else {
    probe.emplace(co_await make(2));
  }
  EXPECT_EQ(probe->value(), 1);
}

BOTTLE_CANARY(AVectorIsFilledFromAwaits) {
  std::vector<Probe> probes;
  for (int i = 0; i < 4; ++i) {
    Probe probe = co_await make(i);
    probes.push_back(std::move(probe));
  }
  EXPECT_EQ(probes.back().value(), 3);
}

BOTTLE_CANARY(AnExceptionUnwindsThroughAwaits) {
  const Probe outer(9);
  bool caught = false;
  try {
    const int value = co_await thrower();
    EXPECT_EQ(value, 0);
  } catch (const std::runtime_error&) {
    caught = true;
  }
  EXPECT_TRUE(caught);
}

BOTTLE_CANARY(AMoveOnlyResultIsNamed) {
  auto owned = std::make_unique<Probe>(co_await make(2));
  EXPECT_EQ(owned->value(), 2);
}

awaitable<void> child(Probe probe, int& sum) {
  co_await turn();
  sum += probe.value();
}

BOTTLE_CANARY(ATaskGroupOwnsItsChildrensArguments) {
  int sum = 0;
  auto executor = co_await asio::this_coro::executor;
  TaskGroup tasks(executor);
  for (int i = 1; i <= 3; ++i) tasks.spawn(child(Probe(i), sum));
  co_await tasks.join();
  EXPECT_EQ(sum, 6);
}

// Without this, a Probe that notices nothing would pass everything.
TEST(CanaryProbe, NoticesASecondDestruction) {
  living().clear();
  destroyed_twice = 0;
  std::optional<Probe> probe(std::in_place, 1);
  const void* address = &*probe;
  EXPECT_EQ(living().count(address), 1U);
  probe.reset();
  EXPECT_EQ(destroyed_twice, 0);
  died(address);
  EXPECT_EQ(destroyed_twice, 1);
}

}  // namespace
}  // namespace bottle
