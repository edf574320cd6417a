#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/leaf_text.h"
#include "proxy/guard/secret_scanner.h"

namespace bottle {

// Where a body goes, and the secrets to look for in it. `secrets` and `space` outlive it.
struct ScanPlace {
  const SecretSet& secrets;
  ScanSpace& space;
  std::string host;
  Scheme scheme = Scheme::Https;
};

struct FoundSpan {
  TextSpan span;
  Finding finding;
};

// Finds out which bytes of a text are what a scan of it hits: the scanner says that a hit is there,
// and this cuts the text until the hit is gone. Slow, and only used on texts that have one.
class SpanFinder {
 public:
  // A text with more of them is taken as one span to its end.
  static constexpr std::size_t kMaxSpans = 256;

  explicit SpanFinder(const ScanPlace& place) : place_(place) {}

  // In order, without overlaps. Empty: a scan of the text alone has no hit. A span holds all of a
  // token, also what is behind its shortest form, and of what goes over several lines (a key, an
  // encoded text) all lines.
  [[nodiscard]] std::vector<FoundSpan> find(ByteView text) const;
  // Where a hit ends that a scan of the text has, and that shows first in what is behind `begin`.
  [[nodiscard]] std::size_t end_of_hit(ByteView text, std::size_t begin) const;

 private:
  struct End {
    std::size_t at = 0;  // of the shortest beginning of the text that has a hit
    Finding finding;
  };
  [[nodiscard]] std::optional<End> first_end(ByteView text) const;
  [[nodiscard]] std::optional<std::size_t> end_within(ByteView text, std::size_t begin,
                                                      std::size_t lead) const;
  [[nodiscard]] std::size_t last_begin(ByteView text) const;
  [[nodiscard]] bool hits(ByteView text) const;

  const ScanPlace& place_;
};

}  // namespace bottle
