#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/http/fields.h"
#include "proxy/http/head.h"

namespace bottle {

// The lines of a head or a trailer section, collected and vetted byte by byte before any parser
// sees them: CRLF only, no fold, no control bytes, "name:" with a token in front, limits on
// everything. Each byte is looked at a constant number of times however it arrives.
class H1Lines {
 public:
  enum class Section : std::uint8_t { RequestHead, ResponseHead, Trailers };
  struct Limits {
    std::size_t bytes, fields, name, start_line;
  };
  H1Lines(Section section, Limits limits) : section_(section), limits_(limits) {}

  // Consumes up to and including the empty line; `done()` then.
  Result<std::size_t> feed(ByteView in);
  [[nodiscard]] bool done() const { return done_; }
  [[nodiscard]] bool started() const { return started_; }
  [[nodiscard]] ByteView text() const { return text_; }  // with the empty line
  [[nodiscard]] std::size_t fields() const { return fields_; }
  void clear();

 private:
  Result<void> line(ByteView text);

  Section section_;
  Limits limits_;
  Bytes text_;
  std::size_t line_start_ = 0;  // of the line that is being collected
  std::size_t fields_ = 0;
  bool start_line_seen_ = false;
  bool leading_crlf_seen_ = false;
  bool started_ = false;
  bool done_ = false;
};

// "HTTP/1.1" and "HTTP/1.0", in capitals; nothing else.
[[nodiscard]] std::optional<Version> parse_version(ByteView text) noexcept;

// The fields of a trailer section that H1Lines passed, with its empty line.
[[nodiscard]] Fields parse_trailers(ByteView text);

}  // namespace bottle
