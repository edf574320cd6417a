#pragma once

#include "launcher/watch/model.h"
#include "launcher/watch/screen.h"

namespace bottle::launcher::watch {

// The places of the parts of a screen.
struct Layout {
  explicit Layout(const WatchState& state, Size size);
  bool fits = false;  // false: the window is too small for anything
  int left = 0;       // the first column right of the bottles
  int width = 0;      // of the part right of the bottles
  int first_ask = 0;
  int asks = 0;     // rows
  int top_ask = 0;  // the number of the ask that is in the first of them
  int head = 0;
  int body = 0;  // the first row of the list, the detail or the help
  int rows = 0;  // of it
  int panel = 0;
  int foot = 0;
};

// The screen for a state. `state.top` and `state.scrolled` must fit: Model sees to it.
Screen draw(const WatchState& state, Size size);
// The lines of the detail of a row, or of the help, at that width.
std::vector<std::string> detail_lines(const WatchState& state, const ExchangeRow& row, int width);
std::vector<std::string> help_lines();

}  // namespace bottle::launcher::watch
