#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/http/fields.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_body.h"
#include "proxy/http/h1_lines.h"
#include "proxy/http/head.h"

namespace bottle {

// HTTP/1.x parsers (RFC 9112), sans-I/O. One message at a time:
//
//   feed() until head_ready()  ->  take_head()  ->  feed(), take_body() until message_complete()
//   ->  take_trailers()  ->  reset()
//
// feed() copies what it consumes and returns how many bytes that were. It stops right behind the
// head (and consumes nothing until take_head() was called) and right behind the message; whatever
// follows stays the caller's: the next request, tunnel bytes, or a surplus that makes a response's
// connection unusable. How the bytes are cut into feeds makes no difference to anything but the
// pieces of the body. After a Failure the parser is finished: every further feed() repeats it.
//
// Heads come as they stood on the wire: `target` is the request line's, `fields` has everything,
// `authority` is empty. has_body, content_length and keep_alive are set from vetted framing.
// framing_rules makes them canonical.

class H1RequestParser {
 public:
  // Listener: the proxy's own port, where CONNECT and absolute-form are at home (origin-form passes
  // too, so that the desk can say what is wrong with it). Tunnel: inside CONNECT, with or without
  // TLS; CONNECT is refused there (NotSupported). Server: where clients believe to speak to the
  // origin itself; origin-form, and Host names the destination.
  enum class Arrival : std::uint8_t { Listener, Tunnel, Server };

  explicit H1RequestParser(Arrival arrival, const HeadLimits& limits = {});

  // Failures: ClientBad, NotSupported (method, version, coding), HeadTooLarge.
  [[nodiscard]] Result<std::size_t> feed(ByteView in);

  // True once any byte of the current request arrived: EOF or a timeout is no idle end then.
  [[nodiscard]] bool started() const { return lines_.started(); }
  [[nodiscard]] bool head_ready() const { return head_ready_; }
  [[nodiscard]] RequestHead take_head();
  // Body bytes fed since the last call, in order; may be empty.
  [[nodiscard]] Bytes take_body();
  [[nodiscard]] std::size_t body_buffered() const { return body_bytes_.size(); }
  // True right after take_head() for a request without a body. CONNECT has none (RFC 9110 9.3.6).
  [[nodiscard]] bool message_complete() const { return head_taken_ && body_.complete(); }
  // Vetted trailers of a complete chunked body, if there were any.
  [[nodiscard]] std::optional<Fields> take_trailers();
  // For the next message; only after message_complete().
  void reset();

 private:
  Result<void> parse_head();
  Failure fail(Failure failure);

  Arrival arrival_;
  HeadLimits limits_;
  H1Lines lines_;
  H1Body body_;
  RequestHead head_;
  BodyFraming framing_;
  Bytes body_bytes_;
  std::optional<Failure> failed_;
  std::optional<Fields> trailers_;
  bool head_ready_ = false;
  bool head_taken_ = false;
};

class H1ResponseParser {
 public:
  explicit H1ResponseParser(const HeadLimits& limits = HeadLimits::for_responses());

  // The method of the request that is being answered; decides whether there is a body (HEAD,
  // CONNECT). Stays over reset(), since 1xx and final response answer the same request.
  void set_request_method(std::string_view method) { request_method_ = method; }

  // 1xx responses are messages of their own, complete with the head. Failure: UpstreamBroken.
  [[nodiscard]] Result<std::size_t> feed(ByteView in);
  // The peer closed. Ok: the message is complete (a close-delimited body ends so). Otherwise
  // UpstreamTruncated within a body, UpstreamBroken before or within a head.
  [[nodiscard]] Result<void> finish();

  [[nodiscard]] bool started() const { return lines_.started(); }
  [[nodiscard]] bool head_ready() const { return head_ready_; }
  [[nodiscard]] ResponseHead take_head();
  [[nodiscard]] Bytes take_body();
  [[nodiscard]] std::size_t body_buffered() const { return body_bytes_.size(); }
  [[nodiscard]] bool message_complete() const { return head_taken_ && body_.complete(); }
  // The body ends when the peer closes: a TLS close_notify or FIN is its only end.
  [[nodiscard]] bool until_close() const { return head_taken_ && body_.until_close(); }
  // Vetted trailers of a complete chunked body, if there were any.
  [[nodiscard]] std::optional<Fields> take_trailers();
  void reset();

 private:
  Result<void> parse_head();
  Failure fail(Failure failure);

  HeadLimits limits_;
  H1Lines lines_;
  H1Body body_;
  ResponseHead head_;
  BodyFraming framing_;
  Bytes body_bytes_;
  std::string request_method_ = "GET";
  std::optional<Fields> trailers_;
  std::optional<Failure> failed_;
  bool head_ready_ = false;
  bool head_taken_ = false;
};

}  // namespace bottle
