#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

// Every descriptor the launcher opens is close-on-exec; a child gets what Launch::fds names and
// nothing else.
struct Pipe {
  Fd read;
  Fd write;
};
Expected<Pipe> make_pipe();

// All of it, over short writes and EINTR. False: the reader is gone, or the disk is full.
bool write_all(int fd, std::string_view data);

// Blocks the signals that the launcher answers itself and turns them into something to poll.
// Construct before the first child; children get the mask and the dispositions of before.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  int fd() const { return fd_.get(); }
  // The next pending signal, without waiting.
  std::optional<int> next();

 private:
  sigset_t before_{};
  Fd fd_;
};

// One child process. The destructor kills it (SIGKILL) and reaps it unless that was done before.
class Child {
 public:
  Child() = default;
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), status_(std::exchange(other.status_, std::nullopt)) {}
  Child& operator=(Child&& other) noexcept;
  ~Child() { destroy(); }

  pid_t pid() const { return pid_; }
  explicit operator bool() const { return pid_ > 0; }
  bool running() const { return pid_ > 0 && !status_; }
  void signal(int number) const;
  // Reaps without waiting; true when the child has ended (now or before).
  bool ended();
  // Waits at most `limit` for the end.
  bool wait(std::chrono::milliseconds limit);
  // SIGTERM, `patience`, SIGTERM again, `patience`, SIGKILL; returns when the child is reaped.
  void stop(std::chrono::milliseconds patience);
  // As a shell counts: the exit status, or 128+n for a signal. Only after ended().
  int exit_status() const;

 private:
  void destroy() noexcept;

  pid_t pid_ = -1;
  std::optional<int> status_;  // as from waitpid
};

// Forks. In the child `body` runs with default signals, an empty mask, and a kernel promise that
// the child is killed when the launcher dies (renewed by keep_death_promise() after a change of
// credentials). `body` execs or returns an exit status.
Expected<Child> fork_child(const std::function<int()>& body);

// PR_SET_PDEATHSIG, then a check that the parent had not died before it took effect (then: exit).
// `parent` is the pid that forked this process.
void keep_death_promise(pid_t parent);
// Takes it back, for a child that ends by itself and has something to finish first.
void outlive_launcher();

// Prepared in the parent: everything that exec needs.
struct Launch {
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<std::string> env;   // "NAME=value"
  // {descriptor here, number there}; everything else but 0, 1, 2 is closed.
  std::vector<std::pair<int, int>> fds;
  // It is not killed when the launcher dies: it ends by itself then, since a pipe of it ends.
  bool outlives_launcher = false;
};

// Closes every descriptor from 3 on, except these.
void close_all_but(std::vector<int> kept);

// In a child: arranges descriptors and execs. Returns only on failure, with errno.
int exec_now(const Launch& launch);

// fork_child + a session of its own (so that a terminal's Ctrl-C does not reach it) + exec.
// `before_exec` runs in the child first; false from it (with errno) is a failure to start.
// Errors name argv[0]; `code` is what they end with.
Expected<Child> spawn(const Launch& launch, ExitCode code,
                      const std::function<bool()>& before_exec = {});

// Collects from `fd` until a line is complete and returns it without its end. Ends early with an
// Error of `code` that names `who`: on end of file, after `limit`, on SIGINT, SIGTERM or SIGHUP
// (then the code is 128+n), or with a line longer than 64 KiB.
Expected<std::string> await_line(int fd, SignalWatch& signals, std::chrono::milliseconds limit,
                                 const std::string& who, ExitCode code);

// Waits up to `limit` or until a signal of the kinds above has come: then an Error with 128+n.
Expected<void> pause_for(SignalWatch& signals, std::chrono::milliseconds limit);

// Stops the caller's whole job, as its terminal does at Ctrl-Z. Returns when it is continued; at
// once when no shell could do that, because the kernel then ignores the signal.
void stop_own_job();

// The executable that `name` means: itself when it has a slash, else found in `path` (as $PATH).
std::optional<std::string> find_program(const std::string& name, std::string_view path);

}  // namespace bottle::launcher
