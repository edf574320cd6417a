#include "launcher/command/watch_sources.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "launcher/command/proxy_talk.h"
#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

constexpr int kSlice = 2000;  // lines that are read before keys are looked at again
constexpr std::chrono::seconds kAfterTrouble{2};
// A proxy that knows no asks is asked again, since it costs nothing.
constexpr std::chrono::seconds kAfterRefusal{60};
// The least time between two questions, if the proxy does not hold one until there is news.
constexpr std::chrono::milliseconds kBetween{500};

}  // namespace

WatchSources::WatchSources(std::optional<std::string> only, std::uint64_t most,
                           const Context& context, WatchSink& sink)
    : only_(std::move(only)), most_(most), context_(context), sink_(sink) {}

Expected<void> WatchSources::open() {
  inotify_ = Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify_) return system_error("cannot watch the audit logs", errno);
  look();
  return {};
}

void WatchSources::add_to(std::vector<pollfd>& fds) const {
  fds.push_back({inotify_.get(), POLLIN, 0});
  for (const auto& one : bottles_) {
    fds.push_back({one->process.get(), POLLIN, 0});
    if (one->asking) fds.push_back({one->asking->fd(), POLLIN, 0});
  }
}

const BottleRecord* WatchSources::record_of(const std::string& bottle) const {
  for (const auto& one : bottles_) {
    if (one->record.id == bottle) return &one->record;
  }
  return nullptr;
}

void WatchSources::look() {
  for (auto& record : living_bottles(runtime_base(context_.around))) {
    if (bottles_.size() >= kMaxWatched) break;
    if ((only_ && record.id != *only_) || record_of(record.id) != nullptr) continue;
    sink_.started(record);
    bottles_.push_back(std::make_unique<Followed>(std::move(record), most_));
  }
  for (const auto& one : bottles_) {
    if (one->watched < 0) watch_log(*one);
  }
}

// The directory's events tell of its files' too: of growth, of a new log, of rotation.
void WatchSources::watch_log(Followed& one) const {
  one.watched = ::inotify_add_watch(inotify_.get(), one.record.audit.parent_path().c_str(),
                                    IN_MODIFY | IN_CREATE | IN_MOVED_TO);
}

// Logs of two bottles can be in one directory, which has one number.
void WatchSources::watch_log_no_more(const Followed& one) const {
  const bool is_shared = std::any_of(bottles_.begin(), bottles_.end(), [&one](const auto& other) {
    return other.get() != &one && other->watched == one.watched;
  });
  if (one.watched >= 0 && !is_shared) ::inotify_rm_watch(inotify_.get(), one.watched);
}

bool WatchSources::pump() {
  std::array<char, 4096> events{};
  while (::read(inotify_.get(), events.data(), events.size()) > 0) {
  }
  for (const auto& one : bottles_) {
    // Before its lines are read, since the last ones come before its end.
    pollfd end{one->process.get(), POLLIN, 0};
    one->ended = !one->process || ::poll(&end, 1, 0) > 0;
    look_at_asks(*one);
  }
  if (!read_lines()) return true;
  bool more = false;
  for (const auto& one : bottles_) more = one->lines.renew() || more;
  if (more) return true;
  for (const auto& one : bottles_) {
    if (one->ended) end(*one);
  }
  std::erase_if(bottles_, [](const auto& one) { return one->ended; });
  return false;
}

bool WatchSources::read_lines() {
  std::vector<Followed*> rest;
  for (const auto& one : bottles_) rest.push_back(one.get());
  for (int i = 0; i < kSlice; ++i) {
    Followed* first = nullptr;
    for (Followed*& one : rest) {
      const std::string* const line = one->lines.peek();
      if (line == nullptr) {
        one = nullptr;
      } else if (first == nullptr || time_of(*line) < time_of(*first->lines.peek())) {
        first = one;
      }
    }
    std::erase(rest, nullptr);
    if (first == nullptr) return true;
    sink_.audit(first->record.id, *first->lines.peek());
    first->lines.take();
  }
  return false;
}

void WatchSources::end(Followed& one) {
  one.lines.finish();
  while (const std::string* const line = one.lines.peek()) {
    sink_.audit(one.record.id, *line);
    one.lines.take();
  }
  watch_log_no_more(one);
  one.watched = -1;
  sink_.ended(one.record.id);
  over_ = over_ || only_.has_value();
}

void WatchSources::look_at_asks(Followed& one) {
  if (one.asking && one.asking->is_over()) take_asks(one);
  const auto now = Clock::now();
  if (one.asking || one.ended || now < one.ask_again) return;
  const auto proxy = ProxyTalk::with(one.record, context_);
  if (!proxy) {
    one.ask_again = now + kAfterRefusal;
    return;
  }
  auto errand = Errand::send(
      [&proxy, message = list_asks_message(one.asks_version)] { return proxy->line(message); });
  one.asked = now;
  if (errand) one.asking = std::move(*errand);
  if (!errand) one.ask_again = now + kAfterTrouble;
}

void WatchSources::take_asks(Followed& one) {
  const auto line = one.asking->result();
  one.asking.reset();
  one.ask_again = Clock::now() + kAfterTrouble;
  if (!line) return;
  const auto list = read_asks(*line);
  if (!list) {
    one.ask_again = Clock::now() + kAfterRefusal;
    return;
  }
  one.ask_again = one.asked + kBetween;
  if (!one.asks_version && list->asks.empty()) {
    one.asks_version = list->version;
    return;
  }
  one.asks_version = list->version;
  sink_.asks(one.record.id, *list);
}

}  // namespace bottle::launcher
