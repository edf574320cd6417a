#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/http/head.h"
#include "proxy/http/websocket/deflate_parameters.h"

namespace bottle::websocket {

// The outcome of a handshake, for both sides of a tunnel.
struct Agreement {
  std::string subprotocol;                    // empty: none
  std::optional<DeflateParameters> client{};  // nothing: no compression on that side
  std::optional<DeflateParameters> origin{};
};

// The opening handshake of one WebSocket (RFC 6455 section 4; RFC 8441 section 5 over HTTP/2),
// between the client's and the origin's. A value; does no I/O. Heads are canonical (head.h): the
// transports read and write Upgrade, Connection, :protocol and the status on the wire.
//
// The key of each side is its own: the origin answers a key of ours, and the client's key is
// answered by us. Over HTTP/2 there is none.
class Handshake {
 public:
  // Vets the client's request: GET without a body; Sec-WebSocket-Version 13, once; on HTTP/1.1
  // Sec-WebSocket-Key, once, base64 of 16 bytes; Sec-WebSocket-Protocol a list of different tokens,
  // at most kMostSubprotocols; Sec-WebSocket-Extensions a list. Failures: ClientBad
  // ("websocket_handshake"), UpgradeRefused ("websocket_version").
  [[nodiscard]] static Result<Handshake> of(const RequestHead& request);

  static constexpr std::size_t kMostSubprotocols = 64;

  // Makes the head the origin's: a new random Sec-WebSocket-Key (an HTTP/2 transport leaves it
  // out), one Sec-WebSocket-Protocol, and an offer of compression of our own if the client made
  // one. All other fields stay. Throws std::runtime_error if the system has no randomness.
  void write_request(RequestHead& head);

  // Checks an answer with status 101 against write_request()'s head. On HTTP/1.1 (`answer.version`)
  // Sec-WebSocket-Accept must stand there once, and match the key; Sec-WebSocket-Protocol, if it is
  // there, must be one of the client's; Sec-WebSocket-Extensions must answer the offer.
  // UpstreamBroken ("websocket_handshake"): what the origin speaks is unknown.
  [[nodiscard]] Result<Agreement> check_answer(const ResponseHead& answer) const;

  // Makes the head the client's: Sec-WebSocket-Accept for its own key on HTTP/1.1 and none on
  // HTTP/2, the subprotocol, and our answer to its offer. All other fields stay.
  void write_answer(ResponseHead& head, const Agreement& agreement) const;

 private:
  Handshake() = default;

  bool client_has_key_ = false;  // HTTP/1.1
  std::string client_key_;
  std::string origin_key_;
  std::vector<std::string> subprotocols_;
  std::optional<DeflateParameters> offer_;
};

// Sec-WebSocket-Accept for a key (RFC 6455 section 4.2.2).
[[nodiscard]] std::string accept_for(std::string_view key);

}  // namespace bottle::websocket
