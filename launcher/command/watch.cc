#include "launcher/command/watch.h"

#include <poll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <limits>
#include <vector>

#include "launcher/command/proxy_talk.h"
#include "launcher/command/watch_deeds.h"
#include "launcher/command/watch_json.h"
#include "launcher/command/watch_sources.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"
#include "launcher/watch/model.h"
#include "launcher/watch/terminal.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using watch::Model;
using watch::Terminal;

// Of each part of a log, for the view: more than its rows need.
constexpr std::uint64_t kMostHistory = std::uint64_t{8} << 20;
constexpr std::chrono::milliseconds kFrame{50};  // between two drawings
constexpr std::chrono::seconds kTick{1};         // clocks, and new bottles

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int ms_until(Clock::time_point then) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(then - Clock::now()).count();
  return static_cast<int>(std::max<std::int64_t>(left + 1, 0));
}

// Passes events on to the model.
class ModelSink final : public WatchSink {
 public:
  explicit ModelSink(Model& model) : model_(model) {}
  void started(const BottleRecord& bottle) override {
    changed_ = true;
    model_.bottle_started({.id = bottle.id, .name = bottle.bottle, .started = bottle.started});
  }
  void audit(const std::string& bottle, const std::string& line) override {
    changed_ = true;
    model_.audit_line(bottle, line);
  }
  void asks(const std::string& bottle, const AskList& list) override {
    changed_ = true;
    const std::int64_t now = now_ms() / 1000;
    std::vector<watch::WatchedAsk> out;
    for (const auto& one : list.asks) {
      out.push_back({.bottle = bottle,
                     .ask = one.ask,
                     .host = one.host,
                     .port = one.port,
                     .method = one.method,
                     .path = one.path,
                     .ends = now + one.seconds_left,
                     .waiting = one.waiting});
    }
    model_.asks_are(bottle, std::move(out));
  }
  void ended(const std::string& bottle) override {
    changed_ = true;
    model_.bottle_ended(bottle);
  }
  // Whether something has happened since the last call.
  bool take_changed() { return std::exchange(changed_, false); }

 private:
  Model& model_;
  bool changed_ = false;
};

// The view: the terminal, the model and the bottles, in one loop.
class FullScreen {
 public:
  FullScreen(std::optional<std::string> only, const Context& context, Terminal& terminal,
             SignalWatch& signals)
      : sink_(model_),
        sources_(std::move(only), kMostHistory, context, sink_),
        deeds_(sources_, context),
        terminal_(terminal),
        signals_(signals) {}

  Expected<int> run() {
    if (auto opened = sources_.open(); !opened) return std::move(opened.error());
    for (;;) {
      model_.time_is(now_ms());
      const bool more = sources_.pump();
      dirty_ = sink_.take_changed() || dirty_;
      look_at_clock();
      if (take_keys()) return 0;
      take_deeds();
      if (const auto signal = answer_signals()) return 128 + *signal;
      draw();
      if (!more && !wait()) return 128 + SIGHUP;
    }
  }

 private:
  void look_at_clock() {
    if (Clock::now() < tick_) return;
    tick_ = Clock::now() + kTick;
    sources_.look();
    dirty_ = true;
  }

  // True: the person has quit.
  bool take_keys() {
    while (const auto key = terminal_.next_key()) {
      dirty_ = true;
      model_.key(*key);
      if (model_.wants_to_quit()) return true;
    }
    return false;
  }

  void take_deeds() {
    for (const auto& action : model_.take_actions()) {
      if (auto note = deeds_.begin(action)) {
        model_.note(note->text, note->is_trouble);
      } else {
        model_.ask_was_answered(action.bottle, action.ask);
      }
    }
    while (auto note = deeds_.next_note()) {
      model_.note(note->text, note->is_trouble);
      dirty_ = true;
    }
    if (model_.take_bell()) terminal_.ring();
  }

  // The signal to end by.
  std::optional<int> answer_signals() {
    while (const auto signal = signals_.next()) {
      switch (*signal) {
        case SIGWINCH:
          terminal_.resized();
          dirty_ = true;
          break;
        case SIGTSTP:
          terminal_.give_back();
          stop_own_job();  // returns when it goes on
          terminal_.take_again();
          dirty_ = true;
          break;
        case SIGCONT:
        case SIGCHLD:
          break;
        default:
          return *signal;
      }
    }
    return std::nullopt;
  }

  void draw() {
    if (!dirty_ || Clock::now() < frame_) return;
    terminal_.draw(model_.screen(terminal_.size()));
    frame_ = Clock::now() + kFrame;
    dirty_ = false;
  }

  // False: the terminal is gone.
  bool wait() {
    std::vector<pollfd> fds{{STDIN_FILENO, POLLIN, 0}, {signals_.fd(), POLLIN, 0}};
    sources_.add_to(fds);
    deeds_.add_to(fds);
    ::poll(fds.data(), fds.size(), ms_until(dirty_ ? std::min(frame_, tick_) : tick_));
    return (fds.front().revents & (POLLHUP | POLLERR | POLLNVAL)) == 0;
  }

  Model model_;
  ModelSink sink_;
  WatchSources sources_;
  WatchDeeds deeds_;
  Terminal& terminal_;
  SignalWatch& signals_;
  bool dirty_ = true;
  Clock::time_point tick_{};
  Clock::time_point frame_{};
};

Expected<int> run_full_screen(std::optional<std::string> only, const Context& context) {
  const auto no_colour = context.around.variable("NO_COLOR");
  // Before ncurses, which leaves signals alone that are blocked.
  SignalWatch signals;
  auto terminal = Terminal::open(context.around.variable("TERM").value_or(""),
                                 !no_colour || no_colour->empty());
  if (!terminal) return std::move(terminal.error());
  return FullScreen(std::move(only), context, **terminal, signals).run();
}

}  // namespace

Expected<int> run_watch(const WatchOptions& options, const Context& context) {
  context.reap();
  std::optional<std::string> only;
  if (options.id) {
    auto found = find_bottle(runtime_base(context.around), *options.id);
    if (!found) return std::move(found.error());
    only = std::move(found->id);
  }
  if (options.json) return run_watch_json(std::move(only), context);
  return run_full_screen(std::move(only), context);
}

}  // namespace bottle::launcher
