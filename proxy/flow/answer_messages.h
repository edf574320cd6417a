#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "proxy/body/answer_inspection.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/flow/message_look.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Looks at the messages that come back through a tunnel as answers are looked at (InspectedBody).
// Text messages are read as the events of a stream: the strings of JSON that carry a text piece by
// piece are joined over messages. Binary ones are read as one text. Under AnswerRule::Note what is
// found is a note of the passage; under Block it is a Failure.
class AnswerMessages final : public MessageLook {
 public:
  // Under Block: of a message that is not over, so many bytes stay, as of an answer.
  static constexpr std::size_t kHeldBack = 1024;

  // `rule`: not Off. Everything that `services` has outlives it, and so does `passage`.
  AnswerMessages(const AnswerInspection::Services& services, DecodeLimits limits, AnswerRule rule,
                 Passage& passage);

  Result<std::size_t> feed(const MessagePiece& piece) override;
  Result<std::size_t> pause() override { return blocks_ && open_ ? kHeldBack : 0; }
  const std::optional<Finding>& refused() const noexcept override { return refused_; }

 private:
  void write_event(const MessagePiece& piece);
  [[nodiscard]] AnswerInspection& inspection(bool is_text);
  [[nodiscard]] Result<> look(AnswerInspection& inspection, ByteView text);

  const AnswerInspection::Services services_;
  const DecodeLimits limits_;
  const bool blocks_;
  Passage& passage_;
  std::unique_ptr<AnswerInspection> text_;
  std::unique_ptr<AnswerInspection> binary_;
  Bytes event_;           // the piece as a part of an event stream; its room is kept
  bool is_json_ = false;  // the message
  bool open_ = false;     // it is not over
  std::optional<Finding> refused_;
};

}  // namespace bottle
