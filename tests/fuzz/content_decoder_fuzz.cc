// A coded body's bytes: however they are cut and whatever room there is, the same comes out, within
// the limits.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/body/content_decoder.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/decoder_chain.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

struct Outcome {
  bool complete = false;
  Bytes text;
};

Outcome decode(const Codings& coding, DecodeLimits limits, std::string_view in, std::size_t step,
               std::size_t room_size) {
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = ContentDecoder::make(coding, limits, space);
  std::string room(room_size, '\0');
  Outcome outcome;
  for (std::size_t i = 0; i < in.size(); i += step) {
    std::string_view piece = in.substr(i, step);
    bool full = false;
    std::size_t idle = 0;
    while (!piece.empty() || full) {
      const auto progress = decoder->decode(piece, room);
      if (!progress) return outcome;
      FUZZ_CHECK(progress->consumed <= piece.size() && progress->produced <= room.size());
      idle = progress->consumed + progress->produced == 0 ? idle + 1 : 0;
      FUZZ_CHECK(idle < 3);
      piece.remove_prefix(progress->consumed);
      outcome.text.append(room.data(), progress->produced);
      FUZZ_CHECK(outcome.text.size() <= limits.decoded_bytes);
      full = progress->produced == room.size();
    }
    FUZZ_CHECK(decoder->unseen() <=
               (coding.is_framed() ? DecoderChain::kMaxUnseen : 128 * 1024 + 32));
  }
  outcome.complete = decoder->finish().has_value();
  if (outcome.complete) FUZZ_CHECK(decoder->unseen() == 0);
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  Codings coding(static_cast<Coding>((data[0] & 0x7f) % 5));
  if ((data[0] & 0x80) != 0) (void)coding.add(Coding::AwsChunked);
  const std::size_t step = data[1] == 0 ? 1 : data[1];
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  DecodeLimits limits;
  limits.decoded_bytes = 1 << 20;
  limits.ratio_after = 1 << 16;
  const Outcome whole = decode(coding, limits, in, in.size() + 1, 65536);
  const Outcome cut = decode(coding, limits, in, step, 977);
  // The ratio is looked at in other places of the stream, so only a complete text must be the same.
  if (whole.complete && cut.complete) FUZZ_CHECK(whole.text == cut.text);
  const bool small = whole.text.size() < limits.ratio_after && cut.text.size() < limits.ratio_after;
  if (small) FUZZ_CHECK(whole.complete == cut.complete);
  return 0;
}
