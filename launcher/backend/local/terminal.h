#pragma once

#include <termios.h>

#include <optional>
#include <string>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// The caller's terminal, connected to a pseudo terminal that only the agent has. So job control,
// Ctrl-C and full-screen programs work in the bottle, and nothing done to the agent's terminal
// (TIOCSTI, for one) reaches the caller's. The destructor puts the caller's terminal back.
class Terminal {
 public:
  // Whether open() gives one.
  static bool is_there();
  // nullopt when standard input and output are not both a terminal: then the streams are passed on
  // as they are.
  static Expected<std::optional<Terminal>> open();

  Terminal(Terminal&& other) noexcept;
  Terminal& operator=(Terminal&&) = delete;
  ~Terminal();

  // The agent's side. Close it once the agent has it.
  Fd& agent_side() { return agent_side_; }
  int master() const { return master_.get(); }

  // The caller's terminal hands everything through from now on, and has told its size. Nothing
  // happens while the caller's job is in the background: then the terminal is others'. Call again
  // until held(), and after the job was continued.
  void take();
  // Puts the caller's terminal back.
  void restore();
  // The caller's job was continued by a shell, which has set the terminal as it wants it.
  void job_continued();
  bool held() const { return held_; }
  void copy_window_size() const;
  // Moves all that the command has written so far. False: no more will come.
  bool drain_output();
  // Moves what is there, both ways, without waiting; call when poll says so. False: no more input.
  bool copy_input();
  bool copy_output();
  bool wants_input() const { return held_ && input_open_ && pending_.empty(); }
  bool wants_to_write() const { return !pending_.empty(); }
  void flush_input();
  // The process group that has the agent's terminal, as numbered here; -1 if none.
  pid_t foreground() const;

 private:
  Terminal(Fd master, Fd agent_side, const termios& before)
      : master_(std::move(master)), agent_side_(std::move(agent_side)), before_(before) {}

  Fd master_;
  Fd agent_side_;
  termios before_{};
  bool held_ = false;  // its modes are ours
  bool input_open_ = true;
  std::string pending_;  // typed, not yet taken by the agent's side; at most one read's worth
};

}  // namespace bottle::launcher::local
