#pragma once

#include <future>
#include <memory>

#include "proxy/contract/error.h"
#include "proxy/guard/answers/answer_set.h"

namespace bottle {

// An AnswerSet that is being compiled on a thread of its own: nothing needs it before the first
// answer comes, so the start does not wait for it. Shared by all threads.
class PendingAnswers {
 public:
  PendingAnswers() : compiling_(std::async(std::launch::async, &AnswerSet::make).share()) {}
  PendingAnswers(const PendingAnswers&) = delete;
  PendingAnswers& operator=(const PendingAnswers&) = delete;

  // Waits until it is there. Null: it could not be made. Lives as long as this.
  [[nodiscard]] const AnswerSet* wait() const {
    const Made& made = compiling_.get();
    return made ? made->get() : nullptr;
  }

 private:
  using Made = Expected<std::unique_ptr<const AnswerSet>>;
  std::shared_future<Made> compiling_;
};

}  // namespace bottle
