#pragma once

#include <chrono>
#include <memory>

#include "proxy/http/body.h"
#include "proxy/http/exchange.h"

namespace bottle {

// An event stream that keeps its reader awake: passes on what `inner` brings as it comes, and puts
// in comment lines where SseComments says so while nothing comes. A child in exchange.tasks() waits
// for `inner`; it reads one piece ahead of the reader at most.
[[nodiscard]] std::unique_ptr<BodySource> with_sse_comments(std::unique_ptr<BodySource> inner,
                                                            std::chrono::milliseconds idle,
                                                            Exchange& exchange);

}  // namespace bottle
