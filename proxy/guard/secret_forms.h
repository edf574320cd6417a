#pragma once

#include <cstddef>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/guard/literal_set.h"

namespace bottle {

// The pieces of a value that are looked for: all of a value of less than 32 bytes; of a longer one
// at most 48 bytes in the middle of each half (from 256 bytes on, of each quarter), so that each
// half is found by itself. A piece of a value of several lines is in one line. Pieces that many
// values of a kind share are left out: PEM headers, the header of a JWT, the scheme of a URL, and
// pieces of few different bytes.
[[nodiscard]] std::vector<ByteView> telling_pieces(ByteView value);
// Up to so many bytes the pieces of a value of one line are all of it.
inline constexpr std::size_t kWholeByHalves = 96;

// How a value looks in a text as it is: raw, reversed, with '+' for spaces, in base64 (three
// alignments, both alphabets), in uuencode and in hex.
void add_plain_forms(ByteView value, std::size_t owner, std::vector<Literal>& out);

// The same in a text of which letters and digits alone are left (see squeeze()): raw in four cases,
// reversed, rot13, base64, base32 (both alphabets), base85 and hex. Forms that are short then
// (kShortestSqueezed) would be found in ordinary text.
inline constexpr std::size_t kShortestSqueezed = 14;
void add_squeezed_forms(ByteView value, std::size_t owner, std::vector<Literal>& out);

// The same for forms of digits alone: lists of decimal and octal numbers of one, two, four and
// eight bytes, and binary digits; with the 0o and 0b of scripting languages. They are apart, as
// ordinary text has few places to look for them (see DigitText).
void add_number_forms(ByteView value, std::size_t owner, std::vector<Literal>& out);

// The forms that a host's name and a field's name leave of it: lower case, letters and digits.
void add_name_forms(ByteView value, std::size_t owner, std::vector<Literal>& out);

}  // namespace bottle
