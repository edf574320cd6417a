#pragma once

#include <array>
#include <cstddef>
#include <optional>

namespace bottle {

// One legal move of a state machine. A machine's moves are a constexpr array of them; what has no
// row is a defect of ours.
template <class State, class Move>
struct MoveRow {
  State from;
  Move move;
  State to;
};

// Where the move leads, if it is legal. For tables of a few dozen rows.
template <class State, class Move, std::size_t N>
[[nodiscard]] constexpr std::optional<State> next_state(
    const std::array<MoveRow<State, Move>, N>& rows, State from, Move move) noexcept {
  for (const MoveRow<State, Move>& row : rows) {
    if (row.from == from && row.move == move) return row.to;
  }
  return std::nullopt;
}

}  // namespace bottle
