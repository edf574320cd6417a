#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/failure.h"
#include "proxy/http/head.h"

namespace bottle {

// Whether a response that came from pipelock's port is pipelock's own word, and what it means.
// 2.3 puts no mark on its own answers, later versions put fields into their refusals
// (docs/pipelock.md, section 3). Their form, down to the order of fields on the wire, tells them
// from an origin's: one that leaves out Date and copies the form exactly can pass its own refusal
// off as pipelock's. That mislabels its answer and does nothing else.
struct PipelockVerdict {
  enum class Kind : std::uint8_t {
    Relayed,  // the origin's answer: pass it on
    Refused,  // pipelock said no: `failure` says why, with its text as the detail
    Failed,   // pipelock could not do it: answer with `failure` instead
  };
  Kind kind = Kind::Relayed;
  Failure failure;
  std::chrono::seconds retry_after{0};  // not zero: the same request may pass after it
  bool target_has_secret = false;       // or what looks like one
};

// Enough of the body to tell; a body that is longer is the origin's.
inline constexpr std::size_t kPipelockBlockBody = 4096;

// The parties that can have put the fields which mark a refusal (block_reason.h) into an answer.
enum class BlockMark : std::uint8_t {
  AnOriginToo,  // no exit: pipelock may relay what an origin wrote, so the form has to fit as well
  PipelockAlone,  // the exit takes an origin's off: a mark is proof, whatever the form
};

// Looks at the head alone, without an exit: true if it could be pipelock's own, so that up to
// kPipelockBlockBody bytes of the body must be read (and kept) before anything is passed on.
// `head.fields` must be in wire order, with Content-Type, Date and X-Content-Type-Options still
// there, and `head.content_length` as declared.
[[nodiscard]] bool may_be_pipelocks_own(const ResponseHead& head);

// The verdict. `body` is the whole body, or more than kPipelockBlockBody bytes of it; empty for
// HEAD (where the head alone decides).
[[nodiscard]] PipelockVerdict pipelock_verdict(const ResponseHead& head, ByteView body,
                                               bool request_was_head, BlockMark mark);

}  // namespace bottle
