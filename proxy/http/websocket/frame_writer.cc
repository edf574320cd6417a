#include "proxy/http/websocket/frame_writer.h"

#include <cstdint>

namespace bottle::websocket {

void FrameWriter::write(Bytes& out, const Head& head, ByteView payload) {
  const auto put = [&out](std::uint64_t byte) { out.push_back(static_cast<char>(byte & 0xff)); };
  put((head.final ? 0x80u : 0u) | (head.compressed ? 0x40u : 0u) |
      static_cast<unsigned>(head.opcode));
  const unsigned masked = as_ == Sender::Client ? 0x80 : 0;
  const std::uint64_t size = payload.size();
  if (size < 126) {
    put(masked | size);
  } else if (size < 0x10000) {
    put(masked | 126u);
    for (int shift = 8; shift >= 0; shift -= 8) put(size >> shift);
  } else {
    put(masked | 127u);
    for (int shift = 56; shift >= 0; shift -= 8) put(size >> shift);
  }
  if (as_ == Sender::Server) {
    out.append(payload);
    return;
  }
  char mask[4];
  random_.fill(mask);
  out.append(mask, sizeof mask);
  const std::size_t at = out.size();
  out.append(payload);
  apply_mask(ByteSpan(out).subspan(at), mask, 0);
}

void FrameWriter::write_close(Bytes& out, CloseCode code, ByteView reason) {
  Bytes payload;
  if (code != CloseCode::None) {
    const auto number = static_cast<std::uint16_t>(code);
    payload.push_back(static_cast<char>(number >> 8));
    payload.push_back(static_cast<char>(number & 0xff));
    if (reason.size() > kMostReason) {
      std::size_t size = kMostReason;
      while (size > 0 && (static_cast<unsigned char>(reason[size]) & 0xc0) == 0x80) --size;
      reason = reason.substr(0, size);
    }
    payload.append(reason);
  }
  write(out, Head{.opcode = Opcode::Close}, payload);
}

}  // namespace bottle::websocket
