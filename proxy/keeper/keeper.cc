#include "proxy/keeper/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "proxy/contract/exit_code.h"
#include "proxy/keeper/own_descriptors.h"
#include "proxy/keeper/signer_process.h"

namespace bottle {
namespace {

constexpr std::size_t kMostPapers = 1024 * 1024;  // a CA with many constraints has 100 KiB

Error no_process(std::string_view what) {
  return Error{ExitCode::kInternal,
               std::string(what) + " cannot be started: " + std::strerror(errno),
               "look at the limits on processes and descriptors"};
}

sigset_t own_signals() {
  sigset_t out;
  sigemptyset(&out);
  for (const int one : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&out, one);
  return out;
}

// In a new child: it lives no longer than the keeper, and takes the keeper's word alone. Signals to
// a whole process group, or from a service manager to all processes, would otherwise count twice.
void become_child(const char* name, pid_t keeper) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::getppid() != keeper) ::_exit(to_status(ExitCode::kInternal));
  ::prctl(PR_SET_NAME, name, 0, 0, 0);
  for (const int one : {SIGTERM, SIGINT, SIGHUP}) std::signal(one, SIG_IGN);
  const sigset_t own = own_signals();
  ::pthread_sigmask(SIG_UNBLOCK, &own, nullptr);
}

std::string end_of(int status) {
  if (WIFSIGNALED(status)) {
    const int number = WTERMSIG(status);
    return "signal " + std::to_string(number) + " (" + ::strsignal(number) + ")";
  }
  return "status " + std::to_string(WEXITSTATUS(status));
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 16384> piece{};
  while (text.size() <= kMostPapers) {
    const ssize_t got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

Keeper::Process::~Process() {
  if (!runs()) return;
  kill();
  ::waitpid(pid_, nullptr, 0);
}

std::optional<int> Keeper::Process::ended() noexcept {
  int status = 0;
  if (!runs() || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  return status;
}

void Keeper::Process::kill() const noexcept {
  if (runs()) ::kill(pid_, SIGKILL);
}

Keeper::Keeper(CaPapers papers, const Options& options) noexcept
    : papers_(std::move(papers)), options_(options) {}

Keeper::~Keeper() = default;

Expected<Keeper> Keeper::start(const CaOptions& ca, const Options& options) {
  const sigset_t own = own_signals();
  ::pthread_sigmask(SIG_BLOCK, &own, nullptr);
  Fd signals(::signalfd(-1, &own, SFD_CLOEXEC | SFD_NONBLOCK));
  std::array<int, 2> pair{};
  std::array<int, 2> pipe{};
  if (!signals || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) {
    return no_process("the signer");
  }
  Fd asks(pair[0]);
  Fd answers(pair[1]);
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return no_process("the signer");
  Fd papers_out(pipe[0]);
  Fd papers_in(pipe[1]);
  const pid_t keeper = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return no_process("the signer");
  if (pid == 0) {
    become_child("bottle-signer", keeper);
    const std::array<int, 2> kept{answers.get(), papers_in.get()};
    close_all_but(kept);
    ::_exit(be_signer(ca, options.signer, std::move(answers), std::move(papers_in)));
  }
  Process signer(pid);
  papers_in.reset();
  answers.reset();
  const std::string text = read_all(papers_out.get());
  auto papers = papers_in_words(text);
  if (!papers) return papers.error();
  Keeper out(std::move(*papers), options);
  out.signer_ = std::move(signer);
  out.signer_asks_ = std::move(asks);
  out.signals_ = std::move(signals);
  return out;
}

bool Keeper::begin_engine(const Engine& engine) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0) return false;
  Fd ours(pair[0]);
  Fd theirs(pair[1]);
  const pid_t keeper = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) {
    become_child("bottle-engine", keeper);
    ours.reset();
    signals_.reset();
    EngineStart start{.number = number_,
                      .before = std::move(before_),
                      .link = EngineLink(std::move(theirs)),
                      .signer = std::move(signer_asks_),
                      .kept = std::move(kept_)};
    // exit(): what the keeper has on its stack is the keeper's to end.
    std::exit(engine(std::move(start)));
  }
  engine_ = Process(pid);
  link_ = KeeperLink(std::move(ours));
  before_.reset();
  ++number_;
  return true;
}

void Keeper::take_news() {
  if (link_.fd() < 0) return;
  while (auto news = link_.next()) {
    if (news->ready && !ready_) {
      ready_ = true;
      on_ready_();
    }
    if (news->kind) kept_.at(static_cast<std::size_t>(*news->kind)) = std::move(news->file);
  }
}

void Keeper::take_signals() {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGHUP && engine_.runs()) link_.order(KeeperOrder::Reload);
    if (number != SIGTERM && number != SIGINT) continue;
    ++terminates_;
    if (engine_.runs()) link_.order(KeeperOrder::Terminate);
    if (!kill_at_) kill_at_ = Clock::now() + options_.patience;
  }
}

std::optional<int> Keeper::after_crash(int status) {
  const std::string how = end_of(status);
  const bool own_end = WIFEXITED(status) && WEXITSTATUS(status) != to_status(ExitCode::kInternal);
  // Before it served nothing can have crashed it but the configuration or this machine.
  if (own_end || !ready_) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : to_status(ExitCode::kInternal);
  }
  // Exchanges under way are cut, as at the end of a drain that was too short.
  if (terminates_ > 0) return to_status(ExitCode::kNotDrained);
  before_ = EngineEnd{.how = how, .when = std::chrono::system_clock::now()};
  const auto wait = budget_.ended(Clock::now());
  if (!wait) {
    spdlog::critical("the engine ended by {}, as it did too often: the proxy is broken, and ends",
                     how);
    return to_status(ExitCode::kInternal);
  }
  spdlog::error("the engine ended by {}; another one starts in {} ms", how, wait->count());
  next_start_ = Clock::now() + *wait;
  return std::nullopt;
}

std::optional<int> Keeper::look_at_children(const Engine& engine) {
  if (signer_.ended()) {
    spdlog::critical("the signer ended, and the CA's key with it: the proxy ends");
    engine_.kill();
    return to_status(ExitCode::kInternal);
  }
  if (const auto status = engine_.ended()) {
    take_news();  // its last words
    if (const auto end = after_crash(*status)) return end;
  }
  if (!engine_.runs() && terminates_ > 0) return to_status(ExitCode::kNotDrained);
  if (next_start_ && Clock::now() >= *next_start_) {
    next_start_.reset();
    if (!begin_engine(engine)) {
      spdlog::critical("no engine can be started: {}", std::strerror(errno));
      return to_status(ExitCode::kInternal);
    }
  }
  if (kill_at_ && Clock::now() >= *kill_at_) {
    spdlog::error("the engine did not end in time, and is killed");
    engine_.kill();
    kill_at_.reset();
  }
  return std::nullopt;
}

int Keeper::wait_milliseconds() const {
  std::optional<Clock::time_point> due = next_start_;
  if (kill_at_ && (!due || *kill_at_ < *due)) due = kill_at_;
  if (!due) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

int Keeper::run(const Engine& engine) {
  next_start_ = Clock::now();
  for (;;) {
    if (const auto end = look_at_children(engine)) return *end;
    // A dead engine's end of the link would be readable for ever.
    const int link = engine_.runs() ? link_.fd() : -1;
    std::array<pollfd, 2> ready{pollfd{signals_.get(), POLLIN, 0}, pollfd{link, POLLIN, 0}};
    ::poll(ready.data(), ready.size(), wait_milliseconds());
    if ((ready[1].revents & POLLIN) != 0) take_news();
    take_signals();
  }
}

}  // namespace bottle
