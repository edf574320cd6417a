#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "launcher/process/process.h"

namespace bottle::launcher {

// Whole lines of one part of an audit log: of its older files, then of the current one, which may
// grow and be rotated.
class PartLines {
 public:
  // `most`: so many bytes that are there now are read at most, the newest ones.
  PartLines(std::filesystem::path file, std::uint64_t most);

  bool is_there() const { return fd_ || !older_.empty(); }
  // The next line, without its end; nullptr: there is none now. The same until take().
  const std::string* peek();
  void take();
  // No more will come: what has no line end yet is a line too.
  void finish();
  // Looks whether the log was rotated, or has come at last. False: all is as it was.
  bool renew();

 private:
  void skip_all_but(std::uint64_t most);
  bool open(const std::filesystem::path& file);
  bool open_current();
  bool go_on();
  bool fill();
  void cut_line();

  std::filesystem::path file_;
  std::vector<std::filesystem::path> older_;  // not yet read, the oldest first
  Fd fd_;
  bool current_ = false;    // the open file was opened as `file_`
  bool replaced_ = false;   // the open file was moved away; once it is read, `file_` is next
  std::uint64_t skip_ = 0;  // bytes of the first file that are not read
  std::string chunk_;       // bytes that were read; from at_ on they are not cut into lines yet
  std::size_t at_ = 0;
  bool cut_off_ = false;  // the next bytes are the rest of a line that is too long and left out
  std::string line_;
  bool ready_ = false;  // line_ is whole
};

}  // namespace bottle::launcher
