#pragma once

#include <chrono>
#include <list>
#include <string>

#include "launcher/process/process.h"

namespace bottle::launcher {

// Notices on the person's desktop, by notify-send. Without a display or that program it shows none.
class Desktop {
 public:
  // Looks for both in this process's environment.
  Desktop();

  // Waits for nothing. `lasts`: how long the notice stands; 0: as the desktop has it. `text` may be
  // read as HTML.
  void show(const std::string& title, const std::string& text, std::chrono::seconds lasts = {});

 private:
  struct Notice {
    Child child;
    std::chrono::steady_clock::time_point until;
  };
  std::string program_;  // empty: none
  std::list<Notice> notices_;
};

}  // namespace bottle::launcher
