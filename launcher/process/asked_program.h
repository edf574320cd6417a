#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// A program of the person's that is given a text as its standard input and answers with a word on
// its standard output. It runs beside its owner, who waits at fds() and calls advance(). The
// destructor kills it with all that it started in its session.
class AskedProgram {
 public:
  // No shell; the caller's environment. The Error says why it does not run.
  static Expected<AskedProgram> start(const std::vector<std::string>& words,
                                      const std::string& input, std::chrono::milliseconds limit);
  AskedProgram(AskedProgram&& other) noexcept = default;
  AskedProgram& operator=(AskedProgram&& other) noexcept = delete;
  ~AskedProgram();

  // Descriptors to wait at for reading; -1: none.
  [[nodiscard]] int output() const { return output_ ? output_.get() : -1; }
  [[nodiscard]] int errors() const { return errors_ ? errors_.get() : -1; }
  // How long advance() need not be called if nothing can be read.
  [[nodiscard]] std::chrono::milliseconds patience() const;
  // Reads the bytes that are there, without waiting. True: it is over, or its time was up and it is
  // killed.
  bool advance();
  // After that. The first word that it printed; the Error says why there is none, perhaps with the
  // last line of its standard error.
  [[nodiscard]] Expected<std::string> word();

  static constexpr std::size_t kMostOutput = 4096;

 private:
  using Time = std::chrono::steady_clock::time_point;
  AskedProgram(Child child, Fd output, Fd errors, Time until)
      : child_(std::move(child)),
        output_(std::move(output)),
        errors_(std::move(errors)),
        until_(until) {}
  void kill_all();

  Child child_;
  Fd output_;
  Fd errors_;
  Time until_;
  std::string said_{};
  std::string complained_{};
  bool too_much_ = false;
  bool late_ = false;
};

}  // namespace bottle::launcher
