#include "launcher/lifetime/terminal_holder.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "launcher/lifetime/held_terminal.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;

// For an attachment that does not take its last words.
constexpr std::chrono::seconds kLastWordsLimit{2};
constexpr std::size_t kPiece = kMaxAttachMessage - 1;

// The output of the terminal: its last part here, more of it in a file.
class KeptOutput {
 public:
  void log_to(const std::filesystem::path& file) {
    file_ = file;
    open_log();
    write_log(shown_);
  }
  void add(std::string_view text) {
    shown_ += text;
    if (shown_.size() > kShownAgain) shown_.erase(0, shown_.size() - kShownAgain);
    write_log(text);
  }
  const std::string& shown() const { return shown_; }

 private:
  void open_log() {
    log_ = Fd(::open(file_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    size_ = 0;
  }
  void write_log(std::string_view text) {
    if (!log_) return;
    if (size_ + text.size() > kMaxOutputLog) {
      std::error_code ec;
      std::filesystem::rename(file_, file_.string() + ".1", ec);
      open_log();
    }
    // A full disk does not end the bottle.
    if (log_ && write_all(log_.get(), text)) size_ += text.size();
  }

  std::string shown_{};
  std::filesystem::path file_{};
  Fd log_{};
  std::size_t size_ = 0;
};

class Holder {
 public:
  explicit Holder(HeldThings things)
      : master_(std::move(things.master)),
        socket_(std::move(things.socket)),
        control_(std::move(things.control)),
        errors_(std::move(things.errors)),
        caller_(std::move(things.caller)) {
    ::fcntl(errors_.get(), F_SETFL, O_NONBLOCK);
  }

  int run() {
    while (!end_ || (client_ && !to_client_.empty() && Clock::now() < *end_)) {
      wait();
      if (fds_[kErrors].revents != 0) read_errors();
      if (fds_[kControl].revents != 0) read_control();
      if (fds_[kMaster].revents != 0) move_terminal(fds_[kMaster].revents);
      if (fds_[kClient].revents != 0) serve(fds_[kClient].revents);
      if (fds_[kNew].revents != 0) read_new();
      if (fds_[kSocket].revents != 0) accept_one();
    }
    return 0;
  }

 private:
  enum Slot : std::size_t { kControl, kErrors, kMaster, kSocket, kClient, kNew, kSlots };

  void wait() {
    const auto events = [](bool in, bool out) {
      return static_cast<short>((in ? POLLIN : 0) | (out ? POLLOUT : 0));
    };
    fds_.fill({-1, 0, 0});
    if (!end_) fds_[kControl] = {control_.get(), POLLIN, 0};
    if (errors_ && to_client_.empty()) fds_[kErrors] = {errors_.get(), POLLIN, 0};
    // A slow attachment slows the agent down, as a slow terminal does.
    const short terminal = events(to_client_.empty(), !to_terminal_.empty());
    if (terminal != 0 && !end_) fds_[kMaster] = {master_.get(), terminal, 0};
    if (listens_) fds_[kSocket] = {socket_.get(), POLLIN, 0};
    const short client = events(to_terminal_.empty(), !to_client_.empty());
    if (client_) fds_[kClient] = {client_.get(), client, 0};
    if (new_) fds_[kNew] = {new_.get(), POLLIN, 0};
    constexpr int kTick = 200;
    if (::poll(fds_.data(), fds_.size(), end_ ? kTick : -1) <= 0) {
      for (auto& fd : fds_) fd.revents = 0;
    }
  }

  void read_control() {
    std::array<char, 8192> chunk{};
    const auto got = ::read(control_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) return;
    if (got > 0) words_.append(chunk.data(), static_cast<std::size_t>(got));
    for (auto end = words_.find('\n'); end != std::string::npos; end = words_.find('\n')) {
      const std::string line = words_.substr(0, end);
      words_.erase(0, end + 1);
      if (line.starts_with("listen ")) {
        output_.log_to(line.substr(7));
        listens_ = true;
        read_errors();
        caller_.reset();
      } else if (line.starts_with("ended ")) {
        return finish(line.substr(6));
      }
    }
    // Without a word the launcher was killed.
    if (got <= 0) finish(std::to_string(128 + SIGKILL));
  }

  void finish(const std::string& status) {
    while (read_output()) {
    }
    read_errors();
    caller_.reset();
    say(attach_word::kEnded + status);
    end_ = Clock::now() + kLastWordsLimit;
  }

  // All that is there. A reader of lines from a pipe becomes one of a terminal: \r\n.
  void read_errors() {
    std::array<char, kPiece / 2> chunk{};
    for (ssize_t got = 0; (got = ::read(errors_.get(), chunk.data(), chunk.size())) != 0;) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return;
      const std::string_view text(chunk.data(), static_cast<std::size_t>(got));
      if (caller_ && !write_all(caller_.get(), text)) caller_.reset();
      std::string shown;
      for (const char c : text) shown += c == '\n' ? std::string("\r\n") : std::string(1, c);
      output_.add(shown);
      say(attach_word::kOutput + shown);
    }
    errors_.reset();
  }

  // False: there is none now.
  bool read_output() {
    std::array<char, kPiece> chunk{};
    const auto got = ::read(master_.get(), chunk.data(), chunk.size());
    if (got <= 0) return false;
    const std::string_view text(chunk.data(), static_cast<std::size_t>(got));
    output_.add(text);
    say(attach_word::kOutput + std::string(text));
    return true;
  }

  void move_terminal(short ready) {
    if ((ready & POLLOUT) != 0) write_terminal();
    if ((ready & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_output() && errno == EIO) {
      // The launcher has closed its side, and is about to say how it ended.
      master_.reset();
    }
  }

  void write_terminal() {
    const auto put = ::write(master_.get(), to_terminal_.data(), to_terminal_.size());
    if (put > 0) to_terminal_.erase(0, static_cast<std::size_t>(put));
    if (put < 0 && errno != EAGAIN && errno != EINTR) to_terminal_.clear();
  }

  void say(std::string message) {
    if (!client_) return;
    to_client_.push_back(std::move(message));
    write_client();
  }

  void write_client() {
    while (!to_client_.empty()) {
      const auto& message = to_client_.front();
      const auto put = ::send(client_.get(), message.data(), message.size(), MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return;
      if (put < 0) return drop_client();
      to_client_.pop_front();
    }
  }

  void drop_client() {
    client_.reset();
    to_client_.clear();
  }

  // nullopt: there is none now. Empty: the other end is gone.
  static std::optional<std::string> message_of(const Fd& from) {
    std::string out(kMaxAttachMessage, '\0');
    const auto got = ::recv(from.get(), out.data(), out.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::nullopt;
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }

  void serve(short ready) {
    if ((ready & POLLOUT) != 0) write_client();
    if (!client_ || (ready & (POLLIN | POLLHUP | POLLERR)) == 0) return;
    const auto message = message_of(client_);
    if (!message) return;
    if (message->empty()) return drop_client();
    if (message->front() == attach_word::kSize) set_size(message->substr(1));
    if (message->front() == attach_word::kInput && master_) {
      to_terminal_ += message->substr(1);
      write_terminal();
    }
  }

  void set_size(const std::string& words, bool redraw = false) {
    unsigned rows = 0;
    unsigned columns = 0;
    if (std::sscanf(words.c_str(), "%u %u", &rows, &columns) != 2) return;
    winsize size{};
    size.ws_row = static_cast<unsigned short>(std::clamp(rows, 1U, 1000U));
    size.ws_col = static_cast<unsigned short>(std::clamp(columns, 1U, 1000U));
    // A program draws anew when the size changes.
    if (redraw) {
      winsize other = size;
      ++other.ws_row;
      ::ioctl(master_.get(), TIOCSWINSZ, &other);
    }
    ::ioctl(master_.get(), TIOCSWINSZ, &size);
  }

  // One at a time waits for its first message; the others wait in the kernel.
  void accept_one() {
    if (new_) return;
    new_ = Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (new_ && (::getsockopt(new_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
                 peer.uid != ::getuid())) {
      new_.reset();
    }
  }

  void read_new() {
    const auto message = message_of(new_);
    if (!message) return;
    Fd asked = std::exchange(new_, Fd());
    const char kind = message->empty() ? '\0' : message->front();
    if (kind != attach_word::kHello && kind != attach_word::kTake) return;
    if (client_ && kind == attach_word::kHello) {
      ::send(asked.get(), &attach_word::kBusy, 1, MSG_NOSIGNAL);
      return;
    }
    if (client_) ::send(client_.get(), &attach_word::kTaken, 1, MSG_NOSIGNAL);
    drop_client();
    client_ = std::move(asked);
    const auto& shown = output_.shown();
    for (std::size_t at = 0; at < shown.size(); at += kPiece) {
      say(attach_word::kOutput + shown.substr(at, kPiece));
    }
    set_size(message->substr(1), true);
  }

  Fd master_;
  Fd socket_;
  Fd control_;
  Fd errors_;
  Fd caller_;
  Fd client_{};
  Fd new_{};
  bool listens_ = false;
  std::string words_{};                  // of the launcher, up to a line
  std::string to_terminal_{};            // typed; at most one message
  std::deque<std::string> to_client_{};  // the output that is shown again, and one message
  KeptOutput output_{};
  std::array<pollfd, kSlots> fds_{};
  std::optional<Clock::time_point> end_{};  // the launcher has ended; nothing waits longer
};

}  // namespace

int hold_terminal(HeldThings things) { return Holder(std::move(things)).run(); }

}  // namespace bottle::launcher
