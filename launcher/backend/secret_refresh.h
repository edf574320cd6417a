#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launcher/plan/secret_source.h"
#include "launcher/process/process.h"
#include "proxy/contract/error.h"

namespace bottle::launcher {

// When a command is run again: after nine tenths of its ttl; after a failure in a second, and then
// in twice as long each time, up to a minute. Until then the old value stays.
class RefreshTimes {
 public:
  using Time = std::chrono::milliseconds;  // of a clock that counts a suspended machine's time
  RefreshTimes(std::chrono::seconds ttl, Time now) : ttl_(ttl) { succeeded(now); }
  [[nodiscard]] Time due() const noexcept { return due_; }
  [[nodiscard]] bool failing() const noexcept { return failures_ > 0; }
  void succeeded(Time now);
  void failed(Time now);

 private:
  std::chrono::seconds ttl_;
  Time due_{0};
  unsigned failures_ = 0;
};

// Says a message to the bottle's proxy, and returns its answer's line.
using TellProxy = std::function<Expected<std::string>(const std::string& message)>;
using TakeValue = std::function<Expected<std::string>(const SecretSource& source)>;

// Starts a child that renews the values of the sources that have a ttl, to its own end. It ends
// with the launcher, and no signal of the terminal reaches it. Nothing if there is no such source.
Expected<std::optional<Child>> start_refresh(const std::vector<SecretSource>& sources,
                                             const TakeValue& take, const TellProxy& tell);

// One try: takes a value and hands it over. Trouble is also told to the proxy, whose log and
// list have it. `was_failing`: the trouble before is over, if this goes well.
bool refresh_once(const SecretSource& source, bool was_failing, const TakeValue& take,
                  const TellProxy& tell);

}  // namespace bottle::launcher
