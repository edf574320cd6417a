#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/move_table.h"
#include "proxy/base/result.h"

namespace bottle {

// The state of a TLS stream, without OpenSSL and I/O: its session, what the socket still takes from
// us, and the call that writes. Each has a state and a table of legal moves of its own, also for
// each way in which a wait may be cancelled. A move without a row is a defect of ours: Internal,
// and the session is broken. How reading ended is TlsStream's own (IoStatus).
class TlsMachine {
 public:
  enum class Session : std::uint8_t {
    Handshaking,
    Refused,  // broken before the handshake was done
    Open,
    Broken,  // OpenSSL gave up, or the stream was closed; nothing goes either way
  };
  enum class Sending : std::uint8_t {
    Open,
    Ended,    // close_notify is written
    Lost,     // the socket takes nothing any more; it may still have something to read
    EndLost,  // the same after or with close_notify
  };
  enum class Writer : std::uint8_t {
    Runs,
    Drains,       // waits until the socket has taken everything
    AwaitsInput,  // OpenSSL has to finish reading a message of the peer's before it writes
  };
  enum class Move : std::uint8_t {
    HandshakeDone,
    Breaks,  // fault, end, close
    EndGoes,
    SendFails,
    DrainBegins,
    DrainEnds,  // empty, broken or cancelled
    InputAwaited,
    InputCame,  // or the wait was cancelled
  };
  static constexpr std::size_t kMoveKinds = 8;

  static constexpr auto kSessionMoves = std::to_array<MoveRow<Session, Move>>({
      {Session::Handshaking, Move::HandshakeDone, Session::Open},
      {Session::Handshaking, Move::Breaks, Session::Refused},
      {Session::Refused, Move::Breaks, Session::Refused},
      {Session::Open, Move::Breaks, Session::Broken},
      {Session::Broken, Move::Breaks, Session::Broken},
  });
  static constexpr auto kSendingMoves = std::to_array<MoveRow<Sending, Move>>({
      {Sending::Open, Move::EndGoes, Sending::Ended},
      {Sending::Open, Move::SendFails, Sending::Lost},
      {Sending::Ended, Move::SendFails, Sending::EndLost},
      // A reader's turn may try again to send what OpenSSL answers.
      {Sending::Lost, Move::SendFails, Sending::Lost},
      {Sending::Lost, Move::EndGoes, Sending::EndLost},
      {Sending::EndLost, Move::SendFails, Sending::EndLost},
  });
  static constexpr auto kWriterMoves = std::to_array<MoveRow<Writer, Move>>({
      {Writer::Runs, Move::DrainBegins, Writer::Drains},
      {Writer::Runs, Move::InputAwaited, Writer::AwaitsInput},
      {Writer::Drains, Move::DrainEnds, Writer::Runs},
      {Writer::AwaitsInput, Move::InputCame, Writer::Runs},
  });

  [[nodiscard]] Session session() const noexcept { return session_; }
  [[nodiscard]] Sending sending() const noexcept { return sending_; }
  [[nodiscard]] Writer writer() const noexcept { return writer_; }
  [[nodiscard]] Result<> move(Move move);

  // Also of a stream that broke later.
  [[nodiscard]] bool handshake_done() const noexcept {
    return session_ == Session::Open || session_ == Session::Broken;
  }
  [[nodiscard]] bool broken() const noexcept {
    return session_ == Session::Refused || session_ == Session::Broken;
  }
  // close_notify may be written: once, and not into a handshake.
  [[nodiscard]] bool may_end() const noexcept { return session_ == Session::Open && !ended(); }
  [[nodiscard]] bool may_write() const noexcept { return !broken() && !ended(); }
  [[nodiscard]] bool send_failed() const noexcept {
    return sending_ == Sending::Lost || sending_ == Sending::EndLost;
  }

 private:
  [[nodiscard]] bool ended() const noexcept {
    return sending_ == Sending::Ended || sending_ == Sending::EndLost;
  }

  Session session_ = Session::Handshaking;
  Sending sending_ = Sending::Open;
  Writer writer_ = Writer::Runs;
};

[[nodiscard]] std::string_view to_string(TlsMachine::Move move) noexcept;

}  // namespace bottle
