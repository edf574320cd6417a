// Compressed messages: however they are cut and whatever room there is, the same text comes out,
// within the limits; and a text that is compressed is read back.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/body/message_deflate.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

constexpr MessageInflater::Bomb kLimits{.ratio = 100, .ratio_after = 1 << 16};

struct Outcome {
  bool complete = false;
  Bytes text;
};

Outcome inflate_one(MessageInflater& inflater, ByteView in, std::size_t step,
                    std::size_t room_size) {
  Outcome outcome;
  Bytes room(room_size, '\0');
  do {
    ByteView piece = in.substr(0, step);
    in.remove_prefix(piece.size());
    const bool last = in.empty();
    std::size_t idle = 0;
    for (;;) {
      const std::size_t before = piece.size();
      const auto made = inflater.inflate(piece, room, last);
      if (!made) return outcome;
      FUZZ_CHECK(*made <= room.size() && piece.size() <= before);
      outcome.text.append(room, 0, *made);
      FUZZ_CHECK(outcome.text.size() <= kLimits.ratio_after + room.size() ||
                 outcome.text.size() <= kLimits.ratio * (in.size() + before + outcome.text.size()));
      if (last ? inflater.done() : piece.empty() && *made < room.size()) break;
      idle = *made == 0 && piece.size() == before ? idle + 1 : 0;
      FUZZ_CHECK(idle < 3);
    }
  } while (!in.empty());
  outcome.complete = true;
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const bool keeps = (data[0] & 1) != 0;
  const int bits = 8 + (data[0] >> 1) % 8;
  const std::size_t step = data[1] == 0 ? 1 : data[1];
  const ByteView in(reinterpret_cast<const char*>(data) + 3, size - 3);
  // Two messages, so that the second may refer to the first.
  const std::size_t cut_at = std::min<std::size_t>(data[2], in.size());
  DecodeSpace space(std::size_t{1} << 20);
  {
    MessageInflater whole(space, keeps, kLimits);
    MessageInflater cut(space, keeps, kLimits);
    bool small = true;
    for (const ByteView message : {in.substr(0, cut_at), in.substr(cut_at)}) {
      const Outcome a = inflate_one(whole, message, message.size() + 1, 65536);
      const Outcome b = inflate_one(cut, message, step, 977);
      // The ratio is looked at in other places of the stream.
      small = small && a.text.size() < kLimits.ratio_after && b.text.size() < kLimits.ratio_after;
      if (small) FUZZ_CHECK(a.complete == b.complete);
      if (a.complete && b.complete) FUZZ_CHECK(a.text == b.text);
      if (!a.complete || !b.complete) break;
    }
  }
  {
    MessageDeflater deflater(space, keeps, bits);
    MessageInflater inflater(space, keeps, {.ratio = 2000, .ratio_after = 1});
    for (int message = 0; message < 2 && deflater.begin(); ++message) {
      Bytes packed;
      ByteView rest = in;
      do {
        const ByteView piece = rest.substr(0, step);
        rest.remove_prefix(piece.size());
        deflater.deflate(piece, rest.empty(), packed);
      } while (!rest.empty());
      const Outcome back = inflate_one(inflater, packed, packed.size() + 1, 4096);
      FUZZ_CHECK(back.complete && back.text == in);
    }
  }
  FUZZ_CHECK(space.taken() == 0);
  return 0;
}
