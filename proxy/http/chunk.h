#pragma once

#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/http/fields.h"

namespace bottle {

// A piece of a body. `end` means that the body is complete with this piece; only then may there be
// trailers. An empty piece that is not the end never leaves a BodySource.
struct Chunk {
  Bytes data;
  bool end = false;
  std::optional<Fields> trailers;
};

}  // namespace bottle
