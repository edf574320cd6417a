#pragma once

#include <cstddef>

#include "certs/random_bytes.h"
#include "proxy/base/bytes.h"
#include "proxy/http/websocket/frame.h"

namespace bottle::websocket {

// Writes the frames of one direction. Towards an origin each one has a mask of its own that no
// page and no agent can foresee (RFC 6455 section 10.3).
class FrameWriter {
 public:
  explicit FrameWriter(Sender as) noexcept : as_(as) {}

  struct Head {
    Opcode opcode = Opcode::Binary;
    bool final = true;
    bool compressed = false;  // RSV1: of the first frame of a compressed message
  };
  // Appends a whole frame. Throws std::runtime_error if the system has no randomness.
  void write(Bytes& out, const Head& head, ByteView payload);
  // The reason is cut to kMostReason bytes, between two characters. CloseCode::None: without a
  // code.
  void write_close(Bytes& out, CloseCode code, ByteView reason);

 private:
  const Sender as_;
  RandomBytes random_;
};

}  // namespace bottle::websocket
