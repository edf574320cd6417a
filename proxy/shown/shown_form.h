#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/contract/guard_settings.h"
#include "proxy/contract/shown_record.h"
#include "proxy/guard/json_leaves.h"
#include "proxy/ledger/known_text.h"

namespace bottle {

// Decides which strings of a JSON body the scanner is shown. Left out, and shown as empty
// strings, are those that the scanner passed to this destination before (seen), those that the
// destination sent itself (theirs), and those that no pattern can read (opaque); and the further
// copies of a short string (repeated). All other bytes are shown as they are, so the form is valid
// JSON of the same structure. docs/what-pipelock-sees.md says why that is enough.
//
// Sans-I/O; one body. Looking at it is cut into turns. Linear; memory is bounded by the maxima
// below: what is beyond them is shown.
class ShownForm {
 public:
  static constexpr std::size_t kMostLeftOut = 64 * 1024;  // strings
  static constexpr std::size_t kMostMarks = 64 * 1024;    // shown strings that are remembered
  static constexpr std::size_t kMostRepeated = 4 * 1024;  // short strings
  static constexpr std::size_t kLongestRepeated = KnownText::kShortest - 1;

  struct Rules {
    KnownText::Kind passed = KnownText::Kind::Passed;  // texts of this kind are left out
    bool theirs = true;                                // so are those that the destination sent
    bool repeated = true;                              // and further copies of short strings
    OpaqueRule opaque = OpaqueRule::Guard;
  };
  // For the answer of a destination: what it said before is no reason not to read it.
  static constexpr Rules kOfAnswers{.passed = KnownText::Kind::Answered,
                                    .theirs = false,
                                    .repeated = false,
                                    .opaque = OpaqueRule::Scan};

  // [begin, end) of the body is not shown.
  struct Gap {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  // `body` and `known` outlive it.
  ShownForm(ByteView body, KnownText& known, const KnownText::Place& place, Rules rules);

  // Looks at about `bytes` more of the body. False: it was the last turn.
  [[nodiscard]] bool look(std::size_t bytes);

  // After the last turn. False: the body is no JSON text, and goes as it is.
  [[nodiscard]] bool is_json();
  [[nodiscard]] const std::vector<Gap>& gaps() const noexcept { return gaps_; }
  [[nodiscard]] const ShownRecord& record() const noexcept { return record_; }
  // Of the strings that are shown: to be remembered once the scanner has passed them.
  [[nodiscard]] std::vector<TextMark> take_marks() noexcept { return std::move(marks_); }

 private:
  void look_at(const JsonLeaves::Leaf& leaf);
  void look_at_long(const JsonLeaves::Leaf& leaf, ByteView raw);
  bool leave_out(std::size_t begin, std::size_t end, std::uint64_t& count);

  const ByteView body_;
  KnownText& known_;
  const KnownText::Place place_;
  Rules rules_;
  JsonLeaves leaves_;
  std::vector<Gap> gaps_;
  std::vector<TextMark> marks_;
  std::set<ByteView> repeated_;  // no hash: the strings are the agent's
  ShownRecord record_;
};

}  // namespace bottle
