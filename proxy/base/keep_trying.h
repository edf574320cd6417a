#pragma once

#include <chrono>
#include <new>
#include <thread>

namespace bottle {

// Before one more try of something that has to happen and had no memory. The first tries cost
// nothing: a short lack is over by then. Later ones block the thread, which could do nothing
// anyway, until others have given some back.
inline void await_memory(int tries) {
  constexpr int kAtOnce = 64;
  if (tries >= kAtOnce) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

// For what an end in good order cannot do without: `make` is called until memory suffices.
template <class Make>
auto keep_trying(Make make) {
  for (int tries = 0;; ++tries) {
    try {
      return make();
    } catch (const std::bad_alloc&) {
      await_memory(tries);
    }
  }
}

// The same with an end: false, `act` had no memory for a while.
template <class Act>
bool try_for_a_while(Act act) noexcept {
  constexpr int kTries = 96;
  for (int tries = 0; tries < kTries; ++tries) {
    try {
      act();
      return true;
    } catch (const std::bad_alloc&) {
      await_memory(tries);
    }
  }
  return false;
}

}  // namespace bottle
