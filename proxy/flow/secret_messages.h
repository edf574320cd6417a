#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/body/body_scan.h"
#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/flow/message_look.h"
#include "proxy/guard/secret_scanner.h"
#include "proxy/guard/span_finder.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// Whether a text may be JSON: an object or an array begins it.
[[nodiscard]] bool begins_as_json(ByteView text);

// Looks for secrets in the messages that leave through a tunnel, text and binary. Each one is read
// twice: as a text of its own, so that what stands around it hides nothing, and as a part of one
// long text without gaps, so that a secret that is cut up over messages is one, and so are encoded
// and compressed texts. (JSON messages and others each have a text of their own, with a line end
// between two messages.) Memory is bounded, as that of the scanners.
class SecretMessages final : public MessageLook {
 public:
  // Of a message that is not over yet, so many bytes stay until more comes or its sender pauses: a
  // value in them may be complete, or an encoded one recognised, with what follows.
  static constexpr std::size_t kHeldBack = 4096;

  // All outlive it. `passage` gets the notes.
  SecretMessages(const ScanPlace& place, DecodeSpace& decode, DecodeLimits limits,
                 Passage& passage);

  Result<std::size_t> feed(const MessagePiece& piece) override;
  Result<std::size_t> pause() override;
  const std::optional<Finding>& refused() const noexcept override { return refused_; }

  // Forgets what came of the message that was fed last, and the Failure: another one comes in its
  // place. Messages before it are still known.
  void take_back();
  [[nodiscard]] const ScanPlace& place() const noexcept { return place_; }

 private:
  // Scans begin anew behind so many bytes, which bounds what one text may cost in all.
  static constexpr std::uint64_t kRenewAfter = std::uint64_t{16} << 20;
  // Known of the texts before a scan that begins anew.
  static constexpr std::size_t kOverlap = 4096;

  void begin_message(const MessagePiece& piece);
  void begin_joined(ByteView before);
  void begin_alone(bool is_json);
  [[nodiscard]] Result<> look_alone(ByteView bytes, bool ends);
  [[nodiscard]] Result<> look_joined(ByteView bytes, bool ends);
  [[nodiscard]] Failure refuse(const Finding& finding);
  void tell_notes();
  void note(const Finding& finding);

  const ScanPlace place_;
  DecodeSpace& decode_;
  const DecodeLimits limits_;
  Passage& passage_;

  std::optional<SecretScanner> json_;   // texts that begin as JSON does
  std::optional<SecretScanner> other_;  // all others
  bool in_json_ = false;
  std::unique_ptr<BodyScan> joined_;
  std::uint64_t fed_ = 0;  // to joined_
  bool alone_waits_ = false;
  std::size_t joined_waits_ = 0;
  Bytes recent_;  // the last bytes of all messages
  Bytes before_;  // those before the message that was fed last
  std::vector<std::pair<std::string, std::string>> told_;  // notes: name and fingerprint
  std::optional<Finding> refused_;
};

}  // namespace bottle
