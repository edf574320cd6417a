#include "proxy/guard/views/run_finder.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "proxy/contract/hex_digit.h"
#include "proxy/guard/views/bounded_sink.h"
#include "proxy/guard/views/dump_lines.h"
#include "proxy/guard/views/number_list.h"
#include "proxy/guard/views/quiet_text.h"
#include "proxy/guard/views/quoted_printable.h"
#include "proxy/guard/views/run.h"
#include "proxy/guard/views/uuencode.h"
#include "proxy/guard/views/word_mask.h"

namespace bottle {

// Splits the text into words and decides which of them make up a run. Positions count from the
// text's beginning. Each decision rests on words that are complete, or on their first characters:
// so it does not depend on how the text was cut.
class RunFinder::State {
 public:
  State(ViewSink& sink, Reading reading)
      : pass_quiet_text_(reading == Reading::Exact
                             ? nullptr
                             : bottle::pass_quiet_text(
                                   reading == Reading::Portable ? Kernel::Portable : Kernel::Best)),
        sink_(sink, 1, Base64Lanes::kAlignments - 1),
        run_(sink_),
        decimal_(sink_, NumberList::Base::Decimal, 8),
        octal_(sink_, NumberList::Base::Octal, 9),
        dump_(sink_, 10, 13),
        quoted_(sink_, 11),
        uuencode_(sink_, 12) {}

  void feed(ByteView in);
  void flush();
  [[nodiscard]] bool has_cut_off() const noexcept { return sink_.has_cut_off(); }
  [[nodiscard]] bool idle() const noexcept {
    return !run_.is_open() && decimal_.is_empty() && octal_.is_empty() && !dump_.in_line() &&
           !quoted_.is_reading() && !uuencode_.is_reading();
  }

 private:
  using Place = std::uint64_t;

  // Of the text before the present piece: more than the words and gaps that are looked at again.
  static constexpr std::size_t kTail = 128;
  static constexpr std::size_t kShortestRepeated = 2;  // words of one length that make a run
  static constexpr std::size_t kAnyWidth = SIZE_MAX;
  // A run of short words goes on behind a prefix of the next line: where words of its length begin
  // again within kMostBetween bytes, kLeastResumed characters together.
  static constexpr Place kMostBetween = 64;
  static constexpr std::size_t kLeastResumed = 8;
  // A shorter piece is not worth looking for its quiet parts.
  static constexpr std::size_t kLeastQuiet = 256;

  void find_words(ByteView in);
  std::size_t find_words_in_block(std::size_t from);
  [[nodiscard]] bool is_quiet(Place at) const;
  QuietText pass_quiet(std::size_t from);
  void word_begins(Place at);
  void word_ends(Place at);
  // The present word reaches to `at`, at least.
  void word_reaches(Place at, bool ended);
  bool add_to_run(Place at, bool ended);
  bool add_short_word(Place at, bool ended);
  void interrupt(std::size_t size);
  void resume(std::size_t size);
  void repeat_short_word(std::size_t size);
  void end_run();
  void add_chars(Place from, Place to);
  void look_at_number(Place end, std::size_t size, bool may_be);
  void look_for_dump(Place end, std::size_t size);
  void look_for_quoted(Place end);
  void look_for_uuencode(Place end);

  // The present word begins a line, or a string, as "begin" does.
  [[nodiscard]] bool may_be_uuencode() const {
    return (first_ == 'b') & ((before_ == '\n') | (before_ == '"'));
  }
  [[nodiscard]] char at(Place place) const {
    return place >= begin_ ? in_[place - begin_] : tail_[kTail - (begin_ - place)];
  }
  [[nodiscard]] ByteView rest(Place from) const { return in_.substr(from - begin_); }
  void copy(Place from, std::size_t size, char* to) const;
  void keep_tail();

  const WordMask mask_ = word_mask();
  const PassQuietText pass_quiet_text_;  // null: each word is looked at
  BoundedSink sink_;
  Run run_;
  NumberList decimal_;
  NumberList octal_;
  DumpLines dump_;
  QuotedPrintable quoted_;
  Uuencode uuencode_;

  ByteView in_;      // the present piece
  Place begin_ = 0;  // where it begins
  std::array<char, kTail> tail_{};

