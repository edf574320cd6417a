#pragma once

#include <string>

#include "launcher/backend/backend.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::local {

// Reads bubblewrap's --json-status-fd: it gets one JSON object when the first process exists, and
// one with "exit-code" at the end, only if the command was executed. Without the second, its exit
// status is its own and not the command's.
class BubblewrapReport {
 public:
  // `read_end` of the pipe whose other end bubblewrap has.
  explicit BubblewrapReport(Fd read_end);

  // To poll for reading; -1 once all of it has come.
  int fd() const { return pipe_.get(); }
  // Takes what is there, without waiting.
  void read();
  // The command was executed, and has ended. Certain when bubblewrap has ended.
  bool executed() const;

  // When bubblewrap has ended with `status` (as a shell counts): the command's status, or an Error
  // that says that there was none. A status above 128 without a command is the signal that ended
  // it: the bottle was killed while it was being made.
  Expected<ExitStatus> verdict(int status);

 private:
  Fd pipe_;
  std::string text_{};
};

}  // namespace bottle::launcher::local
