#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/secret_set_impl.h"
#include "proxy/guard/views/stream_mark.h"

namespace bottle {

class TextScan;

// A find before it is judged.
struct RawFind {
  bool exact = false;     // a value of the set, and not a shape
  std::size_t index = 0;  // of the value, or the shape's id
  ByteView token;         // a shape's: what matched, from its true start
  // In the text that was fed: for what stands in an encoded run, the whole run as far as it was
  // read. Behind escapes it is exact if it began in the last two KiB.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

class FindListener {
 public:
  virtual ~FindListener() = default;
  virtual bool found(const RawFind& find) = 0;  // false: enough, nothing more is looked at
  // False: such a find is of no use, so that its place need not be found out.
  [[nodiscard]] virtual bool wants(bool exact, std::size_t index) = 0;
  // There was no memory to look into a text, and nothing more is looked at.
  virtual void lacks_memory() = 0;
};

// Inflates compressed streams that texts were found to hold. The maker has the libraries.
class Inflater {
 public:
  virtual ~Inflater() = default;
  // Inflates from `in`, which it shortens, to a buffer of its own; the bytes live until the next
  // call. Empty: it needs more input, or it is done (what follows is no part of the stream).
  [[nodiscard]] virtual ByteView inflate(ByteView& in) = 0;
  // It ended for want of memory.
  [[nodiscard]] virtual bool lacks_memory() const noexcept = 0;
};
class InflaterMaker {
 public:
  virtual ~InflaterMaker() = default;
  // Null: it knows no such stream.
  [[nodiscard]] virtual std::unique_ptr<Inflater> make(StreamMark mark) = 0;
};

// Looks at one text that comes in pieces, and at the texts that are found in it: without its
// escapes (four layers), folded, and decoded from encoded runs and compressed streams, in these
// again, four deep. Work is linear: the texts of each depth have at most three times the bytes that
// were fed so far, and so has what is inflated; what is beyond that is not looked at. Each is an
// account of its own, so that a text made to be decoded to much takes nothing from the others, and
// texts that the root's runs decode to are looked at in any case (RunFinder bounds them). Memory:
// at most kMaxTexts texts at a time, and those of the root's runs.
class ScanTree {
 public:
  static constexpr unsigned kMaxDepth = 4;
  static constexpr std::size_t kMaxTexts = 32;
  // Of each stream, whatever the others were.
  static constexpr std::uint64_t kAlwaysInflated = 4096;
  static constexpr std::uint64_t kInflatedBytes = std::uint64_t{1} << 20;  // of one stream

  // All outlive it; `inflaters` may be null.
  ScanTree(const SecretSetImpl& set, MatchScratch& scratch, InflaterMaker* inflaters,
           FindListener& listener);
  ~ScanTree();
  ScanTree(const ScanTree&) = delete;
  ScanTree& operator=(const ScanTree&) = delete;

  void feed(ByteView bytes);
  void finish();
  // The next feed() begins another text.
  void reset();
  // Something waits for the byte behind it.
  [[nodiscard]] bool waiting() const;
  // An encoded run has not ended.
  [[nodiscard]] bool in_run() const;
  [[nodiscard]] bool stopped() const noexcept { return stopped_; }

  // For its texts.
  [[nodiscard]] const SecretSetImpl& set() const noexcept { return set_; }
  [[nodiscard]] MatchScratch& scratch() const noexcept { return scratch_; }
  [[nodiscard]] std::unique_ptr<TextScan> take(TextScan& parent, unsigned depth);
  void give_back(std::unique_ptr<TextScan> text);
  // False: so many bytes more at that depth are too many. Inflated bytes have depth 0.
  [[nodiscard]] bool spend(unsigned depth, std::size_t bytes) noexcept;
  [[nodiscard]] std::unique_ptr<Inflater> inflater(StreamMark mark);
  [[nodiscard]] bool report(const RawFind& find);
  void lacks_memory();
  [[nodiscard]] bool wants(bool exact, std::size_t index) {
    return !stopped_ && listener_.wants(exact, index);
  }

 private:
  const SecretSetImpl& set_;
  MatchScratch& scratch_;
  InflaterMaker* const inflaters_;
  FindListener& listener_;
  std::unique_ptr<TextScan> root_;
  std::vector<std::unique_ptr<TextScan>> spare_;
  std::size_t texts_ = 1;
  std::uint64_t fed_ = 0;
  std::array<std::uint64_t, kMaxDepth + 1> spent_{};  // by depth
  bool stopped_ = false;
};

}  // namespace bottle
