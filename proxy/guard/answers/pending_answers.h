#pragma once

#include <exception>
#include <future>
#include <memory>

#include "proxy/contract/error.h"
#include "proxy/guard/answers/answer_set.h"

namespace bottle {

// An AnswerSet that is being compiled on a thread of its own: nothing needs it before the first
// answer comes, so the start does not wait for it. Shared by all threads.
class PendingAnswers {
 public:
  using Made = Expected<std::unique_ptr<const AnswerSet>>;

  explicit PendingAnswers(Made (*make)() = &AnswerSet::make)
      : compiling_(std::async(std::launch::async, make).share()) {}
  PendingAnswers(const PendingAnswers&) = delete;
  PendingAnswers& operator=(const PendingAnswers&) = delete;

  // Waits until it is there. Null: it could not be made, and no answer can be looked at. Lives as
  // long as this.
  [[nodiscard]] const AnswerSet* wait() const {
    try {
      const Made& made = compiling_.get();
      return made ? made->get() : nullptr;
    } catch (const std::exception&) {
      return nullptr;
    }
  }

 private:
  std::shared_future<Made> compiling_;
};

}  // namespace bottle
