#pragma once

#include <string>

namespace bottle::launcher {

// Tells a person what is being waited for, when that takes longer than kProgressDelay: one line on
// stderr. Its life is the wait. One at a time in a process; it has the process's SIGALRM and its
// interval timer meanwhile, neither of which a child inherits.
class Progress {
 public:
  // "starting bottle-proxy". With `quiet` it does nothing.
  Progress(const std::string& what, bool quiet);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

 private:
  bool armed_ = false;
};

inline constexpr long kProgressDelay = 1;  // s

}  // namespace bottle::launcher
