#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "proxy/body/answer_inspection.h"
#include "proxy/body/body_filter.h"
#include "proxy/contract/finding_record.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/http/byte_queue.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// An answer's body that is looked at on its way. Findings go to the passage. Under
// AnswerRule::Note nothing else happens, and a body that cannot be read passes without being looked
// at. Under Block a find is a Failure in place of the piece in which it was found, and so is a body
// that cannot be read. The last KiB is held back until more comes: the guard finds some sentences
// only behind their end, and they must not have gone out. A stream of events or messages is not
// held back: its client may have to act on one before the next comes.
class InspectedBody final : public BodyFilter {
 public:
  static constexpr std::size_t kHeldBack = 1024;

  // `events`: a stream of events or messages. `passage` outlives it.
  InspectedBody(std::unique_ptr<BodySource> inner, std::unique_ptr<AnswerInspection> inspection,
                AnswerRule rule, bool events, Passage& passage);

  // Looks at what can be read without waiting, before anything is handed out. A Failure: the answer
  // must not be passed on.
  [[nodiscard]] awaitable<Result<>> look_at_beginning(std::size_t most);

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override {
    return !held_.empty() || BodyFilter::ready();
  }

 private:
  [[nodiscard]] Result<> look(const Chunk& chunk);
  [[nodiscard]] Result<> report();
  [[nodiscard]] std::size_t held_back() const;

  std::unique_ptr<AnswerInspection> inspection_;  // null: the body could not be read
  const bool blocks_;
  const bool events_;
  const bool scanned_before_;  // by another
  Passage& passage_;
  ByteQueue held_;  // looked at
  std::optional<Fields> trailers_;
};

}  // namespace bottle
