#pragma once

namespace bottle {

// Something that may be waited on and whose wait can be ended early. A Deadline cancels one.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  // Ends the waits that are pending now; later waits are not affected. Any time, never waits.
  virtual void cancel() noexcept = 0;
};

}  // namespace bottle
