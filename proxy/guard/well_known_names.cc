#include "proxy/guard/well_known_names.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace bottle {
namespace {

// In order.
constexpr auto kNames =
    std::to_array<std::string_view>({"accept",
                                     "accept-charset",
                                     "accept-encoding",
                                     "accept-language",
                                     "anthropic-beta",
                                     "anthropic-dangerous-direct-browser-access",
                                     "anthropic-version",
                                     "authorization",
                                     "cache-control",
                                     "connection",
                                     "content-encoding",
                                     "content-language",
                                     "content-length",
                                     "content-type",
                                     "cookie",
                                     "date",
                                     "dnt",
                                     "expect",
                                     "git-protocol",
                                     "grpc-accept-encoding",
                                     "grpc-encoding",
                                     "grpc-timeout",
                                     "host",
                                     "idempotency-key",
                                     "if-match",
                                     "if-modified-since",
                                     "if-none-match",
                                     "if-range",
                                     "if-unmodified-since",
                                     "mcp-protocol-version",
                                     "mcp-session-id",
                                     "openai-beta",
                                     "openai-organization",
                                     "openai-project",
                                     "origin",
                                     "pragma",
                                     "priority",
                                     "range",
                                     "referer",
                                     "sec-ch-ua",
                                     "sec-ch-ua-mobile",
                                     "sec-ch-ua-platform",
                                     "sec-fetch-dest",
                                     "sec-fetch-mode",
                                     "sec-fetch-site",
                                     "sec-fetch-user",
                                     "sec-websocket-extensions",
                                     "sec-websocket-key",
                                     "sec-websocket-protocol",
                                     "sec-websocket-version",
                                     "te",
                                     "traceparent",
                                     "tracestate",
                                     "trailer",
                                     "transfer-encoding",
                                     "upgrade",
                                     "upgrade-insecure-requests",
                                     "user-agent",
                                     "x-amz-content-sha256",
                                     "x-amz-date",
                                     "x-amz-security-token",
                                     "x-amz-target",
                                     "x-amz-user-agent",
                                     "x-api-key",
                                     "x-app",
                                     "x-client-request-id",
                                     "x-github-api-version",
                                     "x-goog-api-client",
                                     "x-goog-api-key",
                                     "x-request-id",
                                     "x-requested-with",
                                     "x-stainless-arch",
                                     "x-stainless-async",
                                     "x-stainless-helper-method",
                                     "x-stainless-lang",
                                     "x-stainless-os",
                                     "x-stainless-package-version",
                                     "x-stainless-poll-helper",
                                     "x-stainless-raw-response",
                                     "x-stainless-read-timeout",
                                     "x-stainless-retry-count",
                                     "x-stainless-runtime",
                                     "x-stainless-runtime-version",
                                     "x-stainless-stream-helper",
                                     "x-stainless-timeout"});
static_assert(std::is_sorted(kNames.begin(), kNames.end()));

constexpr std::size_t kLongest =
    std::max_element(kNames.begin(), kNames.end(), [](std::string_view a, std::string_view b) {
      return a.size() < b.size();
    })->size();

}  // namespace

bool is_well_known_name(std::string_view name) noexcept {
  if (name.size() > kLongest) return false;
  std::array<char, kLongest> lower{};
  std::transform(name.begin(), name.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return std::binary_search(kNames.begin(), kNames.end(),
                            std::string_view(lower.data(), name.size()));
}

}  // namespace bottle
