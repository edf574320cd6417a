#pragma once

namespace bottle::launcher {

// While it lives, no other process of this user can read this process's memory, and there is no
// core dump of it. Forked children are ordinary again (fork_child), since they have none of what is
// hidden. For a process that holds credentials for a moment.
class HiddenMemory {
 public:
  HiddenMemory();
  ~HiddenMemory() { show(); }
  HiddenMemory(const HiddenMemory&) = delete;
  HiddenMemory& operator=(const HiddenMemory&) = delete;

  // Ends it early: what was to be hidden is overwritten.
  static void show();
};

}  // namespace bottle::launcher
