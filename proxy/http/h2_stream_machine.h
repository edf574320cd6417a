#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/move_table.h"
#include "proxy/base/result.h"

namespace bottle {

// The state of one HTTP/2 stream, sans-I/O and without the library: the message that we send, the
// one that the peer sends, and for whom the stream still exists. Each may end before the others, so
// each has a state and a table of legal moves of its own. A move without a row is a defect of ours:
// Internal, and the connection ends. Owned by H2Core.
class H2StreamMachine {
 public:
  enum class Sending : std::uint8_t {
    Head,   // the final head (client: the request's) was not given; pieces wait for it
    Body,   // the head was
    Dry,    // the same, and the library waits to be told of the next piece
    Ended,  // the end was given too; the queue goes out
    Cut,    // the body broke: what is queued goes out if it may, then a reset
  };
  enum class Receiving : std::uint8_t {
    Open,   // the peer has not ended its message
    Ended,  // the peer has
    Reset,  // the peer sent RST_STREAM
  };
  enum class Standing : std::uint8_t {
    Open,
    Lingering,  // over for the application: answered, and what still comes is thrown away
    Closed,     // over for the library: received bytes wait to be consumed
  };
  enum class Move : std::uint8_t {
    // Of the message that we send.
    HeadGoes,  // a body follows
    HeadEnds,  // none does
    PieceGoes,
    RunsDry,  // the library finds nothing queued
    BodyEnds,
    BodyBreaks,
    // Of the peer's.
    PeerEnds,
    PeerResets,
    // Of the stream as a whole.
    Lingers,
    Closes,
  };
  static constexpr std::size_t kSendingStates = 5;
  static constexpr std::size_t kReceivingStates = 3;
  static constexpr std::size_t kStandingStates = 3;
  static constexpr std::size_t kMoveKinds = 10;

  static constexpr auto kSendingMoves = std::to_array<MoveRow<Sending, Move>>({
      {Sending::Head, Move::HeadGoes, Sending::Body},
      {Sending::Head, Move::HeadEnds, Sending::Ended},
      {Sending::Head, Move::PieceGoes, Sending::Head},

      {Sending::Body, Move::PieceGoes, Sending::Body},
      {Sending::Body, Move::RunsDry, Sending::Dry},
      {Sending::Body, Move::BodyEnds, Sending::Ended},
      {Sending::Body, Move::BodyBreaks, Sending::Cut},

      {Sending::Dry, Move::PieceGoes, Sending::Body},
      {Sending::Dry, Move::RunsDry, Sending::Dry},
      {Sending::Dry, Move::BodyEnds, Sending::Ended},
      {Sending::Dry, Move::BodyBreaks, Sending::Cut},

      // Until the reset is sent, the library may ask for more.
      {Sending::Cut, Move::RunsDry, Sending::Cut},
  });
  static constexpr auto kReceivingMoves = std::to_array<MoveRow<Receiving, Move>>({
      {Receiving::Open, Move::PeerEnds, Receiving::Ended},
      {Receiving::Open, Move::PeerResets, Receiving::Reset},

      {Receiving::Ended, Move::PeerResets, Receiving::Reset},
  });
  static constexpr auto kStandingMoves = std::to_array<MoveRow<Standing, Move>>({
      {Standing::Open, Move::Lingers, Standing::Lingering},
      {Standing::Open, Move::Closes, Standing::Closed},
  });

  [[nodiscard]] Sending sending() const noexcept { return sending_; }
  [[nodiscard]] Receiving receiving() const noexcept { return receiving_; }
  [[nodiscard]] Standing standing() const noexcept { return standing_; }
  [[nodiscard]] bool can(Move move) const noexcept;
  // Internal: no table has a row for it. Nothing has changed then.
  [[nodiscard]] Result<> move(Move move);

  // More of the body may be given.
  [[nodiscard]] bool takes_body() const noexcept {
    return sending_ != Sending::Ended && sending_ != Sending::Cut;
  }
  [[nodiscard]] bool cut() const noexcept { return sending_ == Sending::Cut; }
  [[nodiscard]] bool peer_ended() const noexcept { return receiving_ == Receiving::Ended; }
  [[nodiscard]] bool peer_reset() const noexcept { return receiving_ == Receiving::Reset; }
  [[nodiscard]] bool lingers() const noexcept { return standing_ == Standing::Lingering; }
  [[nodiscard]] bool closed() const noexcept { return standing_ == Standing::Closed; }

 private:
  Sending sending_ = Sending::Head;
  Receiving receiving_ = Receiving::Open;
  Standing standing_ = Standing::Open;
};

[[nodiscard]] std::string_view to_string(H2StreamMachine::Sending state) noexcept;
[[nodiscard]] std::string_view to_string(H2StreamMachine::Receiving state) noexcept;
[[nodiscard]] std::string_view to_string(H2StreamMachine::Standing state) noexcept;
[[nodiscard]] std::string_view to_string(H2StreamMachine::Move move) noexcept;

}  // namespace bottle
