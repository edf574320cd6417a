#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/ledger/json_unescape.h"
#include "proxy/ledger/known_text.h"

namespace bottle {

// Remembers the strings of a JSON answer, or of the JSON in an event stream's data lines, as texts
// that the destination sent itself. Checks no JSON: all that stands between two quotes was sent by
// the destination. A line's end ends a string, so a stray quote costs no more than its line.
// Linear; memory does not depend on the answer.
class SaidStrings {
 public:
  // `known` outlives it.
  SaidStrings(KnownText& known, const KnownText::Place& place) : known_(known), place_(place) {}

  void feed(ByteView piece);

 private:
  // Of one piece, before they are added.
  static constexpr std::size_t kMarks = 1024;

  void begin_string();
  void add_to_string(ByteView raw);
  void end_string();
  void hand_in();

  KnownText& known_;
  const KnownText::Place place_;
  bool in_string_ = false;
  bool escaped_ = false;  // the byte before was a backslash
  JsonUnescape unescape_;
  Bytes text_;                  // of the string: what is not hashed yet
  std::optional<Sha256> hash_;  // of a string that is long enough
  std::vector<TextMark> marks_;
};

// The mark that SaidStrings gives a string. `raw`: what stands between its quotes.
[[nodiscard]] TextMark mark_of_string(const KnownText& known, ByteView raw);

}  // namespace bottle
