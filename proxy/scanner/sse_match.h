#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "certs/digest.h"
#include "proxy/base/bytes.h"
#include "proxy/base/result.h"
#include "proxy/http/byte_queue.h"

namespace bottle {

// Reads an event stream line by line the way the scanner does (docs/pipelock.md, section 7), which
// is not quite how a client does it: a line ends at LF alone, the type of a block without data goes
// over to the next event, the last id stays. Sans-I/O.
class SseEvents {
 public:
  // Two events are the same if their keys are.
  struct Key {
    Digest content{};  // type, retry and data
    Digest id{};       // the last one that was set
    bool own_id = false;
  };

  // One line, without its end. True if it ended an event that has data: then take() it.
  [[nodiscard]] bool line(ByteView line);
  // The stream ends here: true if that ends an event with data.
  [[nodiscard]] bool end() const noexcept { return data_.has_value(); }
  [[nodiscard]] Key take();
  // The event's other lines, as the scanner writes them; the caller adds the data lines.
  [[nodiscard]] Bytes heading() const;

 private:
  std::string type_;
  std::string retry_;
  std::string id_;
  bool own_id_ = false;
  std::optional<Sha256> data_;
};

// The events that the scanner passed, as the origin sent them. The scanner writes events anew and
// drops comments; this finds each event that it passed among the bytes that it was given, and gives
// those bytes out, with the comments and the blocks without data that stood before it. An event
// that it did not pass is not given out. Comments and blocks without data need no decision once
// every event before them has been passed or dropped.
//
// A client may see a line's end where the scanner sees none (a CR alone), or an event where it saw
// an unknown field (behind a byte order mark): such a block goes out as the scanner wrote it, and
// such a comment not at all.
class SseMatch {
 public:
  // `max_event`: bytes of one block, fields and comments.
  explicit SseMatch(std::size_t max_event) : max_event_(max_event) {}

  // The origin's bytes, in any split, before those of the scanner's that answer them.
  // UpstreamBroken
  // ("event_too_large") for a block above the limit.
  [[nodiscard]] Result<> original(ByteView bytes);
  void original_ended();
  // The scanner's. UpstreamBroken ("changed_by_scanner") for an event that the origin did not send.
  [[nodiscard]] Result<> passed(ByteView bytes);
  // Both ended. UpstreamTruncated ("scanner_cut_stream") if events were not passed.
  [[nodiscard]] Result<> finish();

  [[nodiscard]] Bytes take(std::size_t max) { return ready_.take(max); }
  [[nodiscard]] std::size_t ready() const noexcept { return ready_.size(); }
  // The cost of remembering one block, beside its bytes.
  static constexpr std::size_t kBlockCost = 128;
  // Bytes of the origin's that wait for the scanner, with the cost of their blocks: an event has
  // seven bytes, at least.
  [[nodiscard]] std::size_t held() const noexcept {
    return blocks_bytes_ + blocks_.size() * kBlockCost + tail_.size() - begin_;
  }

 private:
  struct Block {
    Bytes raw;
    std::optional<SseEvents::Key> event;  // none: no data in it
  };

  void original_line(std::size_t line_end);
  void end_block(std::size_t end, bool has_event);
  void remember(Block block);
  [[nodiscard]] Bytes as_the_scanner_writes(ByteView block) const;
  [[nodiscard]] bool release(const SseEvents::Key& event);
  void release_free();

  const std::size_t max_event_;
  // The origin's: tail_ from begin_ is the block that is not complete; before read_ its lines have
  // been looked at.
  SseEvents origin_;
  Bytes tail_;
  std::size_t begin_ = 0;
  std::size_t read_ = 0;
  std::size_t comments_ = 0;  // the block begins with comments up to here
  bool only_comments_ = true;
  bool first_line_ = true;
  bool two_readings_ = false;
  std::deque<Block> blocks_;
  std::size_t blocks_bytes_ = 0;
  // The scanner's.
  SseEvents scanner_;
  Bytes line_;
  std::optional<SseEvents::Key> early_;  // perhaps the block that only the stream's end ends

  ByteQueue ready_;
};

}  // namespace bottle
