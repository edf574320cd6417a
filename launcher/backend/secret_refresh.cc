#include "launcher/backend/secret_refresh.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <thread>
#include <utility>

#include "launcher/lifetime/control_talk.h"

namespace bottle::launcher {
namespace {

using Time = RefreshTimes::Time;

constexpr Time kLongestWait = std::chrono::minutes(1);
// A sleep does not count the time in which the machine is suspended, so none is longer.
constexpr Time kLongestSleep = std::chrono::seconds(10);

Time now() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return std::chrono::duration_cast<Time>(std::chrono::seconds(time.tv_sec) +
                                          std::chrono::nanoseconds(time.tv_nsec));
}

struct Renewed {
  SecretSource source;
  RefreshTimes times;
};

[[noreturn]] void refresh_for_ever(std::vector<Renewed> all, const TakeValue& take,
                                   const TellProxy& tell) {
  for (;;) {
    auto& next = *std::min_element(all.begin(), all.end(), [](const Renewed& a, const Renewed& b) {
      return a.times.due() < b.times.due();
    });
    const Time left = next.times.due() - now();
    if (left.count() > 0) {
      std::this_thread::sleep_for(std::min(left, kLongestSleep));
      continue;
    }
    if (refresh_once(next.source, next.times.failing(), take, tell)) {
      next.times.succeeded(now());
    } else {
      next.times.failed(now());
    }
  }
}

}  // namespace

void RefreshTimes::succeeded(Time now) {
  failures_ = 0;
  due_ = now + std::chrono::duration_cast<Time>(ttl_) * 9 / 10;
}

void RefreshTimes::failed(Time now) {
  constexpr unsigned kMostDoublings = 6;
  const Time wait = std::chrono::seconds(1) * (1U << std::min(failures_, kMostDoublings));
  ++failures_;
  due_ = now + std::min(wait, kLongestWait);
}

bool refresh_once(const SecretSource& source, bool was_failing, const TakeValue& take,
                  const TellProxy& tell) {
  std::string problem;
  auto value = take(source);
  if (value) {
    const auto said = tell(set_secrets_message({{source.name, *value}}));
    const auto answer =
        said ? read_control_answer(*said) : Expected<ControlAnswer>(Error(said.error()));
    if (answer) {
      // The proxy ends a trouble itself where the value is another one.
      if (was_failing && answer->changed.empty()) (void)tell(trouble_message(source.name, ""));
      return true;
    }
    problem = answer.error().message;
  } else {
    problem = value.error().message;
  }
  (void)tell(trouble_message(source.name, problem));
  return false;
}

Expected<std::optional<Child>> start_refresh(const std::vector<SecretSource>& sources,
                                             const TakeValue& take, const TellProxy& tell) {
  std::vector<Renewed> all;
  for (const SecretSource& source : sources) {
    if (source.ttl.count() > 0) all.push_back({source, RefreshTimes(source.ttl, now())});
  }
  if (all.empty()) return std::optional<Child>();
  auto child = fork_child([&all, &take, &tell]() -> int {
    ::setsid();
    refresh_for_ever(std::move(all), take, tell);
  });
  if (!child) return std::move(child.error());
  return std::optional<Child>(std::move(*child));
}

}  // namespace bottle::launcher
