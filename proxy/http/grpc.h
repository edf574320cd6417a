#pragma once

#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/http/fields.h"
#include "proxy/http/head.h"
#include "proxy/http/problem.h"

// gRPC over HTTP/2 as far as a proxy has to know it: which requests are calls, and how one is told
// that it failed. A gRPC client shows its user the status and the message of the trailers; of any
// other answer it makes "unknown" or "unimplemented".
namespace bottle {

// Content-Type application/grpc, application/grpc+proto, … (not grpc-web, which is plain HTTP).
[[nodiscard]] bool is_grpc(const Fields& fields);
// A POST over HTTP/2 with that type. The head need not have been vetted.
[[nodiscard]] bool is_grpc_call(const RequestHead& head);

// The answer to a call that is refused: status 200 and nothing but a head, in which the failure's
// gRPC status stands with a message (title, detail and hint, the failure's word, the request's id)
// and X-Bottle-Deny as in problem_answer. `host`: what the call went to; empty if that must not be
// repeated.
[[nodiscard]] LocalAnswer grpc_refusal(const Failure& failure, std::string_view request_id,
                                       std::string_view host);
// The same as the trailers of an answer that had begun.
[[nodiscard]] Fields grpc_failure_trailers(const Failure& failure, std::string_view request_id,
                                           std::string_view host);

}  // namespace bottle
