#include "launcher/command/attach.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <optional>

#include "launcher/lifetime/held_terminal.h"
#include "launcher/lifetime/registry.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

// xterm's sequences, which full-screen programs use.
constexpr std::string_view kOtherScreen = "\033[?1049h";
constexpr std::string_view kUsualScreen = "\033[?1049l";

constexpr char kFirstKey = 'P' & 0x1f;
constexpr char kSecondKey = 'Q' & 0x1f;

// The caller's terminal hands every key through. The destructor puts it back.
class RawTerminal {
 public:
  RawTerminal() {
    ::tcgetattr(STDIN_FILENO, &before_);
    take();
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;
  ~RawTerminal() { restore(); }

  void take() const {
    termios raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  }
  // Keys that were for the agent, and answers of the terminal to it, are not for the shell.
  void restore() const { ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_); }

 private:
  termios before_{};
};

std::string size_words() {
  winsize size{};
  ::ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
  return std::to_string(size.ws_row) + " " + std::to_string(size.ws_col);
}

// How an attachment ended.
struct End {
  enum class Kind { kStatus, kDetached, kTaken, kBusy, kLost, kSignal };
  Kind kind = Kind::kLost;
  int number = 0;  // the status, or the signal
};

class Attachment {
 public:
  Attachment(Fd holder, SignalWatch& signals) : holder_(std::move(holder)), signals_(signals) {}

  End run(bool take) {
    say((take ? attach_word::kTake : attach_word::kHello) + size_words());
    while (!end_) {
      // Keys wait until the holder has taken those before: it takes none while its output waits.
      const bool all_sent = unsent_.empty();
      const auto events = static_cast<short>(all_sent ? POLLIN : POLLIN | POLLOUT);
      std::array<pollfd, 3> fds{pollfd{holder_.get(), events, 0},
                                pollfd{all_sent ? STDIN_FILENO : -1, POLLIN, 0},
                                pollfd{signals_.fd(), POLLIN, 0}};
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;
      if ((fds[0].revents & POLLOUT) != 0) send_rest();
      if ((fds[0].revents & ~POLLOUT) != 0) read_holder();
      if (!end_ && fds[1].revents != 0) read_keys();
      while (const auto signal = signals_.next()) answer(*signal);
    }
    // The caller's shell goes on where it was.
    if (screen_.other_screen()) write_all(STDOUT_FILENO, kUsualScreen);
    return *end_;
  }

 private:
  void say(std::string message) {
    // Of sizes that wait only the last one counts.
    const bool size = message.front() == attach_word::kSize;
    if (size && !unsent_.empty() && unsent_.back().front() == attach_word::kSize)
      unsent_.pop_back();
    unsent_.push_back(std::move(message));
    send_rest();
  }

  void send_rest() {
    while (!unsent_.empty()) {
      const std::string& first = unsent_.front();
      if (::send(holder_.get(), first.data(), first.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        return unsent_.clear();  // the holder is gone; its last words are still to be read
      }
      unsent_.pop_front();
    }
  }

  void read_holder() {
    std::string message(kMaxAttachMessage, '\0');
    const auto got = ::recv(holder_.get(), message.data(), message.size(), 0);
    // A reset comes once, if keys were on their way to a holder that ended: its last words follow.
    if (got < 0 && (errno == EINTR || errno == ECONNRESET)) return;
    if (got <= 0) {
      end_ = End{End::Kind::kLost};
      return;
    }
    message.resize(static_cast<std::size_t>(got));
    switch (message.front()) {
      case attach_word::kOutput:
        write_all(STDOUT_FILENO, std::string_view(message).substr(1));
        screen_.see(std::string_view(message).substr(1));
        return;
      case attach_word::kBusy:
        end_ = End{End::Kind::kBusy};
        return;
      case attach_word::kTaken:
        end_ = End{End::Kind::kTaken};
        return;
      case attach_word::kEnded:
        end_ = End{End::Kind::kStatus, std::atoi(message.c_str() + 1)};
        return;
      default:
        return;
    }
  }

  void read_keys() {
    std::array<char, 4096> chunk{};
    const auto got = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) return;
    if (got <= 0) {
      end_ = End{End::Kind::kDetached};
      return;
    }
    const auto typed = keys_.take({chunk.data(), static_cast<std::size_t>(got)});
    if (!typed.text.empty()) say(attach_word::kInput + typed.text);
    if (typed.detach) end_ = End{End::Kind::kDetached};
  }

