#include "proxy/guard/short_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "proxy/guard/views/base64_units.h"
#include "proxy/guard/views/dump_lines.h"
#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/fold.h"
#include "proxy/guard/views/number_list.h"
#include "proxy/guard/views/quoted_printable.h"
#include "proxy/guard/views/run_finder.h"
#include "proxy/guard/views/squeeze.h"
#include "proxy/guard/views/stream_mark.h"
#include "proxy/guard/views/word_mask.h"

namespace bottle {
namespace {

// With so few characters of words there is no run, and no list of numbers.
constexpr std::size_t kFewWordChars = NumberList::kLeast;
static_assert(kFewWordChars <= RunFinder::kMinWord && kFewWordChars <= RunFinder::kMinJoined);
// A dump's offset and the byte behind it are printable, and so is uuencode's "begin 644".
static_assert(kPrintableInShape <= DumpLines::kLeastOffset + 1);

constexpr std::uint8_t kPrintable = 1;
constexpr std::uint8_t kWord = 2;
constexpr std::uint8_t kEquals = 4;
constexpr std::array<std::uint8_t, 256> kKinds = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned i = 0; i < 256; ++i) {
    const bool space = i == '\v' || i == '\f';
    unsigned kinds = is_text(static_cast<unsigned char>(i)) || space ? kPrintable : 0u;
    if (kWordChars[i]) kinds |= kWord;
    if (i == '=') kinds |= kEquals;
    table[i] = static_cast<std::uint8_t>(kinds);
  }
  return table;
}();

// The bytes are too scattered for a shape, and for anything encoded.
bool is_scattered(ByteView text) {
  std::size_t printable = 0;
  std::size_t longest = 0;
  std::size_t words = 0;
  unsigned kinds = 0;
  for (const char c : text) {
    const unsigned kind = kKinds[static_cast<unsigned char>(c)];
    kinds |= kind;
    words += (kind & kWord) != 0 ? 1u : 0u;
    printable = (kind & kPrintable) != 0 ? printable + 1 : 0;
    longest = std::max(longest, printable);
  }
  if (longest >= kPrintableInShape || words >= kFewWordChars) return false;
  if ((kinds & kEquals) == 0) return true;
  for (std::size_t at = text.find('='); at != ByteView::npos; at = text.find('=', at + 1)) {
    if (QuotedPrintable::may_begin(text.substr(at, 3))) return false;
  }
  return true;
}

struct AnyLiteral final : LiteralListener {
  bool found(std::size_t, std::uint64_t, std::uint64_t) override {
    any = true;
    return false;
  }
  bool any = false;
};

bool has_literal(ByteView text, const LiteralSet& set) {
  if (text.size() < LiteralSet::kShortest) return false;
  AnyLiteral listener;
  LiteralStream stream;
  stream.scan(set, text, listener);
  if (!listener.any) stream.finish(listener);
  return listener.any;
}

bool tells(ByteView text, const SecretSetImpl& set) {
  if (!is_scattered(text)) return true;
  if (has_literal(text, set.plain)) return true;
  thread_local Bytes squeezed;  // of no use between calls
  squeezed.clear();
  squeeze(text, squeezed);
  return has_literal(squeezed, set.squeezed) || has_literal(squeezed, set.numbers);
}

}  // namespace

bool may_tell(ByteView text, const SecretSetImpl& set) {
  if (text.empty()) return false;
  const StreamMark mark = stream_mark(text.substr(0, 4));
  if (mark != StreamMark::None && mark != StreamMark::Maybe) return true;
  if (EscapeView::find_escape(text) != ByteView::npos) return true;
  if (tells(text, set)) return true;
  Fold fold;
  if (fold.passes(text)) return false;
  thread_local Bytes folded;
  folded.clear();
  fold.decode(text, folded);
  fold.flush(folded);
  return tells(folded, set);
}

}  // namespace bottle
