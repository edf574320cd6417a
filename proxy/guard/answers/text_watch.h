#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/answers/answer_set.h"
#include "proxy/guard/answers/signal_window.h"
#include "proxy/guard/matcher.h"

namespace bottle {

// Where a piece of text stands, as far as that changes its meaning.
enum class Setting : std::uint8_t {
  Shown,
  Comment,
  Hidden,  // in an element that is not shown
  Code,    // in an element for code, or a script
};

// From `at` on, counted from the text's start, the text stands there.
struct SettingMark {
  std::uint64_t at = 0;
  Setting setting = Setting::Shown;
};

// Told of what a text holds; `at` is where, counted in its bytes.
class FoundListener {
 public:
  virtual ~FoundListener() = default;
  virtual void found(AnswerClass what, std::uint64_t at) = 0;
};

// Looks for the phrases of an AnswerSet in one text that comes in pieces, in any split; what is
// found does not depend on the cuts. Nearly all text is only looked over for a few words
// (WordIndex): the words around them are compared with the phrases, and the matcher sees what
// stands near a trigger. Memory: a matcher stream once there is a trigger, and a few KiB of the
// text. Work is linear: behind words only so much is looked at closely as the text is long.
class TextWatch final : private MatchListener, private WordIndex::Listener {
 public:
  // All outlive it.
  TextWatch(const AnswerSet& set, MatchScratch& scratch, FoundListener& listener);

  // `marks`: in the order of their places, all within `text` or at its ends.
  void feed(ByteView text, std::span<const SettingMark> marks);
  void feed(ByteView text) { feed(text, {}); }
  void finish();

  [[nodiscard]] std::uint64_t size() const noexcept { return begin_; }
  // Of the text so far: the largest sum of signs that stood near each other.
  [[nodiscard]] unsigned heaviest() const noexcept { return heaviest_; }

 private:
  enum class EventKind : std::uint8_t { Fence, Phrase, Link };
  // Something that stands in the text, up to `at`.
  struct Event {
    std::uint64_t at = 0;
    EventKind kind = EventKind::Phrase;
    const AnswerSet::Candidate* candidate = nullptr;
  };

  void look(ByteView text, std::size_t from, std::size_t to);
  void word(std::size_t index, std::size_t begin) override;
  void pair(std::size_t index, std::size_t begin) override;
  void look_for_triggers(const AnswerSet::Target& target, std::size_t begin);
  void compare(const AnswerSet::Target& target, std::size_t begin, std::size_t end);
  void fence(std::size_t end) override;
  bool matched(std::size_t id, unsigned long long end) override;
  void match_near_triggers();
  void match_until(std::uint64_t end);
  void tell_events();
  void sign(const AnswerSet::Candidate& candidate, std::uint64_t at);
  void link(std::uint64_t question);
  void end_link();
  void follow_link(ByteView text);
  void keep(ByteView text);
  // At most `most` bytes of the text that end before `end`. Lives until the next call.
  [[nodiscard]] ByteView before(std::uint64_t end, std::size_t most);
  [[nodiscard]] Setting setting_at(std::uint64_t at);
  [[nodiscard]] bool quoted(std::uint64_t at);

  const AnswerSet& set_;
  FoundListener& listener_;
  SignalWindow signs_;
  unsigned heaviest_ = 0;
  std::uint64_t begin_ = 0;  // of what is being fed; afterwards the size so far
  ByteView block_;
  Bytes tail_;    // the text in front of the block
  Bytes joined_;  // of tail and block
  std::vector<Event> events_;
  // Of look(): the text, and where it begins.
  ByteView looked_at_;
  std::uint64_t looked_from_ = 0;
  std::size_t work_ = 0;  // steps that this text may still take
  // The matcher's part of the text.
  MatchStream stream_;
  std::vector<std::uint64_t> triggers_;
  std::uint64_t stream_from_ = 0;  // where its stream began
  std::uint64_t matched_to_ = 0;
  std::uint64_t match_until_ = 0;
  std::span<const SettingMark> marks_;
  std::size_t next_mark_ = 0;
  Setting setting_ = Setting::Shown;
  bool fenced_ = false;
  std::uint64_t discussed_until_ = 0;
  bool in_link_ = false;
  bool link_is_image_ = false;
  Bytes link_;
};

}  // namespace bottle