  void answer(int signal) {
    if (signal == SIGWINCH) say(attach_word::kSize + size_words());
    if (signal == SIGCONT) {
      terminal_.take();
      say(attach_word::kSize + size_words());
    }
    if (signal == SIGTSTP) {
      terminal_.restore();
      ::raise(SIGSTOP);  // returns at SIGCONT
    }
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT) {
      end_ = End{End::Kind::kSignal, signal};
    }
  }

  const RawTerminal terminal_{};
  Fd holder_;
  SignalWatch& signals_;
  std::deque<std::string> unsent_{};  // one piece of keys at most, and a size
  DetachKeys keys_{};
  ScreenWatch screen_{};
  std::optional<End> end_{};
};

}  // namespace

std::vector<Option> attach_options(AttachOptions& to) {
  return {{.names = "ID", .into = &to.id, .help = "the bottle"},
          {.names = "--take",
           .into = &to.take,
           .help = "take the terminal over from where it is attached now"}};
}

void ScreenWatch::see(std::string_view output) {
  tail_ += output;
  const auto at = [this](std::string_view sequence) {
    const auto found = tail_.rfind(sequence);
    return found == std::string::npos ? 0 : found + 1;
  };
  const auto enters = at(kOtherScreen);
  const auto leaves = at(kUsualScreen);
  if (enters != leaves) other_ = enters > leaves;
  if (tail_.size() >= kOtherScreen.size()) tail_.erase(0, tail_.size() - kOtherScreen.size() + 1);
}

DetachKeys::Typed DetachKeys::take(std::string_view typed) {
  Typed out;
  for (const char key : typed) {
    if (half_ && key == kSecondKey) {
      half_ = false;
      out.detach = true;
      return out;
    }
    if (half_) out.text += kFirstKey;
    half_ = key == kFirstKey;
    if (!half_) out.text += key;
  }
  return out;
}

Expected<int> run_attach(const AttachOptions& options, const Context& context) {
  const auto base = runtime_base(context.around);
  const auto bottle = find_bottle(base, options.id);
  if (!bottle) return bottle.error();
  const std::string& id = bottle->id;
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDOUT_FILENO) != 1) {
    return usage_error("bottle attach needs a terminal",
                       "a command in the bottle, without one: bottle exec " + id + " COMMAND");
  }
  Fd holder = connect_attach(base / id);
  if (!holder) {
    return usage_error("bottle " + id +
                           " was not started with --detach, so its terminal is where "
                           "it was started",
                       "a second command in it: bottle exec " + id + " bash");
  }
  SignalWatch signals;
  const auto end = Attachment(std::move(holder), signals).run(options.take);
  switch (end.kind) {
    case End::Kind::kStatus:
      return end.number;
    case End::Kind::kSignal:
      return 128 + end.number;
    case End::Kind::kBusy:
      return usage_error("bottle " + id + " is attached to another terminal",
                         "take it over: bottle attach --take " + id);
    case End::Kind::kTaken:
      context.err << "\nbottle: another terminal took over bottle " << id << "\n";
      return 0;
    case End::Kind::kDetached:
      context.err << "\nbottle: detached; bottle " << id << " runs on (bottle attach " << id
                  << ")\n";
      return 0;
    case End::Kind::kLost:
      break;
  }
  return Error{ExitCode::kSystem, "the terminal of bottle " + id + " is lost",
               "bottle list shows whether the bottle runs"};
}

}  // namespace bottle::launcher
