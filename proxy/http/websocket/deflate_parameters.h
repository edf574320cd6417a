#pragma once

#include <optional>
#include <string>

#include "proxy/base/result.h"
#include "proxy/http/fields.h"

// The negotiation of permessage-deflate (RFC 7692 section 7). Each side of a tunnel has one of its
// own, since this proxy reads the messages as plain text. No other extension is known.
namespace bottle::websocket {

// The parameters that were agreed on.
struct DeflateParameters {
  static constexpr int kMostBits = 15;
  bool server_no_context_takeover = false;
  bool client_no_context_takeover = false;
  int server_max_window_bits = kMostBits;  // 8 to 15
  int client_max_window_bits = kMostBits;
  bool operator==(const DeflateParameters&) const = default;
};

// A client's Sec-WebSocket-Extensions, all fields of that name. Nothing: it offers no
// permessage-deflate with parameters that are known. Else what to agree on: of the first such
// offer, what it asks the server to do. An offer with an unknown, repeated or wrong parameter is
// passed over (section 7.1); extensions that are not known are, too. ClientBad: the field is not a
// list of extensions (RFC 6455 section 9.1).
[[nodiscard]] Result<std::optional<DeflateParameters>> offer_of_client(const Fields& fields);

// The server's answer to a client's offer, as a field's value.
[[nodiscard]] std::string answer_to_client(const DeflateParameters& agreed);

// The offer that this proxy makes to an origin, as a field's value.
[[nodiscard]] std::string offer_to_origin();

// An origin's answer. `offered`: offer_to_origin() was sent. Nothing: it wants no extension.
// UpstreamBroken: it is no answer to that offer, and the connection must fail (section 7.1).
[[nodiscard]] Result<std::optional<DeflateParameters>> answer_of_origin(const Fields& fields,
                                                                        bool offered);

}  // namespace bottle::websocket
