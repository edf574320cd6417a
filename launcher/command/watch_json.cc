#include "launcher/command/watch_json.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "launcher/command/watch_sources.h"
#include "launcher/lifetime/ask_words.h"
#include "launcher/process/process.h"
#include "proxy/contract/control_words.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using OrderedJson = nlohmann::ordered_json;

constexpr std::chrono::seconds kLookAgain{1};  // between two looks for new bottles

std::int64_t seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

class JsonPrinter final : public WatchSink {
 public:
  explicit JsonPrinter(std::ostream& out) : out_(out) {}

  void started(const BottleRecord& bottle) override {
    print({{"bottle", bottle.id},
           {"started", bottle.started},
           {"backend", bottle.backend},
           {"name", bottle.bottle},
           {"command", bottle.command}});
  }
  void audit(const std::string& bottle, const std::string& line) override {
    // As it is, with the order of its keys.
    if (nlohmann::json::accept(line)) {
      out_ << R"({"bottle":")" << bottle << R"(","audit":)" << line << "}\n";
    }
  }
  void asks(const std::string& bottle, const AskList& list) override {
    OrderedJson asks = OrderedJson::array();
    for (const auto& one : list.asks) asks.push_back(ask_object(one));
    // The proxy tells it again at times, though nothing has changed but the seconds.
    if (OrderedJson same = asks; is_told_already(bottle, std::move(same))) return;
    print({{"bottle", bottle}, {"asks", std::move(asks)}});
  }
  void ended(const std::string& bottle) override {
    print({{"bottle", bottle}, {"ended", seconds_now()}});
    told_.erase(bottle);
  }

 private:
  bool is_told_already(const std::string& bottle, OrderedJson asks) {
    for (auto& one : asks) one.erase(control_key::kSecondsLeft);
    const std::string text = text_of(asks);
    return std::exchange(told_[bottle], text) == text;
  }
  static std::string text_of(const OrderedJson& json) {
    return json.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  }
  void print(const OrderedJson& json) { out_ << text_of(json) << "\n"; }

  std::ostream& out_;
  std::map<std::string, std::string> told_{};  // the last asks of each bottle
};

bool reader_is_gone() {
  pollfd out{STDOUT_FILENO, 0, 0};
  return ::poll(&out, 1, 0) > 0 && (out.revents & POLLERR) != 0;
}

// The signal to end by.
std::optional<int> answer_signals(SignalWatch& signals) {
  while (const auto signal = signals.next()) {
    if (*signal == SIGTSTP) {
      stop_own_job();
    } else if (*signal != SIGCONT && *signal != SIGCHLD && *signal != SIGWINCH) {
      return signal;
    }
  }
  return std::nullopt;
}

}  // namespace

Expected<int> run_watch_json(std::optional<std::string> only, const Context& context) {
  SignalWatch signals;
  JsonPrinter printer(context.out);
  WatchSources sources(std::move(only), std::numeric_limits<std::uint64_t>::max(), context,
                       printer);
  if (auto opened = sources.open(); !opened) return std::move(opened.error());
  auto tick = Clock::now() + kLookAgain;
  for (;;) {
    const bool more = sources.pump();
    context.out << std::flush;
    if (reader_is_gone()) return 0;
    if (!context.out) {
      return Error{ExitCode::kSystem, "cannot write to standard output", "is the disk full?"};
    }
    if (const auto signal = answer_signals(signals)) return 128 + *signal;
    if (sources.is_over()) return 0;
    if (more) continue;
    std::vector<pollfd> fds{{signals.fd(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    sources.add_to(fds);
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(tick - Clock::now()).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(left + 1, 0)));
    if (Clock::now() < tick) continue;
    tick = Clock::now() + kLookAgain;
    sources.look();
  }
}

}  // namespace bottle::launcher
