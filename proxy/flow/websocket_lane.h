#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/failure.h"
#include "proxy/body/message_deflate.h"
#include "proxy/flow/message_look.h"
#include "proxy/flow/message_redaction.h"
#include "proxy/http/websocket/frame_reader.h"
#include "proxy/http/websocket/frame_writer.h"
#include "proxy/http/websocket/utf8_check.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

// The reason for which a tunnel ends early, and what each side is told.
struct LaneStop {
  Failure failure;
  websocket::CloseCode to_sender = websocket::CloseCode::ProtocolError;
  websocket::CloseCode to_receiver = websocket::CloseCode::Policy;
  bool answers_first = false;  // the receiver's answers go to the sender before that
  std::string to_client;       // the reason in the client's close frame
  std::optional<Finding> finding{};
};

// One direction of a WebSocket: frames in, frames out, with the messages looked at between. Does no
// I/O. Bytes come in with feed() when step() asks for them, and go out with take(). It holds one
// piece of input, what the guard keeps back, and about kMostOut of output; a message that may be
// redacted is held in the memory for that.
class WebsocketLane {
 public:
  static constexpr std::size_t kMostOut = 64 * 1024;

  struct Compression {
    bool on = false;
    bool keeps_context = true;
    int window_bits = 15;
  };
  struct Setup {
    websocket::Sender from = websocket::Sender::Client;
    Compression reads{};   // agreed on with the sender, of what it sends
    Compression writes{};  // ... with the receiver, of what it gets
    std::uint64_t message_bytes = 0;
    MessageInflater::Bomb bomb{};
    // Outlives it; null: none. Messages go through them before they are looked at.
    std::vector<std::unique_ptr<MessageSwap>>* swaps = nullptr;
  };

  // The parts that look at what passes. All outlive the lane.
  struct Looks {
    MessageLook* messages = nullptr;        // null: none is looked at
    MessageLook* controls = nullptr;        // the payloads of control frames, each a message
    MessageRedaction* redaction = nullptr;  // null: nothing is redacted
  };
  WebsocketLane(const Setup& setup, DecodeSpace& deflate, const Looks& looks);
  WebsocketLane(const WebsocketLane&) = delete;
  WebsocketLane& operator=(const WebsocketLane&) = delete;

  enum class Step : std::uint8_t {
    Again,    // did a bounded part of the work
    Input,    // wants input
    Output,   // take() first
    Stopped,  // see stop(): nothing more comes in or goes out
  };
  [[nodiscard]] Step step();
  // After Step::Input. Takes the bytes apart in place.
  void feed(Bytes raw);
  // After Step::Input, when there is none now: what can go without more of it goes. False: stop().
  [[nodiscard]] bool pause();

  [[nodiscard]] bool has_output() const noexcept { return out_at_ < out_.size(); }
  [[nodiscard]] Bytes take(std::size_t most);

  // A close frame of ours behind what is already out; at most one goes, ours or the sender's, and
  // nothing follows it.
  void close(websocket::CloseCode code, ByteView reason);
  // In place of the sender's next close frame goes this one.
  void close_instead(websocket::CloseCode code, std::string reason);
  // No more comes of the sender: the close frame in place of its own goes now. False: there is
  // none.
  bool close_now();
  // A close frame came.
  [[nodiscard]] bool closed() const noexcept { return closed_; }
  // Bytes from now on are thrown away, except that a close frame is noticed (closed()).
  void discard() noexcept { discards_ = true; }
  [[nodiscard]] const LaneStop& stop() const noexcept { return *stop_; }
  [[nodiscard]] websocket::Sender from() const noexcept { return setup_.from; }

 private:
  using Part = websocket::FrameReader::Part;

  [[nodiscard]] Step read_part();
  [[nodiscard]] Step control(const Part& part);
  [[nodiscard]] Step go_on_with_part();
  [[nodiscard]] Step redaction_step();
  [[nodiscard]] Step piece(ByteView text, bool ends);
  [[nodiscard]] Step swapped(ByteView text, bool ends);
  [[nodiscard]] Bytes swapped_control(ByteView payload, bool closes);
  [[nodiscard]] Step look_at(ByteView text, bool ends);
  void emit(ByteView text, bool ends);
  void let_go(std::size_t keep);
  [[nodiscard]] bool is_text() const noexcept { return message_.opcode == websocket::Opcode::Text; }
  [[nodiscard]] Step break_off(websocket::CloseCode code, std::string what);
  [[nodiscard]] Step inflate_failed(const Failure& failure);
  [[nodiscard]] Step refuse(Failure failure, const MessageLook& look);
  [[nodiscard]] Step stop_for(Failure failure, const std::optional<Finding>& finding);

  const Setup setup_;
  DecodeSpace& deflate_;
  MessageLook* const look_;
  MessageLook* const controls_;
  MessageRedaction* const redaction_;
  websocket::FrameReader reader_;
  websocket::FrameWriter writer_;
  MessageInflater inflater_;
  MessageDeflater deflater_;
  websocket::Utf8Check utf8_;

  Bytes in_;
  ByteSpan rest_;  // of in_
  Bytes out_;
  std::size_t out_at_ = 0;

  std::optional<Part> part_;  // of a message, not yet taken as a whole
  // The message that is open.
  struct Message {
    websocket::Opcode opcode = websocket::Opcode::Text;
    bool compressed = false;  // as it came
    std::uint64_t size = 0;   // plain
    bool held_for_redaction = false;
    bool ended = false;       // ... and all of it came
    bool looked_at = false;   // a piece of it was
    bool begun = false;       // a frame of it went out
    bool compresses = false;  // as it goes
  };
  Message message_;
  Bytes held_;  // of it: looked at, and kept back

  bool closed_ = false;
  bool close_written_ = false;
  bool discards_ = false;
  struct Close {
    websocket::CloseCode code = websocket::CloseCode::None;
    std::string reason;
  };
  std::optional<Close> instead_;
  std::optional<LaneStop> stop_;
};

}  // namespace bottle
