#pragma once

#include <algorithm>
#include <ostream>

// Tables of the legal moves of a state machine, for tests that try each one and every other.
namespace bottle::test {

// A legal move of one part of a machine, and the situation it stands for.
template <class State, class Move>
struct KnownMove {
  State from;
  Move move;
  State to;
  const char* when;
};

template <class State, class Move>
void PrintTo(const KnownMove<State, Move>& row, std::ostream* out) {
  *out << row.when;
}

template <class Rows, class State, class Move>
bool has(const Rows& rows, State from, Move move) {
  return std::any_of(rows.begin(), rows.end(),
                     [&](const auto& row) { return row.from == from && row.move == move; });
}
template <class Rows, class Move>
bool knows(const Rows& rows, Move move) {
  return std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.move == move; });
}

}  // namespace bottle::test
