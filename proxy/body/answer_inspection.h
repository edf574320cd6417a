#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/body/body_form.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/guard/answers/answer_scanner.h"
#include "proxy/guard/answers/event_text.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {

// Looks at an answer's body that is streamed on as it came, coded or not; a coded one is decoded
// beside the stream, and of messages (gRPC) what they hold is looked at as one text. Also finds the
// bottle's own secrets in it (AnswerClass::SecretEcho).
class AnswerInspection {
 public:
  struct Services {
    const AnswerSet& answers;
    AnswerSpace& space;
    const SecretSet& secrets;
    ScanSpace& scan;
    DecodeSpace& decode;
  };
  // All outlive it.
  AnswerInspection(const Services& services, const BodyForm& form, std::string_view content_type,
                   DecodeLimits limits);
  AnswerInspection(const AnswerInspection&) = delete;
  AnswerInspection& operator=(const AnswerInspection&) = delete;

  // The next piece; `end`: it is the last one. Fails if the coding cannot be undone: nothing more
  // is looked at then.
  [[nodiscard]] Result<> feed(ByteView piece, bool end);
  // The findings since the last call.
  [[nodiscard]] std::vector<Finding> take_findings();
  // How many of the last bytes fed were not looked at yet, because their coding works in blocks.
  [[nodiscard]] std::size_t unseen() const { return decoder_ ? decoder_->unseen() : 0; }

 private:
  [[nodiscard]] Result<> decode(ByteView in);
  void look(ByteView text);
  // One text in which secrets are looked for.
  struct SecretLane {
    std::optional<SecretScanner> scanner;
    unsigned tokens = 0;
    Bytes recent;      // the last step
    bool cut = false;  // in it a scanner ended
  };
  void begin(SecretLane& lane);
  void look_for_secrets(SecretLane& lane, ByteView text);
  void look_through(const Bytes& text);
  void finish(SecretLane& lane);

  // A body full of shapes of tokens has them looked over so often at most.
  static constexpr unsigned kMaxTokens = 256;
  static constexpr std::size_t kStep = 1024;

  const Services services_;
  AnswerScanner scanner_;
  std::size_t taken_ = 0;  // of its findings
  SecretLane body_;
  SecretLane joined_;  // the texts that events carry piece by piece
  EventText events_;
  std::optional<Finding> echo_;
  bool echo_told_ = false;
  std::unique_ptr<ContentDecoder> decoder_;
  bool empty_ = true;
};

}  // namespace bottle