  bool in_word_ = false;
  Place word_begin_ = 0;  // of the present or the last word
  Place word_end_ = 0;    // of the last word
  bool near_ = false;     // no more than kMaxGap bytes are before the present word
  char before_ = 0;       // the byte before the present word
  char first_ = 0;        // its first byte
  char behind_ = 0;       // the byte behind the last word
  Place added_ = 0;       // of the present word: what is in the run

  bool in_list_ = false;  // of numbers

  // Of the open run.
  std::size_t words_ = 0;
  std::size_t width_ = 0;
  bool interrupted_ = false;
  Place last_begin_ = 0;  // of the word that interrupted it, and belongs to it if it ends there
  std::size_t last_size_ = 0;  // so much of that belongs to it
  std::array<char, kMinWord> last_;

  // Words of one length that are no run yet; the last of them is the last word.
  std::size_t same_size_ = 0;
  Place same_begin_ = 0;
  std::size_t same_words_ = 0;
  std::size_t pending_size_ = 0;
  std::array<char, kMinJoined + kMinWord> pending_;
};

void RunFinder::State::feed(ByteView in) {
  in_ = in;
  sink_.read(in.size());
  if (dump_.in_line()) dump_.read(in, begin_);
  if (quoted_.is_reading()) quoted_.read(in, begin_);
  if (uuencode_.is_reading()) uuencode_.read(in, begin_);
  find_words(in);
  const Place end = begin_ + in.size();
  if (in_word_) word_reaches(end, false);
  if (run_.is_open()) run_.hand_out();
  decimal_.hand_out();
  octal_.hand_out();
  keep_tail();
  begin_ = end;
}

void RunFinder::State::find_words(ByteView in) {
  std::size_t i = 0;
  std::size_t looked_at = kMaskBytes;  // up to here the text is not quiet
  while (i < in.size()) {
    if (pass_quiet_text_ != nullptr && i >= looked_at && in.size() - i >= kLeastQuiet &&
        is_quiet(begin_ + i)) {
      const QuietText quiet = pass_quiet(i);
      i = quiet.resume;
      looked_at = quiet.end;
    }
    i += find_words_in_block(i);
  }
}

// Returns how many bytes that are.
std::size_t RunFinder::State::find_words_in_block(std::size_t from) {
  std::array<char, kMaskBytes> last{};
  const std::size_t size = std::min(kMaskBytes, in_.size() - from);
  const char* block = in_.data() + from;
  if (size < kMaskBytes) {
    std::memcpy(last.data(), block, size);
    block = last.data();
  }
  const std::uint64_t words = mask_(block);
  // Where words begin and end.
  std::uint64_t edges = words ^ (words << 1 | std::uint64_t{in_word_});
  if (size < kMaskBytes) edges &= (std::uint64_t{1} << size) - 1;
  for (; edges != 0; edges &= edges - 1) {
    const Place place = begin_ + from + static_cast<std::size_t>(__builtin_ctzll(edges));
    if (in_word_) {
      word_ends(place);
    } else {
      word_begins(place);
    }
  }
  return size;
}

// Nothing is open that the text from `at` on could belong to.
bool RunFinder::State::is_quiet(Place at) const {
  return !run_.is_open() && !dump_.in_line() && !quoted_.is_reading() && !uuencode_.is_reading() &&
         decimal_.count() < NumberList::kLeast && octal_.count() < NumberList::kLeast &&
         (!in_word_ || (at - word_begin_ < kMinWord && !may_be_uuencode()));
}

QuietText RunFinder::State::pass_quiet(std::size_t from) {
  const std::size_t open = in_word_ ? begin_ + from - word_begin_ : 0;
  const std::size_t numbers = std::max(decimal_.count(), octal_.count());
  const QuietText quiet = pass_quiet_text_(in_, from,
                                           {.open = open,
                                            .size = same_size_,
                                            .joined = same_words_ == 1 ? same_size_ : pending_size_,
                                            .numbers = numbers + (in_word_ ? 1 : 0)});
  if (quiet.resume == from) return quiet;
  // Words of one length and numbers that were there have ended.
  in_word_ = false;
  word_end_ = begin_ + quiet.resume;
  same_size_ = 0;
  decimal_.end_list();
  octal_.end_list();
  in_list_ = false;
  return quiet;
}

void RunFinder::State::word_begins(Place at) {
  in_word_ = true;
  near_ = at - word_end_ <= kMaxGap;
  word_begin_ = added_ = at;
  first_ = in_[at - begin_];
  before_ = at > 0 ? this->at(at - 1) : '\n';
  // Padding ends base64; between short words "=" may be quoted-printable's.
  if (!run_.is_open()) return;
  if (interrupted_) {
    if (at - last_begin_ > kMostBetween) end_run();
  } else if (!near_ || (behind_ == '=' && width_ >= kMinWord)) {
    end_run();
  }
}

void RunFinder::State::word_ends(Place at) {
  in_word_ = false;
  const std::size_t size = at - word_begin_;
  behind_ = in_[at - begin_];
  // Not short-circuited: each of these is false for most words, but the parts are as good as
  // random.
  const bool may_be_number = (size <= NumberList::kMostDigits) & (first_ >= '0') & (first_ <= '9');
  const bool may_be_offset = (size >= DumpLines::kLeastOffset) & (size <= DumpLines::kMostOffset) &
                             DumpLines::may_be_offset(before_, first_, behind_);
  if (may_be_number | in_list_) look_at_number(at, size, may_be_number);
  if (may_be_offset) look_for_dump(at, size);
  if (behind_ == '=') look_for_quoted(at);
  if ((size == 5) & may_be_uuencode()) look_for_uuencode(at);
  word_reaches(at, true);
  word_end_ = at;
}

void RunFinder::State::word_reaches(Place at, bool ended) {
  if (run_.is_open() && !interrupted_ && add_to_run(at, ended)) return;
  const std::size_t size = at - word_begin_;
  if (size >= kMinWord) {
    if (run_.is_open()) end_run();
    run_.begin(word_begin_, 0);
    added_ = word_begin_;
    words_ = 0;
    width_ = kAnyWidth;
    (void)add_to_run(at, ended);
  } else if (ended) {
    repeat_short_word(size);
  }
}

// False: the word does not belong to the run, which is interrupted.
bool RunFinder::State::add_to_run(Place at, bool ended) {
  if (width_ < kMinWord) return add_short_word(at, ended);
  const std::size_t size = at - word_begin_;
  // A long line may be longer than the one before: that one stood behind something else.
  if (added_ == word_begin_ && words_ > 0) run_.next_word(words_ == 1);
  add_chars(added_, at);
  added_ = at;
  if (!ended) return true;
  ++words_;
  if (words_ > 1 && size < width_) {
    end_run();  // the last line is shorter
  } else {
    width_ = size;
  }
  return true;
}

// The last word of a run may be shorter, and longer if it is glued to what follows.
bool RunFinder::State::add_short_word(Place at, bool ended) {
  const std::size_t size = at - word_begin_;
  if (size > width_) {
    interrupt(width_);
    return false;
  }
  if (!ended) return true;
  if (size < width_) {
    interrupt(size);
    return true;
  }
  add_chars(word_begin_, at);
  ++words_;
  return true;
}

// Of the present word so many characters belong to the run if it does not go on behind it.
void RunFinder::State::interrupt(std::size_t size) {
  interrupted_ = true;
  last_begin_ = word_begin_;
  last_size_ = size;
  copy(word_begin_, size, last_.data());
  same_size_ = 0;
}

// The run goes on with the words of one length, of which the present one is the last.
void RunFinder::State::resume(std::size_t size) {
  run_.add(pending_.data(), pending_size_, word_begin_ + size);
  words_ += same_words_;
  interrupted_ = false;
}

void RunFinder::State::repeat_short_word(std::size_t size) {
  if (size != same_size_ || !near_ || size < kShortestRepeated) {
    same_size_ = size;
    same_begin_ = word_begin_;
    same_words_ = 1;
    return;
  }
  if (same_words_ == 1) {
    copy(same_begin_, size, pending_.data());
    pending_size_ = size;
  }
  copy(word_begin_, size, pending_.data() + pending_size_);
  pending_size_ += size;
  ++same_words_;
  if (interrupted_ && size == width_ && pending_size_ >= kLeastResumed) return resume(size);
  if (pending_size_ < kMinJoined) return;
  if (run_.is_open()) end_run();
  run_.begin(same_begin_, size);
  run_.add(pending_.data(), pending_size_, word_begin_ + size);
  words_ = same_words_;
  width_ = size;
}

void RunFinder::State::end_run() {
  if (interrupted_) {
    run_.add(last_.data(), last_size_, last_begin_ + last_size_);
    interrupted_ = false;
  } else {
    same_size_ = 0;
  }
  run_.finish();
}

void RunFinder::State::add_chars(Place from, Place to) {
  if (from < begin_) {
    // A word that was too short for a run when the last piece ended.
    std::array<char, kTail> chars;
    const Place end = std::min(to, begin_);
    copy(from, end - from, chars.data());
    run_.add(chars.data(), end - from, end);
    from = end;
  }
  if (from < to) run_.add(in_.data() + (from - begin_), to - from, to);
}

void RunFinder::State::look_at_number(Place end, std::size_t size, bool may_be) {
  if (!may_be || !near_) {
    decimal_.end_list();
    octal_.end_list();
  }
  if (may_be) {
    std::array<char, NumberList::kMostDigits> digits;
    copy(word_begin_, size, digits.data());
    decimal_.add(ByteView(digits.data(), size), word_begin_, end);
    octal_.add(ByteView(digits.data(), size), word_begin_, end);
  }
  in_list_ = !decimal_.is_empty() || !octal_.is_empty();
}

void RunFinder::State::look_for_dump(Place end, std::size_t size) {
  if (!dump_.may_begin_line(word_begin_)) return;
  std::array<char, DumpLines::kMostOffset> offset;
  copy(word_begin_, size, offset.data());
  const bool all_hex = std::all_of(offset.begin(), offset.begin() + size,
                                   [](char c) { return hex_digit(c) != kNoDigit; });
  if (!all_hex) return;
  dump_.begin_line(word_begin_);
  dump_.read(rest(end), end);
}

void RunFinder::State::look_for_quoted(Place end) {
  if (quoted_.is_reading() || end < quoted_.read_to()) return;
  if (!QuotedPrintable::may_begin(rest(end).substr(0, 3))) return;
  std::array<char, QuotedPrintable::kBefore> before;
  const std::size_t size = std::min<Place>(QuotedPrintable::kBefore, end);
  copy(end - size, size, before.data());
  quoted_.begin(ByteView(before.data(), size), end);
  quoted_.read(rest(end), end);
}

void RunFinder::State::look_for_uuencode(Place end) {
  std::array<char, 5> word;
  copy(word_begin_, word.size(), word.data());
  if (ByteView(word.data(), word.size()) != "begin" || uuencode_.is_reading()) return;
  uuencode_.begin(word_begin_);
  uuencode_.read(rest(end), end);
}

void RunFinder::State::copy(Place from, std::size_t size, char* to) const {
  std::size_t before = 0;
  if (from < begin_) {
    before = std::min<std::size_t>(size, begin_ - from);
    std::memcpy(to, tail_.data() + (kTail - (begin_ - from)), before);
    from += before;
  }
  if (before < size) std::memcpy(to + before, in_.data() + (from - begin_), size - before);
}

void RunFinder::State::keep_tail() {
  if (in_.size() >= kTail) {
    std::memcpy(tail_.data(), in_.data() + in_.size() - kTail, kTail);
    return;
  }
  std::memmove(tail_.data(), tail_.data() + in_.size(), kTail - in_.size());
  std::memcpy(tail_.data() + kTail - in_.size(), in_.data(), in_.size());
}

void RunFinder::State::flush() {
  in_ = {};
  if (in_word_) {
    const std::size_t size = begin_ - word_begin_;
    const bool digit = first_ >= '0' && first_ <= '9';
    look_at_number(begin_, size, size <= NumberList::kMostDigits && digit);
    word_reaches(begin_, true);
  }
  if (run_.is_open()) end_run();
  decimal_.end_list();
  octal_.end_list();
  in_list_ = false;
  dump_.finish(begin_);
  quoted_.finish(begin_);
  quoted_.begin_text();
  uuencode_.finish(begin_);
  sink_.begin_text();
  begin_ = word_begin_ = word_end_ = added_ = 0;
  in_word_ = false;
  same_size_ = 0;
}

RunFinder::RunFinder(ViewSink& sink, Reading reading)
    : state_(std::make_unique<State>(sink, reading)) {}
RunFinder::~RunFinder() = default;

void RunFinder::feed(ByteView in) {
  if (!in.empty()) state_->feed(in);
}
void RunFinder::flush() { state_->flush(); }
bool RunFinder::idle() const noexcept { return state_->idle(); }
bool RunFinder::has_cut_off() const noexcept { return state_->has_cut_off(); }

}  // namespace bottle
