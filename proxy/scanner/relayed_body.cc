#include "proxy/scanner/relayed_body.h"

#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {

std::optional<Failure> Cuts::at_end(std::uint64_t received) const {
  if (bytes != 0 && received == bytes) {
    return Failure{Code::UpstreamTruncated, "the scanner cuts responses at this size",
                   problem_code::kScannerSizeCut,
                   "Fetch it in parts, or raise the scanner's max_response_mb."};
  }
  if (time && Clock::now() >= *time) {
    return Failure{Code::UpstreamTruncated, "the scanner's time for a response was over",
                   problem_code::kScannerTimeCut, "Raise the scanner's timeout_seconds."};
  }
  return std::nullopt;
}

Cuts cuts_of(const PipelockOptions& options, bool events, Clock::time_point sent) {
  Cuts cuts;
  if (!events) {
    cuts.bytes = options.max_response_bytes;
  } else if (options.timeout.count() > 0) {
    cuts.time = sent + options.timeout;
  }
  return cuts;
}

awaitable<Result<Chunk>> RelayedBody::read(std::size_t max) {
  Chunk chunk;
  if (!first_.empty() || inner() == nullptr) {
    chunk.data = first_.substr(0, max);
    first_.erase(0, chunk.data.size());
    chunk.end = first_.empty() && inner() == nullptr;
  } else {
    auto piece = co_await inner()->read(max);
    if (!piece) co_return piece.error();
    chunk = std::move(*piece);
    chunk.trailers.reset();  // pipelock relays none: these have no known source
  }
  received_ += chunk.data.size();
  if (chunk.end) {
    auto cut = cuts_.at_end(received_);
    if (cut) co_return std::move(*cut);
  }
  co_return chunk;
}

}  // namespace bottle
