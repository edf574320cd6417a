// A body of gRPC messages: however it is cut and whatever room there is, the same comes out, within
// the limits; and framing without compression is read as a plain reading of it says.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/body/body_form.h"
#include "proxy/body/decode_space.h"
#include "proxy/body/decoder_chain.h"
#include "proxy/http/grpc_frames.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

struct Outcome {
  bool complete = false;
  Bytes text;
};

Outcome decode(const BodyForm& form, DecodeLimits limits, std::string_view in, std::size_t step,
               std::size_t room_size) {
  DecodeSpace space(DecodeLimits{}.memory_bytes);
  const auto decoder = make_decoder(form, limits, space);
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
      full = progress->produced == room.size();
    }
    FUZZ_CHECK(decoder->unseen() <= DecoderChain::kMaxUnseen);
  }
  outcome.complete = decoder->finish().has_value();
  if (outcome.complete) FUZZ_CHECK(decoder->unseen() == 0);
  FUZZ_CHECK(outcome.text.size() <= limits.ratio_after + (in.size() + 1) * limits.ratio + 65536);
  return outcome;
}

// The texts of all messages; nothing if one is compressed or the framing is broken.
std::optional<Bytes> read_plainly(std::string_view in, std::uint8_t flags) {
  Bytes out;
  while (!in.empty()) {
    if (in.size() < GrpcFrames::kPrefix) return std::nullopt;
    const auto flag = static_cast<std::uint8_t>(in[0]);
    std::size_t size = 0;
    for (std::size_t i = 1; i < GrpcFrames::kPrefix; ++i) {
      size = size << 8 | static_cast<unsigned char>(in[i]);
    }
    in.remove_prefix(GrpcFrames::kPrefix);
    const bool compressed = (flag & GrpcFrames::kCompressed) != 0 && size > 0;
    if ((flag & ~flags) != 0 || compressed || size > in.size()) return std::nullopt;
    out.append(in.substr(0, size));
    in.remove_prefix(size);
  }
  return out;
}

}  // namespace

// The first byte: the coding, and whether all of it is base64. The second: the step.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  MessageForm messages;
  messages.flags = GrpcFrames::kCompressed | GrpcFrames::kWebTrailers;
  messages.base64 = (data[0] & 0x80) != 0;
  messages.coding = static_cast<Coding>((data[0] & 0x7f) % 5);
  if ((data[0] & 0x40) != 0) messages.coding.reset();
  const BodyForm form(Codings(), messages);
  const std::size_t step = data[1] == 0 ? 1 : data[1];
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  DecodeLimits limits;
  limits.decoded_bytes = 1 << 20;
  limits.ratio_after = 1 << 16;
  const Outcome whole = decode(form, limits, in, in.size() + 1, 65536);
  const Outcome cut = decode(form, limits, in, step, 977);
  // The ratio is looked at in other places of the stream, so only a complete text must be the same.
  if (whole.complete && cut.complete) FUZZ_CHECK(whole.text == cut.text);
  const bool small = whole.text.size() < limits.ratio_after && cut.text.size() < limits.ratio_after;
  if (small) FUZZ_CHECK(whole.complete == cut.complete);
  if (messages.base64) return 0;
  const auto plain = read_plainly(in, messages.flags);
  if (plain) FUZZ_CHECK(whole.complete && whole.text == *plain);
  return 0;
}
