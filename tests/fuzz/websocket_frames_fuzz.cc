// A stream of WebSocket frames: however it is cut, the same comes out; and a writer's frames of it
// are read back as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/http/websocket/frame_reader.h"
#include "proxy/http/websocket/frame_writer.h"
#include "proxy/http/websocket/utf8_check.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;
using namespace bottle::websocket;

struct Read {
  Bytes text;  // all that was read, in one spelling
  bool broken = false;
};

void note(Read& read, const char* what, const FrameReader::Part& part) {
  read.text += what;
  read.text += static_cast<char>(part.opcode);
  read.text += part.compressed ? 'c' : 'p';
}

// `written`: the same frames, written anew.
Read read_in_steps(Bytes bytes, std::size_t step, Sender from, bool compresses, Bytes* written) {
  FrameReader reader(from, compresses);
  FrameWriter writer(from);
  Read read;
  bool first = true;
  for (std::size_t at = 0; at < bytes.size() && !read.broken; at += step) {
    ByteSpan in = ByteSpan(bytes).subspan(at);
    in = in.first(std::min(step, in.size()));
    for (;;) {
      const std::size_t before = in.size();
      const FrameReader::Part part = reader.read(in);
      FUZZ_CHECK(in.size() <= before);
      if (part.kind == FrameReader::Part::Kind::None) {
        FUZZ_CHECK(in.empty());
        break;
      }
      if (part.kind == FrameReader::Part::Kind::Broken) {
        FUZZ_CHECK(reader.violation().what != nullptr);
        read.broken = true;
        read.text += reader.violation().what;
        break;
      }
      if (part.kind == FrameReader::Part::Kind::Control) {
        FUZZ_CHECK(part.payload.size() <= kMostControl);
        note(read, "control", part);
        read.text += part.payload;
        if (written != nullptr) writer.write(*written, {.opcode = part.opcode}, part.payload);
        if (part.opcode == Opcode::Close) {
          CloseReason reason;
          const Violation wrong = read_close(part.payload, reason);
          Utf8Check check;
          if (wrong.what == nullptr) FUZZ_CHECK(check.feed(reason.reason) && check.complete());
        }
        continue;
      }
      FUZZ_CHECK(part.opcode == Opcode::Text || part.opcode == Opcode::Binary);
      FUZZ_CHECK(!part.compressed || compresses);
      if (part.message_begins) note(read, "begin", part);
      first = part.message_begins;
      read.text += part.payload;
      if (part.message_ends) read.text += "end";
      if (written != nullptr) {
        const Opcode opcode = first ? part.opcode : Opcode::Continuation;
        writer.write(
            *written,
            {.opcode = opcode, .final = part.message_ends, .compressed = first && part.compressed},
            part.payload);
      }
    }
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Sender from = (data[0] & 1) != 0 ? Sender::Client : Sender::Server;
  const bool compresses = (data[0] & 2) != 0;
  const std::size_t step = data[1] == 0 ? 1 : data[1];
  const Bytes bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  Bytes written;
  const Read whole = read_in_steps(bytes, bytes.size() + 1, from, compresses, &written);
  const Read cut = read_in_steps(bytes, step, from, compresses, nullptr);
  const Read single = read_in_steps(bytes, 1, from, compresses, nullptr);
  FUZZ_CHECK(whole.broken == cut.broken && whole.text == cut.text);
  FUZZ_CHECK(whole.broken == single.broken && whole.text == single.text);
  const Read again = read_in_steps(written, written.size() + 1, from, compresses, nullptr);
  FUZZ_CHECK(!again.broken && whole.text.starts_with(again.text));
  return 0;
}
