#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "certs/ca_papers.h"
#include "certs/certificate_authority.h"
#include "certs/signer.h"
#include "proxy/contract/error.h"
#include "proxy/contract/fd.h"
#include "proxy/keeper/engine_link.h"
#include "proxy/keeper/restart_budget.h"

namespace bottle {

// How an engine ended that was not to end.
struct EngineEnd {
  std::string how;  // "signal 11 (Segmentation fault)", "status 70"
  std::chrono::system_clock::time_point when{};
};

// All that an engine is started with. Its descriptors and what they name are the engine's own.
struct EngineStart {
  unsigned number = 0;                // 0 is the first
  std::optional<EngineEnd> before{};  // of the one before
  EngineLink link;
  Fd signer;                          // for a SignerClient
  std::array<Fd, kKeptKinds> kept{};  // the newest that engines before it have handed over
};

// The program's first process. It has what outlives a crash: the listening sockets, the secrets as
// they were handed over, the state that engines hand over, and two children: the signer, which has
// the CA's key, and the engine, which serves (docs/processes.md). It reads nothing of what an agent
// or an origin sent. An engine that ends unexpectedly is started again; a signer is not, since its
// key is gone. One thread, and no other may run when it starts a child. Made and run by main.
class Keeper {
 public:
  // Runs in a new process, whose memory is a copy of this one's, and returns its exit status.
  using Engine = std::function<int(EngineStart)>;
  struct Options {
    std::chrono::milliseconds patience{};  // an engine that was told to end is killed after it
    SignerLimits signer{};
  };

  // Starts the signer, which makes the CA. The Error says why not.
  [[nodiscard]] static Expected<Keeper> start(const CaOptions& ca, const Options& options);
  Keeper(Keeper&&) noexcept = default;
  Keeper& operator=(Keeper&&) = delete;
  ~Keeper();

  [[nodiscard]] const CaPapers& papers() const noexcept { return papers_; }
  // Called once, when the first engine serves.
  void on_ready(std::function<void()> call) { on_ready_ = std::move(call); }
  // Until the engine ends for good. The exit status of the program. SIGTERM and SIGINT end it,
  // SIGHUP has files read again.
  [[nodiscard]] int run(const Engine& engine);

 private:
  // A process that dies with its object.
  class Process {
   public:
    Process() = default;
    explicit Process(int pid) noexcept : pid_(pid) {}
    Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    Process& operator=(Process&& other) noexcept {
      std::swap(pid_, other.pid_);
      return *this;
    }
    ~Process();
    [[nodiscard]] bool runs() const noexcept { return pid_ > 0; }
    // Its status as from waitpid, if it has ended.
    [[nodiscard]] std::optional<int> ended() noexcept;
    void kill() const noexcept;

   private:
    int pid_ = -1;
  };

  Keeper(CaPapers papers, const Options& options) noexcept;
  [[nodiscard]] bool begin_engine(const Engine& engine);
  void take_news();
  void take_signals();
  // The exit status of the program; nothing: go on.
  [[nodiscard]] std::optional<int> look_at_children(const Engine& engine);
  [[nodiscard]] std::optional<int> after_crash(int status);
  [[nodiscard]] int wait_milliseconds() const;

  using Clock = std::chrono::steady_clock;
  CaPapers papers_;
  Options options_;
  std::function<void()> on_ready_ = [] {};
  Process signer_;
  Fd signer_asks_;  // each engine gets a copy
  Fd signals_;
  Process engine_;
  KeeperLink link_;
  std::array<Fd, kKeptKinds> kept_{};
  unsigned number_ = 0;
  bool ready_ = false;  // the first engine was
  std::optional<EngineEnd> before_;
  std::optional<Clock::time_point> next_start_;
  std::optional<Clock::time_point> kill_at_;
  unsigned terminates_ = 0;
  RestartBudget budget_;
};

}  // namespace bottle
