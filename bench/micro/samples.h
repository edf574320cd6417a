#pragma once

#include <cstddef>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/http/authority.h"
#include "proxy/http/head.h"

// Messages of usual size, for all themes.
namespace bottle::micro {

// Neither has a body, so the head is the whole message.
inline constexpr ByteView kSmallRequest =
    "GET /v1/models HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: curl/7.88.1\r\n"
    "Accept: */*\r\n"
    "\r\n";
inline constexpr ByteView kUsualRequest =
    "GET /v1/models?limit=20&after=model-7 HTTP/1.1\r\n"
    "Host: api.example.com\r\n"
    "User-Agent: ExampleSDK/JS 0.55.1\r\n"
    "Accept: application/json\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Accept-Encoding: gzip, deflate, br\r\n"
    "Content-Type: application/json\r\n"
    "Cookie: session=4f1c2a; theme=dark\r\n"
    "Referer: https://app.example.com/chat/new\r\n"
    "X-Request-Id: 018f2b6c-9d1e-7a40-8f5b-1c2d3e4f5a6b\r\n"
    "X-Sdk-Lang: js\r\n"
    "X-Sdk-Os: Linux\r\n"
    "X-Sdk-Runtime-Version: v20.11.1\r\n"
    "X-Sdk-Retry-Count: 0\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";
inline constexpr ByteView kUsualResponse =
    "HTTP/1.1 200 OK\r\n"
    "Date: Tue, 01 Dec 2026 08:00:00 GMT\r\n"
    "Content-Type: application/json\r\n"
    "Content-Length: 0\r\n"
    "Cache-Control: no-store\r\n"
    "Server: nginx\r\n"
    "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload\r\n"
    "Vary: Accept-Encoding\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "X-Ratelimit-Remaining: 3999\r\n"
    "X-Request-Id: req_011CRnG7kUq5Qd1hM8hJtYbz\r\n"
    "Connection: keep-alive\r\n"
    "\r\n";

// Where the requests go.
[[nodiscard]] const Destination& api_host();

// The heads of messages that have no body. As they stood on the wire; the vetted one is canonical.
[[nodiscard]] RequestHead parsed_request(ByteView message);
[[nodiscard]] ResponseHead parsed_response(ByteView message);
[[nodiscard]] RequestHead vetted_request(ByteView message);
[[nodiscard]] ResponseHead vetted_response(ByteView message);

// The JSON body that a model's client sends, of about `size` bytes.
[[nodiscard]] std::string conversation(std::size_t size);

}  // namespace bottle::micro
