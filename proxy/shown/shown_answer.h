#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "proxy/base/awaitable.h"
#include "proxy/base/result.h"
#include "proxy/body/spool.h"
#include "proxy/http/body.h"
#include "proxy/shown/shown_body.h"

namespace bottle {

// An answer's body that was read before the scanner is given any of it.
struct CollectedAnswer {
  std::shared_ptr<const SpooledBody> whole;  // null: it is larger than `most`
  std::optional<Fields> trailers = {};       // of the whole
  // Of a larger one: what was read, in two parts, and whether that was all.
  std::shared_ptr<const SpooledBody> beginning = nullptr;
  Bytes next = {};
  bool ended = false;
};

// Reads `body` to its end, if that comes within `most` bytes. All outlive the call, and `spool` the
// bodies. Failure: the body's; a spool that is full only means that the body is not collected.
awaitable<Result<CollectedAnswer>> collect_answer(BodySource& body, Spool& spool, std::size_t most);

// The larger body, of which `rest` has what was not read.
[[nodiscard]] std::unique_ptr<BodySource> resumed(CollectedAnswer collected,
                                                  std::unique_ptr<BodySource> rest);

// The form of an answer that the scanner is shown: of JSON the strings that it has not passed from
// this destination before; of another document nothing, if it has passed all of it. All outlive
// the call.
awaitable<ShownBody> make_shown_answer(std::shared_ptr<const SpooledBody> whole, bool is_json,
                                       Spool& spool, KnownText& known, KnownText::Place place);

}  // namespace bottle
