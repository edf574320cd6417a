#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/body/held_body.h"
#include "proxy/flow/secret_messages.h"
#include "proxy/guard/redactor.h"

namespace bottle {

// Holds a tunnel's text messages, one at a time, until one has been scanned as a whole, and takes
// secrets out of it (docs/guard.md, Redaction). A message that turns out to be too large to be held
// goes on as a stream, and a hit in it is refused. One a tunnel; `look` and `memory` outlive it.
// `passage` gets the findings.
class MessageRedaction {
 public:
  MessageRedaction(SecretMessages& look, const RedactLimits& limits, BodyMemory& memory,
                   Passage& passage);
  MessageRedaction(const MessageRedaction&) = delete;
  MessageRedaction& operator=(const MessageRedaction&) = delete;

  enum class State : std::uint8_t {
    Collects,  // take() pieces
    Works,     // step() until it is Clean
    Clean,     // give() the message
    TooLarge,  // give() what was collected, to be looked at; the message's rest goes by
  };
  [[nodiscard]] State state() const noexcept { return state_; }

  // Another piece of the message.
  void take(ByteView piece, bool ends);
  // A bounded part of the work. A Failure is final: the message may not go. refused() has the
  // finding, if it tells of one.
  [[nodiscard]] Result<> step();
  // The next part, at most `most` bytes. `last`: nothing of what is here follows; the next message
  // is collected then (Clean), or this one's rest goes by until rest_ended() (TooLarge).
  [[nodiscard]] Bytes give(std::size_t most, bool& last);
  // Nothing is here any more: the rest of a message that was too large goes by.
  [[nodiscard]] bool gives_way() const noexcept {
    return state_ == State::TooLarge && text_.empty();
  }
  void rest_ended() noexcept { state_ = State::Collects; }

 private:
  enum class Work : std::uint8_t { Scan, Redact, Check };
  static constexpr std::size_t kPiece = 64 * 1024;

  [[nodiscard]] Result<> scan();
  [[nodiscard]] Result<> redact();
  void free();

  SecretMessages& look_;
  const RedactLimits& limits_;
  BodyMemory& memory_;
  Passage& passage_;
  State state_ = State::Collects;
  Work work_ = Work::Scan;
  Bytes text_;
  std::size_t at_ = 0;  // of text_: scanned, or given
  std::unique_ptr<MemoryShare> share_;
  std::unique_ptr<Redactor> redactor_;
};

}  // namespace bottle
