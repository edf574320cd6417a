#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "proxy/http/fields.h"

namespace bottle {

enum class Version : std::uint8_t { Http10, Http11, Http2 };
enum class Scheme : std::uint8_t { Http, Https };

[[nodiscard]] constexpr const char* to_string(Version version) noexcept {
  return version == Version::Http2 ? "h2" : version == Version::Http11 ? "http/1.1" : "http/1.0";
}
[[nodiscard]] constexpr const char* to_string(Scheme scheme) noexcept {
  return scheme == Scheme::Https ? "https" : "http";
}

// A request's head, the same value for every protocol version. Made by h1_parser or h2_engine,
// vetted and completed by framing_rules; after that it is canonical and is only ever written out
// by a writer, never copied as bytes.
struct RequestHead {
  Version version = Version::Http11;
  std::string method;  // exact bytes; case matters (RFC 9110 section 9.1)
  Scheme scheme = Scheme::Https;
  std::string authority;  // as sent: Host, :authority or the absolute form's; empty if none
  std::string target;     // "/path?query", or "*" for OPTIONS
  // Without pseudo-header fields and without Host (`authority` has it). After framing_rules also
  // without Content-Length, Transfer-Encoding, Connection and the other hop-by-hop fields.
  Fields fields;
  bool has_body = false;                        // a body follows, even if it turns out to be empty
  std::optional<std::uint64_t> content_length;  // as declared; absent for chunked and open h2
  bool expects_continue = false;                // "Expect: 100-continue" was there (and taken off)
  bool takes_trailers = false;                  // "TE: trailers" was there (and taken off)
  // The protocol of a tunnel that is asked for: "websocket" (RFC 6455, RFC 8441). The method is GET
  // then, and the body is what the client says in the tunnel. Empty: an ordinary request.
  std::string protocol;
  bool keep_alive = true;  // h1: the client wants to keep the connection
};

// A response's head. `fields` as above, without hop-by-hop fields after framing_rules.
struct ResponseHead {
  Version version = Version::Http11;
  // 101, for HTTP/2, too, where a tunnel was asked for and opened: the body is what the origin says
  // in it.
  int status = 200;
  std::string reason;  // h1 only; may be empty
  Fields fields;
  bool has_body = false;  // false for HEAD, 204, 304 and 1xx whatever the fields say
  // As declared. With HEAD and 304 it may be there although has_body is false: the client gets it.
  std::optional<std::uint64_t> content_length;
  bool keep_alive = true;  // h1: the peer will keep the connection
};

}  // namespace bottle
