#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/contract/origin_rules.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

// The boundary between what a peer wrote and what this proxy believes. Parsers give heads as they
// stood on the wire; the functions here refuse them or turn them into the canonical form that
// head.h describes, the only form that is ever acted on or written out.
namespace bottle {

struct HeadLimits {
  std::size_t head_bytes = 64 * 1024;        // as on the wire, or name + value + 32 a field
  std::size_t fields = 100;                  // each cookie crumb counts
  std::size_t name_bytes = 64;               // requests: names are not scanned, so they are short
  std::size_t start_line_bytes = 16 * 1024;  // without CRLF; also the target after encoding
  std::size_t chunk_ext_line = 64;           // RFC 9112 section 7.1.1 extensions, one chunk
  std::size_t chunk_ext_body = 16 * 1024;    // and the whole body
  std::size_t trailer_bytes = 64 * 1024;
  std::size_t trailer_fields = 100;

  // Origins send longer names and more fields than agents do.
  [[nodiscard]] static HeadLimits for_responses(std::size_t fields = 128) {
    HeadLimits limits;
    limits.fields = fields;
    limits.name_bytes = 256;
    return limits;
  }
};

// The control fields (control_fields.h) of a head. From a client or an origin they are forgeries;
// from a peer that may write them they are evidence.
enum class ControlFields : std::uint8_t { Drop, Keep };

// A request for a WebSocket. Tunnel: it is vetted and becomes one for a tunnel (RequestHead's
// protocol). Plain: its fields of one connection are dropped, as those of any request.
enum class WebSocketHeads : std::uint8_t { Tunnel, Plain };

// The rules that a deployment may add to the built-in ones.
struct RequestRules {
  HeadLimits limits;
  // Methods beyond GET HEAD POST PUT PATCH DELETE OPTIONS ("PROPFIND"), by host. CONNECT, TRACE,
  // TRACK and PRI stay refused even if they stand here.
  OriginRules origins;
  // Field names (lower case) with characters other than letters, digits and hyphens ("x_trace").
  std::vector<std::string> extra_names;
  // Keep: the peer may write them.
  ControlFields control_fields = ControlFields::Drop;
  WebSocketHeads websockets = WebSocketHeads::Tunnel;
};

// How a message's body is delimited (RFC 9112 section 6.3).
struct BodyFraming {
  enum class Kind : std::uint8_t { None, Length, Chunked, UntilClose };
  Kind kind = Kind::None;
  std::uint64_t length = 0;  // Length only; 0 is possible
};

struct RequestContext {
  const Destination& destination;  // the one that CONNECT (and SNI) or the absolute form named
  Scheme scheme;                   // https inside TLS, http in plain tunnels and absolute form
  const RequestRules& rules;
};

// Vets a request's head of any version and makes it canonical; on a Failure the head is garbage.
// Sets authority, target, scheme, has_body (h1), content_length, expects_continue, takes_trailers
// and protocol; takes off Host, framing, hop-by-hop fields and those that Connection lists, and
// the control fields unless the rules keep them. Failures: ClientBad, NotSupported (method,
// transfer coding, protocol of a tunnel), UpgradeRefused (a WebSocket asked for in a way that is
// none), ExpectationFailed, HeadTooLarge, Misdirected
// (another host than the context's destination).
[[nodiscard]] Result<void> check_request(RequestHead& head, const RequestContext& context);

// UpstreamBroken: the head or the trailers of an origin's answer are over a limit, which `detail`
// names.
[[nodiscard]] Failure response_too_large(std::string detail);

// Vets a response's head (final or 1xx) and makes it canonical: no hop-by-hop fields, no framing
// fields, no Proxy-*, Alt-Svc or Upgrade; has_body and content_length set (h2: has_body is only
// ever taken away). UpstreamBroken for 101, 407, bad framing and bad fields. With
// ControlFields::Keep they stay until strip_control_fields() is called.
//
// Where a tunnel was asked for and the head opens it (HTTP/1.1: 101 with the protocol in Upgrade
// and that in Connection; HTTP/2: 2xx), the status is 101 and there is a body.
[[nodiscard]] Result<void> check_response(ResponseHead& head, std::string_view request_method,
                                          ControlFields control_fields = ControlFields::Drop,
                                          const HeadLimits& limits = HeadLimits::for_responses(),
                                          std::string_view protocol = {});

void strip_control_fields(Fields& fields);

// Trailers: a request's are validated, then dropped by the caller (nothing scans them); names
// that RFC 9110 section 6.5.1 keeps to the head are refused. A response's lose those: some clients
// merge trailers into the head that they have read already.
[[nodiscard]] Result<void> check_request_trailers(const Fields& trailers, const HeadLimits& limits);
[[nodiscard]] Result<void> check_response_trailers(Fields& trailers, const HeadLimits& limits);

// The framing of an h1 message from its raw fields. Refuses everything with two readings:
// Content-Length with Transfer-Encoding, more than one of either, lists, signs, leading zeros,
// codings other than exactly "chunked", Transfer-Encoding with HTTP/1.0.
[[nodiscard]] Result<BodyFraming> request_framing(Version version, const Fields& fields);
[[nodiscard]] Result<BodyFraming> response_framing(Version version, int status,
                                                   std::string_view request_method,
                                                   const Fields& fields);

// RFC 9110 sections 5.1, 5.5: a token; bytes of a value (no CR, LF, NUL or other CTL, HTAB is
// fine).
[[nodiscard]] bool is_token(std::string_view text) noexcept;
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

}  // namespace bottle
