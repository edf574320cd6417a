#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

namespace bottle {

// How the body that follows a head is delimited (RFC 9112 section 6).
struct Framing {
  enum class Kind : std::uint8_t { None, Length, Chunked, Close };
  Kind kind = Kind::None;
  std::uint64_t length = 0;

  [[nodiscard]] static Framing none() { return {}; }
  [[nodiscard]] static Framing content_length(std::uint64_t n) { return {Kind::Length, n}; }
  [[nodiscard]] static Framing chunked() { return {Kind::Chunked, 0}; }
  [[nodiscard]] static Framing close() { return {Kind::Close, 0}; }  // responses only
};

// Absolute: "GET https://host/path HTTP/1.1", for a proxy. Origin: "GET /path HTTP/1.1".
enum class RequestForm : std::uint8_t { Absolute, Origin };

// Appends a request's head. The only function that writes one: the target comes from the vetted
// head, the authority and Host from the destination, framing from the argument, and no field that
// would contradict them is taken from the head. Towards a proxy always RequestForm::Absolute
// with Framing::content_length. A head with a protocol gets its Upgrade (RFC 9110 section 7.8).
// Nothing is appended on a Failure (Internal): the head was not one that framing_rules passed.
[[nodiscard]] Result<void> write_request_head(Bytes& out, const RequestHead& head, RequestForm form,
                                              const Destination& destination,
                                              const Framing& framing);

// Appends a response's head; order and case of the fields are kept. Fields that contradict the
// arguments (framing, connection) or could not be read back as one line are left out. 1xx heads
// take Framing::none(). `keep_alive` false adds "Connection: close". The Upgrade of a 426 is
// written, and a 101 opens a WebSocket: there is no other tunnel.
void write_response_head(Bytes& out, const ResponseHead& head, const Framing& framing,
                         bool keep_alive = true);

// The framing of a response for an h1 client: length if it is known, else chunked, else (HTTP/1.0)
// until the connection closes. HEAD, 204, 304 and 1xx come out without a body.
[[nodiscard]] Framing framing_for(const ResponseHead& head, Version client_version,
                                  std::string_view request_method);

// One chunk. Empty data appends nothing: an empty chunk would be the last one.
void write_chunk(Bytes& out, ByteView data);
// The last chunk with the trailers, if any.
void write_last_chunk(Bytes& out, const Fields* trailers = nullptr);

// "OK" for 200; empty for numbers that no RFC names.
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

}  // namespace bottle
