#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/guard/views/view.h"

namespace bottle {

class DecodeSpace;

struct PackLimits {
  std::size_t objects = 200'000;          // looked into; the rest of a pack is passed over
  std::uint64_t object_bytes = 1u << 20;  // of one object; the rest is inflated, not shown
  std::uint64_t total_bytes = std::uint64_t{1} << 30;  // inflated in one body
};

// Reads a git pack (gitformat-pack) in a body, in any split: the body begins with "PACK", or with
// pkt-lines that a flush-pkt and "PACK" follow, as a push does. Each object is inflated and handed
// to the sink as a child text; of a delta object only the bytes that it inserts. Anything else, a
// damaged pack or a limit ends the reading without an error: the body as sent is
// looked at anyhow. All texts have slot 0. Memory: one inflater, taken from the space, and 16 KiB.
class PackReader {
 public:
  // `sink` and `space` outlive it.
  PackReader(ViewSink& sink, DecodeSpace& space, PackLimits limits);
  ~PackReader();
  PackReader(const PackReader&) = delete;
  PackReader& operator=(const PackReader&) = delete;

  void feed(ByteView in);
  // The body ended: an open child gets its last piece.
  void flush();
  // The body may still hold something to read: false from the first byte that is no pack's.
  [[nodiscard]] bool reading() const noexcept;
  // A limit or a lack of memory ended the reading before the pack's end.
  [[nodiscard]] bool cut_short() const noexcept;
  // It was a lack of memory.
  [[nodiscard]] bool lacks_memory() const noexcept;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace bottle
