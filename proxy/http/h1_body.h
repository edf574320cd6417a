#pragma once

#include <cstddef>
#include <cstdint>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_lines.h"

namespace bottle {

// The body's framing: counts lengths, takes chunks apart. Extensions are vetted and forgotten.
class H1Body {
 public:
  explicit H1Body(const HeadLimits& limits);

  void start(BodyFraming framing);
  // Appends body bytes to `out`; consumes up to the end of the body.
  Result<std::size_t> feed(ByteView in, Bytes& out);
  [[nodiscard]] bool complete() const { return state_ == State::Complete; }
  [[nodiscard]] bool until_close() const { return state_ == State::UntilClose; }
  // The peer closed: only an UntilClose body may end so.
  void close() { state_ = State::Complete; }
  [[nodiscard]] ByteView trailer_text() const { return trailers_.text(); }
  void clear();

 private:
  enum class State : std::uint8_t {
    Counted,
    ChunkSize,
    ChunkData,
    ChunkEnd,
    Trailers,
    UntilClose,
    Complete
  };

  Result<void> chunk_size();

  HeadLimits limits_;
  State state_ = State::Complete;
  std::uint64_t remaining_ = 0;
  std::size_t ext_total_ = 0;
  Bytes line_;  // a chunk-size line, or the CRLF behind a chunk
  H1Lines trailers_;
};

}  // namespace bottle
