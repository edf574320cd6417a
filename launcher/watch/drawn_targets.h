#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "launcher/watch/screen.h"

namespace bottle::launcher::watch {

struct WatchedAsk;
struct WatchState;

// The name of a thing that keys like 'a' act on.
std::string target_name(const WatchedAsk& ask);
std::string target_name(std::uint64_t row);

// The asks and rows of the last screen, each with the time since which every screen has had it.
class DrawnTargets {
 public:
  // A screen of that size is drawn for `state`.
  void screen_has(const WatchState& state, Size size);
  bool has_stood(const std::string& target, std::int64_t now_ms) const;

 private:
  std::map<std::string, std::int64_t> since_{};
};

}  // namespace bottle::launcher::watch
