#include "proxy/http/websocket/handshake.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "certs/digest.h"
#include "certs/random_bytes.h"
#include "proxy/contract/base64.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/http/framing_rules.h"

namespace bottle::websocket {
namespace {

constexpr std::string_view kKey = "sec-websocket-key";
constexpr std::string_view kAccept = "sec-websocket-accept";
constexpr std::string_view kVersion = "sec-websocket-version";
constexpr std::string_view kProtocol = "sec-websocket-protocol";
constexpr std::string_view kExtensions = "sec-websocket-extensions";

constexpr std::size_t kNonce = 16;

Failure bad_request(const char* what) {
  return Failure{Code::ClientBad, what, problem_code::kWebsocketHandshake,
                 "Open the WebSocket as RFC 6455 section 4.1 says; a library does."};
}
Failure wrong_answer_to_handshake(const char* what) {
  return Failure{Code::UpstreamBroken, what, problem_code::kWebsocketHandshake};
}

// Base64 of 16 bytes, in its one spelling: 22 digits, of which the last one has two bits, and "==".
bool is_key(std::string_view text) {
  constexpr std::size_t kDigits = 22;
  if (text.size() != kDigits + 2 || text.substr(kDigits) != "==") return false;
  const auto is_digit = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
  };
  return std::all_of(text.begin(), text.begin() + kDigits, is_digit) &&
         std::string_view("AQgw").find(text[kDigits - 1]) != std::string_view::npos;
}

// The value of a field that must stand there once. Nothing: it does not.
std::optional<std::string_view> only(const Fields& fields, std::string_view name) {
  if (fields.count(name) != 1) return std::nullopt;
  return trim_ows(*fields.find(name));
}

// Appends the tokens of a list. False: it is none, or has too many.
bool add_tokens(std::string_view list, std::vector<std::string>& out) {
  for (;;) {
    const std::size_t comma = list.find(',');
    const std::string_view token = trim_ows(list.substr(0, comma));
    // A list may have empty elements (RFC 9110 section 5.6.1).
    if (!token.empty()) {
      if (!is_token(token) || out.size() == Handshake::kMostSubprotocols) return false;
      out.emplace_back(token);
    }
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

Result<std::vector<std::string>> subprotocols_of(const Fields& fields) {
  std::vector<std::string> all;
  for (const Field field : fields) {
    if (iequals(field.name, kProtocol) && !add_tokens(field.value, all)) {
      return bad_request("Sec-WebSocket-Protocol is no list of tokens, or a very long one");
    }
  }
  std::vector<std::string> sorted = all;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    return bad_request("Sec-WebSocket-Protocol has one token twice");
  }
  return all;
}

std::string joined(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += (text.empty() ? "" : ", ") + token;
  return text;
}

}  // namespace

std::string accept_for(std::string_view key) {
  static constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const Sha1Digest digest = sha1(std::string(key).append(kGuid));
  return base64(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Result<Handshake> Handshake::of(const RequestHead& request) {
  Handshake made;
  if (request.method != "GET" || request.version == Version::Http10) {
    return bad_request("a WebSocket is opened with GET, and HTTP/1.1 or HTTP/2");
  }
  const auto version = only(request.fields, kVersion);
  if (!version) return bad_request("Sec-WebSocket-Version does not stand there once");
  if (*version != "13") {
    return Failure{Code::UpgradeRefused, "the version of WebSocket is not 13",
                   problem_code::kWebsocketVersion, "Use version 13, that of RFC 6455."};
  }
  made.client_has_key_ = request.version == Version::Http11;
  if (made.client_has_key_) {
    const auto key = only(request.fields, kKey);
    if (!key || !is_key(*key)) {
      return bad_request("Sec-WebSocket-Key does not stand there once, as base64 of 16 bytes");
    }
    made.client_key_ = *key;
  }
  auto subprotocols = subprotocols_of(request.fields);
  if (!subprotocols) return subprotocols.error();
  made.subprotocols_ = std::move(*subprotocols);
  const auto offer = offer_of_client(request.fields);
  if (!offer) return offer.error();
  made.offer_ = *offer;
  return made;
}

void Handshake::write_request(RequestHead& head) {
  std::array<char, kNonce> nonce{};
  RandomBytes().fill(nonce);
  origin_key_ = base64(std::string_view(nonce.data(), nonce.size()));
  head.fields.set("Sec-WebSocket-Key", origin_key_);
  head.fields.set("Sec-WebSocket-Version", "13");
  head.fields.remove(kProtocol);
  if (!subprotocols_.empty()) head.fields.add("Sec-WebSocket-Protocol", joined(subprotocols_));
  head.fields.remove(kExtensions);
  if (offer_) head.fields.add("Sec-WebSocket-Extensions", offer_to_origin());
}

Result<Agreement> Handshake::check_answer(const ResponseHead& answer) const {
  if (answer.version != Version::Http2) {
    const auto accept = only(answer.fields, kAccept);
    if (!accept || *accept != accept_for(origin_key_)) {
      return wrong_answer_to_handshake("the origin's Sec-WebSocket-Accept does not answer the key");
    }
  }
  Agreement agreement;
  if (answer.fields.has(kProtocol)) {
    const auto chosen = only(answer.fields, kProtocol);
    if (!chosen ||
        std::find(subprotocols_.begin(), subprotocols_.end(), *chosen) == subprotocols_.end()) {
      return wrong_answer_to_handshake("the origin chose a subprotocol that was not offered");
    }
    agreement.subprotocol = *chosen;
  }
  const auto compression = answer_of_origin(answer.fields, offer_.has_value());
  if (!compression) return compression.error();
  agreement.origin = *compression;
  // As the origin wants it: text that one side does not compress is no smaller on the other.
  if (agreement.origin) agreement.client = offer_;
  return agreement;
}

void Handshake::write_answer(ResponseHead& head, const Agreement& agreement) const {
  for (const std::string_view name : {kKey, kAccept, kVersion, kProtocol, kExtensions}) {
    head.fields.remove(name);
  }
  if (client_has_key_) head.fields.add("Sec-WebSocket-Accept", accept_for(client_key_));
  if (!agreement.subprotocol.empty()) {
    head.fields.add("Sec-WebSocket-Protocol", agreement.subprotocol);
  }
  if (agreement.client) {
    head.fields.add("Sec-WebSocket-Extensions", answer_to_client(*agreement.client));
  }
}

}  // namespace bottle::websocket
