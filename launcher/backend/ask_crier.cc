#include "launcher/backend/ask_crier.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <ctime>
#include <deque>
#include <map>
#include <utility>

#include "launcher/lifetime/ask_talk.h"
#include "launcher/lifetime/ask_words.h"
#include "launcher/lifetime/control_talk.h"
#include "launcher/process/asked_program.h"
#include "launcher/process/desktop.h"
#include "launcher/process/errand.h"
#include "proxy/contract/control_words.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr milliseconds kAfterFailure = 1s;  // a proxy that does not answer is asked again
// Each question is a process, and the agent chooses how often the asks change.
constexpr milliseconds kBetweenLists = 300ms;
constexpr milliseconds kEnd = 2s;
constexpr milliseconds kLongest = 60s;
constexpr const char* kBy = "ask-command";

// The log of asks: a line each, up to its size.
class AskLog {
 public:
  explicit AskLog(const std::filesystem::path& file)
      : fd_(file.empty() ? -1
                         : ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
  void line(const std::string& text) const {
    struct stat info{};
    if (!fd_ || ::fstat(fd_.get(), &info) != 0) return;
    if (static_cast<std::size_t>(info.st_size) > kMaxAskLog) return;
    std::array<char, 32> time{};
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::strftime(time.data(), time.size(), "%Y-%m-%dT%H:%M:%SZ ", &utc);
    write_all(fd_.get(), time.data() + text + "\n");
  }

 private:
  Fd fd_;
};

// So many in a minute, and no more.
class MinuteBudget {
 public:
  bool take(Clock::time_point now) {
    while (!taken_.empty() && now - taken_.front() >= 1min) taken_.pop_front();
    if (taken_.size() >= kMostToldAMinute) return false;
    taken_.push_back(now);
    return true;
  }

 private:
  std::deque<Clock::time_point> taken_;
};

class Crier {
 public:
  Crier(const AskCrierSettings& settings, const TellProxy& tell)
      : settings_(settings), tell_(tell), log_(settings.log) {}

  // Until it is told to end.
  void run() {
    for (;;) {
      if (!errand_ && Clock::now() >= next_) ask_for_list();
      if (wait()) return;
      if (errand_ && errand_->is_over()) take_list();
      advance_programs();
    }
  }

 private:
  void ask_for_list() {
    auto sent = Errand::send([this] { return tell_(list_asks_message(known_)); });
    asked_ = Clock::now();
    next_ = asked_ + kAfterFailure;
    if (sent) errand_.emplace(std::move(*sent));
  }

  void take_list() {
    const auto line = errand_->result();
    errand_.reset();
    auto list = line ? read_asks(*line) : Expected<AskList>(Error(line.error()));
    if (!list) return;
    next_ = asked_ + kBetweenLists;
    known_ = list->version;
    // An ask that is over needs no answer.
    std::erase_if(programs_, [this, &list](const auto& one) {
      const bool waits = std::any_of(list->asks.begin(), list->asks.end(),
                                     [&one](const ListedAsk& ask) { return ask.ask == one.first; });
      if (!waits) log_.line("bottle: ask " + one.first + ": over before --ask-command answered");
      return !waits;
    });
    for (const ListedAsk& ask : list->asks) {
      if (std::find(told_.begin(), told_.end(), ask.ask) != told_.end()) continue;
      told_.push_back(ask.ask);
      if (told_.size() > 2 * kMaxAsks) told_.pop_front();
      if (budget_.take(Clock::now())) tell_of(ask);
    }
  }

  void tell_of(const ListedAsk& ask) {
    const std::string line = ask_line(ask, settings_.bottle);
    log_.line(line);
    say(line);
    desktop_.show(ask_title(settings_.bottle), ask_notice(ask, settings_.bottle),
                  std::chrono::seconds(ask.seconds_left));
    if (settings_.command.empty()) return;
    auto program =
        AskedProgram::start(settings_.command, ask_json(ask, settings_.bottle),
                            std::chrono::seconds(std::max<std::int64_t>(ask.seconds_left, 1)));
    if (!program) return no_answer(ask.ask, program.error().message);
    programs_.emplace(ask.ask, std::move(*program));
  }

  // The launcher may have its terminal in raw mode, where a line's end is not its begin.
  void say(const std::string& line) const {
    if (settings_.prints) write_all(STDERR_FILENO, line + "\n");
  }

  void no_answer(const std::string& ask, const std::string& why) {
    const std::string line = "bottle: ask " + ask + ": --ask-command gave no answer: " + why;
    log_.line(line);
    say(line);
  }

  void advance_programs() {
    for (auto at = programs_.begin(); at != programs_.end();) {
      if (!at->second.advance()) {
        ++at;
        continue;
      }
      take_word(at->first, at->second);
      at = programs_.erase(at);
    }
  }

  void take_word(const std::string& ask, AskedProgram& program) {
    const auto word = program.word();
    if (!word) return no_answer(ask, word.error().message);
    if (!given_answer(*word)) {
      return no_answer(ask, "it said \"" + *word + "\", which is neither allow, once nor deny");
    }
    log_.line("bottle: ask " + ask + ": --ask-command said " + *word);
    const auto said = tell_(answer_ask_message(ask, *word, kBy));
    const auto answer =
        said ? read_control_answer(*said) : Expected<ControlAnswer>(Error(said.error()));
    if (!answer) no_answer(ask, answer.error().message);
  }

  // True: it is told to end.
  bool wait() {
    std::vector<pollfd> fds{{signals_.fd(), POLLIN, 0}};
    milliseconds patience = kLongest;
    if (errand_) {
      fds.push_back({errand_->fd(), POLLIN, 0});
    } else {
      patience = std::chrono::ceil<milliseconds>(next_ - Clock::now());
    }
    for (const auto& [ask, program] : programs_) {
      fds.push_back({program.output(), POLLIN, 0});
      fds.push_back({program.errors(), POLLIN, 0});
      patience = std::min(patience, program.patience());
    }
    patience = std::max(patience, milliseconds(0));
    ::poll(fds.data(), fds.size(), static_cast<int>(patience.count()));
    while (const auto signal = signals_.next()) {
      if (*signal == SIGTERM) return true;
    }
    return false;
  }

  const AskCrierSettings& settings_;
  const TellProxy& tell_;
  SignalWatch signals_;
  AskLog log_;
  Desktop desktop_;
  MinuteBudget budget_;
  std::optional<Errand> errand_;  // for the list
  Clock::time_point asked_{};
  Clock::time_point next_{};
  std::optional<std::uint64_t> known_;
  std::deque<std::string> told_;
  std::map<std::string, AskedProgram> programs_;
};

}  // namespace

bool agent_has_the_screen() {
  return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 &&
         ::isatty(STDERR_FILENO) == 1;
}

Expected<AskCrier> AskCrier::start(const AskCrierSettings& settings, const TellProxy& tell) {
  auto child = fork_child([&settings, &tell] {
    ::setsid();
    Crier(settings, tell).run();
    return 0;
  });
  if (!child) return std::move(child.error());
  return AskCrier(std::move(*child));
}

AskCrier::~AskCrier() {
  if (child_) child_.stop(kEnd);
}

}  // namespace bottle::launcher
