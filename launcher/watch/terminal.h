#pragma once

#include <memory>
#include <optional>
#include <string>

#include "launcher/watch/model.h"
#include "launcher/watch/screen.h"
#include "proxy/contract/error.h"

namespace bottle::launcher::watch {

// The terminal of this process, while a full-screen view has it. ncurses is behind it, and nowhere
// else. One at a time; the destructor gives the terminal back as it was.
class Terminal {
 public:
  // Fails if standard input or output is no terminal, or one that cannot move its cursor. `term` is
  // the value of TERM.
  static Expected<std::unique_ptr<Terminal>> open(const std::string& term, bool coloured);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Size size() const;
  void draw(const Screen& screen);
  void ring();
  // The next key that was pressed, without waiting. Keys without a meaning are left out.
  std::optional<Key> next_key();
  // The window has another size.
  void resized();
  // Before the job is suspended, and when it goes on.
  void give_back();
  void take_again();

 private:
  explicit Terminal(bool coloured);
  struct Handle;
  std::unique_ptr<Handle> handle_;
};

}  // namespace bottle::launcher::watch
