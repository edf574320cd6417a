#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/base/awaitable.h"
#include "proxy/base/byte_stream.h"
#include "proxy/base/result.h"
#include "proxy/contract/decided_by.h"
#include "proxy/contract/finding_record.h"
#include "proxy/contract/shown_record.h"
#include "proxy/http/body.h"
#include "proxy/http/exchange.h"

namespace bottle {

struct SecretLook;  // proxy/flow/guard.h

// Replaces texts in the messages that come back through a tunnel, each by one of its length, such
// as a credential's value by what the client has in its place.
class MessageSwap {
 public:
  virtual ~MessageSwap() = default;
  // The bytes of the message that are certain after its next piece; `ends`: all that are left.
  [[nodiscard]] virtual Bytes feed(ByteView piece, bool ends) = 0;
};

// A request's way to its origin: how it goes, and what comes to be known on the way.
struct Passage {
  std::shared_ptr<SecretLook> secret_look;  // the guard's, to the exchange's end; null: none yet
  bool bypass_body = false;  // the response's body bypasses the scanner, which sees its head alone
  bool may_be_unread = false;  // the request's body passes in a coding that is not known, too
  bool head_only = false;      // the scanner is asked about the head; nothing goes to the origin
  std::string protocol;        // spoken with the origin; empty: no connection to it came about
  bool scanned_request_body = false;
  bool scanned_response_body = false;
  bool target_has_secret = false;     // or what looks like one: the scanner says so
  bool request_body_changed = false;  // by the guard or the scanner: that version went out
  bool refused_by_scanner = false;    // the answer is the scanner's own refusal
  ShownRecord shown;                  // of the request's body, to the scanner
  FindingRecords findings;            // of the guard, in both directions
  // Of a tunnel: for what the origin says in it, in this order, before the guard reads it.
  std::vector<std::unique_ptr<MessageSwap>> swaps_back;
  DecidedBy cut_by =
      DecidedBy::None;  // the part that ended the origin's answer after its head went out
};

// Where a vetted request goes: PipelockUpstream, OriginUpstream, a script in tests. Owned by the
// worker, outlives its exchanges.
class Upstream {
 public:
  virtual ~Upstream() = default;
  // Owns the request until it answers. The final head only: 1xx heads go to exchange.interim().
  // May answer before the request's body has ended; the rest is sent by a child in
  // exchange.tasks() that owns the body's source. A body that fails to be read ends the upstream
  // request so that it cannot be taken for a whole one, and its Failure is the result (or, after
  // the head, the response body's Failure). `passage` outlives the exchange's tasks and the
  // response's body, which fill it in.
  virtual awaitable<Result<Response>> send(Request request, Exchange& exchange,
                                           Passage& passage) = 0;
};

// Gets a connected stream to a destination; the seam between what a protocol client does and how a
// connection comes about (directly, through a tunnel, in memory).
struct Connection {
  std::unique_ptr<ByteStream> stream;
  Version protocol = Version::Http11;  // by ALPN: Http11 or Http2
};
class Dialer {
 public:
  virtual ~Dialer() = default;
  // For a request of that client's (Turn's). Resolves, vets the addresses, connects, and for Https
  // finishes the handshake. Failures: DnsFailed, ConnectFailed, UpstreamTlsFailed, UpstreamTimeout,
  // Denied (address), Cancelled.
  virtual awaitable<Result<Connection>> dial(const Destination& destination, Scheme scheme,
                                             std::uint64_t client) = 0;
  // The same for a connection that has to speak HTTP/1.1: ALPN offers nothing else.
  virtual awaitable<Result<Connection>> dial_http1(const Destination& destination, Scheme scheme,
                                                   std::uint64_t client) {
    return dial(destination, scheme, client);
  }
};

}  // namespace bottle
