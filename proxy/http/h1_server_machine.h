#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/move_table.h"
#include "proxy/base/result.h"

namespace bottle {

// The state of the server's half of one HTTP/1.x connection, sans-I/O: it says what may be read,
// begun and written next. Http1Session does the I/O and reports each outcome as a move. Every
// legal move is a row of kMoves, also each way in which a wait may be cancelled. A move without a
// row is a defect of ours: it returns Internal and cuts the connection.
class H1ServerMachine {
 public:
  enum class State : std::uint8_t {
    Idle,        // nothing of the next request is here
    Head,        // a request's head has begun
    Serving,     // the handler has the request
    Continuing,  // the same, and "100 Continue" is being written
    Answering,   // the handler's answer goes out; lasts until the exchange has ended
    Refusing,    // the same with an answer of the session's own, which no client ends by leaving
    Lingering,   // answered before the request was read: the rest is taken and dropped
    Ending,      // over, with nothing to answer; the connection's proper end is still to be written
    Ended,       // it was
    Tunnel,      // after a CONNECT: the connection is the caller's
    Cut,         // the last message written is incomplete: nothing may follow it
  };
  enum class Move : std::uint8_t {
    HeadBegins,
    InputEnds,  // no further request: end of the input, time-out, drain, cancelled
    Serve,      // the head names a request for the handler
    Refuse,
    Connect,
    ContinueBegins,
    ContinueSent,
    ContinueLost,
    AnswerBegins,
    AnswerKept,   // it is out, and the connection stays
    AnswerLast,   // it is out with the connection's end behind it
    AnswerEarly,  // the same, and some of the request is still to come
    AnswerLost,   // some of it or all was not written
    ClientLeaves,
    WriteStalls,
    LingerEnds,
    EndWritten,
  };
  using Row = MoveRow<State, Move>;
  static constexpr std::size_t kStates = 11;
  static constexpr std::size_t kMoveKinds = 17;
  static constexpr auto kMoves = std::to_array<Row>({
      {State::Idle, Move::HeadBegins, State::Head},
      {State::Idle, Move::InputEnds, State::Ending},

      {State::Head, Move::InputEnds, State::Ending},
      {State::Head, Move::Serve, State::Serving},
      {State::Head, Move::Refuse, State::Refusing},
      {State::Head, Move::Connect, State::Tunnel},

      {State::Serving, Move::ContinueBegins, State::Continuing},
      {State::Serving, Move::AnswerBegins, State::Answering},
      {State::Serving, Move::AnswerLost, State::Cut},
      {State::Serving, Move::ClientLeaves, State::Serving},

      {State::Continuing, Move::ContinueSent, State::Serving},
      {State::Continuing, Move::ContinueLost, State::Cut},
      {State::Continuing, Move::AnswerLost, State::Cut},
      {State::Continuing, Move::ClientLeaves, State::Continuing},
      {State::Continuing, Move::WriteStalls, State::Continuing},

      {State::Answering, Move::AnswerKept, State::Idle},
      {State::Answering, Move::AnswerLast, State::Ended},
      {State::Answering, Move::AnswerEarly, State::Lingering},
      {State::Answering, Move::AnswerLost, State::Cut},
      {State::Answering, Move::ClientLeaves, State::Answering},
      {State::Answering, Move::WriteStalls, State::Answering},

      {State::Refusing, Move::AnswerBegins, State::Refusing},
      {State::Refusing, Move::AnswerKept, State::Idle},
      {State::Refusing, Move::AnswerLast, State::Ended},
      {State::Refusing, Move::AnswerEarly, State::Lingering},
      {State::Refusing, Move::AnswerLost, State::Cut},
      {State::Refusing, Move::WriteStalls, State::Refusing},

      {State::Lingering, Move::LingerEnds, State::Ended},

      {State::Ending, Move::EndWritten, State::Ended},

      // The exchange of which half a "100 Continue" was written runs until its handler returns.
      {State::Cut, Move::AnswerLost, State::Cut},
      {State::Cut, Move::ClientLeaves, State::Cut},
  });

  // The first that happened; it decides who is to blame for an answer that did not arrive.
  enum class Client : std::uint8_t { There, Left, Stalled };

  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool can(Move move) const noexcept;
  // Internal: no row of kMoves has it. The state is Cut then.
  [[nodiscard]] Result<> move(Move move);

  // No request of this connection was given to the handler yet.
  [[nodiscard]] bool first() const noexcept { return served_ == 0; }
  [[nodiscard]] Client client() const noexcept { return client_; }

 private:
  State state_ = State::Idle;
  Client client_ = Client::There;
  std::uint64_t served_ = 0;
};

[[nodiscard]] std::string_view to_string(H1ServerMachine::State state) noexcept;
[[nodiscard]] std::string_view to_string(H1ServerMachine::Move move) noexcept;

}  // namespace bottle
