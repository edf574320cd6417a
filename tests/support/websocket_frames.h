#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/http/websocket/frame.h"
#include "proxy/http/websocket/frame_reader.h"

namespace bottle::test {

// A frame as a peer of the tests sends it: by hand, so that it can be wrong.
struct SentFrame {
  unsigned first = 0x81;  // FIN, RSV1 to 3, opcode
  Bytes payload;
  bool masked = true;
  int length_bytes = -1;  // 0, 2 or 8; -1: the shortest
};

inline Bytes frame_of(const SentFrame& frame) {
  const std::uint64_t size = frame.payload.size();
  int length_bytes = frame.length_bytes;
  if (length_bytes < 0) length_bytes = size < 126 ? 0 : size < 0x10000 ? 2 : 8;
  const unsigned mask_bit = frame.masked ? 0x80 : 0;
  Bytes out;
  const auto put = [&out](std::uint64_t byte) { out += static_cast<char>(byte & 0xff); };
  put(frame.first);
  if (length_bytes == 0) put(mask_bit | size);
  if (length_bytes == 2) put(mask_bit | 126u);
  if (length_bytes == 8) put(mask_bit | 127u);
  for (int shift = (length_bytes - 1) * 8; shift >= 0; shift -= 8) put(size >> shift);
  if (!frame.masked) return out + frame.payload;
  const char mask[4] = {'\x37', '\xfa', '\x21', '\x3d'};
  out.append(mask, sizeof mask);
  for (std::size_t i = 0; i < frame.payload.size(); ++i) {
    out += static_cast<char>(frame.payload[i] ^ mask[i % 4]);
  }
  return out;
}
inline Bytes from_client(unsigned first, Bytes payload) {
  return frame_of({.first = first, .payload = std::move(payload), .masked = true});
}
inline Bytes from_server(unsigned first, Bytes payload) {
  return frame_of({.first = first, .payload = std::move(payload), .masked = false});
}
inline Bytes close_payload(unsigned code, const Bytes& reason = "") {
  return Bytes{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + reason;
}

// The messages and control frames in a stream of frames, as a peer reads them.
struct GotFrames {
  struct Message {
    websocket::Opcode opcode;
    bool compressed = false;
    bool complete = false;
    Bytes payload;
    std::size_t parts = 0;
  };
  std::vector<Message> messages;
  std::vector<Message> controls;
  const char* violation = nullptr;
  unsigned code = 0;  // of the violation
  bool between_frames = false;
  bool between_messages = false;
};

inline void read_frames(websocket::FrameReader& reader, Bytes bytes, GotFrames& got) {
  using Part = websocket::FrameReader::Part;
  ByteSpan in(bytes);
  for (;;) {
    const Part part = reader.read(in);
    if (part.kind == Part::Kind::None) break;
    if (part.kind == Part::Kind::Broken) {
      got.violation = reader.violation().what;
      got.code = static_cast<unsigned>(reader.violation().code);
      break;
    }
    if (part.kind == Part::Kind::Control) {
      got.controls.push_back({part.opcode, false, true, Bytes(part.payload), 1});
      continue;
    }
    if (part.message_begins) got.messages.push_back({part.opcode, part.compressed, false, "", 0});
    got.messages.back().payload += part.payload;
    got.messages.back().complete = part.message_ends;
    ++got.messages.back().parts;
  }
  got.between_frames = reader.at_frame();
  got.between_messages = reader.at_message();
}

inline GotFrames read_frames(const Bytes& bytes, websocket::Sender from, bool compresses = false) {
  websocket::FrameReader reader(from, compresses);
  GotFrames got;
  read_frames(reader, bytes, got);
  return got;
}

}  // namespace bottle::test
