#pragma once

#include <functional>
#include <string>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// Work that may have to wait, done in a child process so that this one need not. The child has a
// copy of this process's memory, and changes nothing in it; the text that it made comes back
// through a pipe. The destructor ends it at once.
class Errand {
 public:
  // `work` must not touch the terminal. An Error of it comes back as one.
  static Expected<Errand> send(const std::function<Expected<std::string>()>& work);

  // Readable when there is something to take.
  int fd() const { return pipe_.get(); }
  // Reads the bytes that are there, without waiting. True: the errand is over.
  bool is_over();
  // After its end. Of more than kMost bytes, or of a child that was killed, an Error.
  Expected<std::string> result() const;

  static constexpr std::size_t kMost = std::size_t{2} << 20;

 private:
  Errand(Child child, Fd pipe) : child_(std::move(child)), pipe_(std::move(pipe)) {}
  Child child_;
  Fd pipe_;
  std::string text_{};
  bool over_ = false;
};

}  // namespace bottle::launcher
