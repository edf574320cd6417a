#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/body/codings.h"
#include "proxy/body/content_decoder.h"
#include "proxy/http/fields.h"

namespace bottle {

// A body that consists of messages, each with a prefix and compressed by itself: gRPC, grpc-web,
// and the streams of Connect.
struct MessageForm {
  std::uint8_t flags = 0;      // that a prefix may have (GrpcFrames)
  bool base64 = false;         // all of it (grpc-web-text)
  bool unread_passes = false;  // a compressed message of no known coding is given out as it is
  std::optional<Coding> coding = Coding::Identity;  // of compressed messages; none: not known
};

// By Content-Type, with the message coding that grpc-encoding (Connect: connect-content-encoding)
// names. None for every other body. A repeated field names no known coding.
[[nodiscard]] std::optional<MessageForm> message_form_of(const Fields& fields);

// How a body is read: its content codings, and in them maybe messages.
struct BodyForm {
  BodyForm() = default;
  BodyForm(const Codings& codings_in)
      : codings(codings_in) {}              // NOLINT(google-explicit-constructor)
  BodyForm(Coding only) : codings(only) {}  // NOLINT(google-explicit-constructor)
  BodyForm(const Codings& codings_in, std::optional<MessageForm> messages_in)
      : codings(codings_in), messages(messages_in) {}

  [[nodiscard]] bool plain() const noexcept { return codings.empty() && !messages; }

  Codings codings;
  std::optional<MessageForm> messages;
};

// As ContentDecoder::make; of messages it gives out what they hold, one behind the other and
// without their prefixes. The limits of size count for each message, that of the ratio for all of
// them together. Further failures: ClientBad ("coding_broken") where the framing is broken,
// NotSupported for a compressed message in a coding that is not known.
[[nodiscard]] std::unique_ptr<ContentDecoder> make_decoder(const BodyForm& form,
                                                           DecodeLimits limits, DecodeSpace& space);

}  // namespace bottle
