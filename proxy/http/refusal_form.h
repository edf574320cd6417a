#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/base/failure.h"
#include "proxy/http/head.h"
#include "proxy/http/problem.h"

// A refusal in the form that the client shows its user. Most clients show one part of an answer
// that they did not want: a member of a JSON document, the text, the reason phrase. docs/errors.md
// has the table for users.
namespace bottle {

enum class RefusalForm : std::uint8_t {
  Problem,    // problem+json: what is not known better
  Anthropic,  // Anthropic's API
  OpenAi,     // OpenAI's API and those that are like it
  JsonRpc,    // JSON-RPC over HTTP, as MCP speaks it
  JsonPost,   // JSON-RPC if the request's body says so, else Problem
  Oci,        // container registries
  JsonError,  // {"error", "message"}: npm and others that show one of these members
  Text,       // git, and package managers that show the text or the reason phrase
  Html,       // browsers
};

// The form for a request, by its target and fields. The head need not have been vetted.
[[nodiscard]] RefusalForm refusal_form(const RequestHead& head);

// The request's body tells whether it is a call, and which.
[[nodiscard]] constexpr bool may_be_call(RefusalForm form) noexcept {
  return form == RefusalForm::JsonRpc || form == RefusalForm::JsonPost;
}

// One refusal. The views last as long as the call that it is given to.
struct RefusalFacts {
  std::string_view request_id;
  std::string_view host;  // as in problem_answer
  // The status, if it is not the failure's own; 0: it is.
  int status = 0;
  // Of a JSON-RPC call: its id as JSON (a number or a quoted string); empty if it has none, or none
  // is known.
  std::string_view call_id;
  bool is_call = false;  // the body was a JSON-RPC call
};

// The answer in that form. Fields and Connection as in problem_answer(), and the reason, the host,
// our code and the next step stand in the first 200 characters of what the client shows.
//
// A 403 becomes another status for clients that would take it for something else: 400 for the APIs
// of models (403: "log in again", or a second try), 200 for a JSON-RPC call with an id. Other
// failures keep their status, which says whether to try again.
[[nodiscard]] LocalAnswer refusal_answer(RefusalForm form, const Failure& failure,
                                         const RefusalFacts& facts);

}  // namespace bottle
