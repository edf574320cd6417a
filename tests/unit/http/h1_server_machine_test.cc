#include "proxy/http/h1_server_machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

namespace bottle {
namespace {

using Machine = H1ServerMachine;
using State = Machine::State;
using Move = Machine::Move;

// A legal move and the situation it stands for.
struct Known {
  State from;
  Move move;
  State to;
  const char* when;
};

void PrintTo(const Known& row, std::ostream* out) { *out << row.when; }

constexpr std::array kKnown = std::to_array<Known>({
    {State::Idle, Move::HeadBegins, State::Head, "AByteOfARequest"},
    {State::Idle, Move::InputEnds, State::Ending, "EndDrainTimeoutOrCancelBetweenRequests"},

    {State::Head, Move::InputEnds, State::Ending, "EndOrCancelWithinAHead"},
    {State::Head, Move::Serve, State::Serving, "ARequest"},
    {State::Head, Move::Refuse, State::Refusing, "ABadHeadOrAStrangerAtThePort"},
    {State::Head, Move::Connect, State::Tunnel, "AConnect"},

    {State::Serving, Move::ContinueBegins, State::Continuing, "TheBodyIsWanted"},
    {State::Serving, Move::AnswerBegins, State::Answering, "TheHandlerAnswers"},
    {State::Serving, Move::AnswerLost, State::Cut, "TheHandlerWasCancelledOrThrew"},
    {State::Serving, Move::ClientLeaves, State::Serving, "TheClientLeavesTheHandler"},

    {State::Continuing, Move::ContinueSent, State::Serving, "TheWordIsOut"},
    {State::Continuing, Move::ContinueLost, State::Cut, "TheWordWasCancelledOrBroken"},
    {State::Continuing, Move::AnswerLost, State::Cut, "TheWaitForTheWordWasCancelled"},
    {State::Continuing, Move::ClientLeaves, State::Continuing, "TheClientLeavesWithinTheWord"},
    {State::Continuing, Move::WriteStalls, State::Continuing, "TheClientDoesNotTakeTheWord"},

    {State::Answering, Move::AnswerKept, State::Idle, "AnsweredAndKept"},
    {State::Answering, Move::AnswerLast, State::Ended, "AnsweredForTheLastTime"},
    {State::Answering, Move::AnswerEarly, State::Lingering, "AnsweredBeforeTheRequestsEnd"},
    {State::Answering, Move::AnswerLost, State::Cut, "TheAnswerWasCancelledOrBroken"},
    {State::Answering, Move::ClientLeaves, State::Answering, "TheClientLeavesTheAnswer"},
    {State::Answering, Move::WriteStalls, State::Answering, "TheClientDoesNotTakeTheAnswer"},

    {State::Refusing, Move::AnswerBegins, State::Refusing, "TheRefusalsHead"},
    {State::Refusing, Move::AnswerKept, State::Idle, "AStrangerMayTryAgain"},
    {State::Refusing, Move::AnswerLast, State::Ended, "RefusedForGood"},
    {State::Refusing, Move::AnswerEarly, State::Lingering, "RefusedBeforeTheRequestsEnd"},
    {State::Refusing, Move::AnswerLost, State::Cut, "TheRefusalWasCancelledOrBroken"},
    {State::Refusing, Move::WriteStalls, State::Refusing, "TheClientDoesNotTakeTheRefusal"},

    {State::Lingering, Move::LingerEnds, State::Ended, "TheRestCameOrTimeIsUpOrCancelled"},

    {State::Ending, Move::EndWritten, State::Ended, "TheEndIsWrittenOrItsWaitCancelled"},

    {State::Cut, Move::AnswerLost, State::Cut, "TheHandlerReturnsAfterABrokenWord"},
    {State::Cut, Move::ClientLeaves, State::Cut, "TheClientLeavesAfterABrokenWord"},
});

constexpr std::size_t kStates = Machine::kStates;
constexpr std::size_t kMoveKinds = Machine::kMoveKinds;

// A machine in that state, brought there by legal moves.
Machine machine_in(State state) {
  std::vector<Move> way;
  switch (state) {
    case State::Idle:
      break;
    case State::Head:
      way = {Move::HeadBegins};
      break;
    case State::Serving:
      way = {Move::HeadBegins, Move::Serve};
      break;
    case State::Continuing:
      way = {Move::HeadBegins, Move::Serve, Move::ContinueBegins};
      break;
    case State::Answering:
      way = {Move::HeadBegins, Move::Serve, Move::AnswerBegins};
      break;
    case State::Refusing:
      way = {Move::HeadBegins, Move::Refuse};
      break;
    case State::Lingering:
      way = {Move::HeadBegins, Move::Serve, Move::AnswerBegins, Move::AnswerEarly};
      break;
    case State::Ending:
      way = {Move::InputEnds};
      break;
    case State::Ended:
      way = {Move::InputEnds, Move::EndWritten};
      break;
    case State::Tunnel:
      way = {Move::HeadBegins, Move::Connect};
      break;
    case State::Cut:
      way = {Move::HeadBegins, Move::Serve, Move::ContinueBegins, Move::ContinueLost};
      break;
  }
  Machine machine;
  for (const Move move : way) {
    EXPECT_TRUE(machine.move(move).has_value()) << to_string(move);
  }
  EXPECT_EQ(machine.state(), state);
  return machine;
}

bool is_known(State from, Move move) {
  return std::any_of(kKnown.begin(), kKnown.end(),
                     [&](const Known& row) { return row.from == from && row.move == move; });
}

class H1ServerMachineRow : public testing::TestWithParam<Known> {};

TEST_P(H1ServerMachineRow, LeadsThere) {
  const Known& row = GetParam();
  Machine machine = machine_in(row.from);
  EXPECT_TRUE(machine.can(row.move));
  EXPECT_TRUE(machine.move(row.move).has_value());
  EXPECT_EQ(machine.state(), row.to) << to_string(machine.state());
}

INSTANTIATE_TEST_SUITE_P(All, H1ServerMachineRow, testing::ValuesIn(kKnown), [](const auto& row) {
  return std::string(to_string(row.param.from)) + "_" + row.param.when;
});

TEST(H1ServerMachine, EveryOtherMoveIsOurDefectAndCutsTheConnection) {
  std::size_t illegal = 0;
  for (std::size_t from = 0; from < kStates; ++from) {
    for (std::size_t kind = 0; kind < kMoveKinds; ++kind) {
      const auto state = static_cast<State>(from);
      const auto move = static_cast<Move>(kind);
      if (is_known(state, move)) continue;
      SCOPED_TRACE(std::string(to_string(state)) + " " + std::string(to_string(move)));
      ++illegal;
      Machine machine = machine_in(state);
      EXPECT_FALSE(machine.can(move));
      const auto moved = machine.move(move);
      ASSERT_FALSE(moved.has_value());
      EXPECT_EQ(moved.error().code, Code::Internal);
      EXPECT_NE(moved.error().detail.find(to_string(move)), std::string::npos);
      EXPECT_EQ(machine.state(), State::Cut);
    }
  }
  EXPECT_EQ(illegal, kStates * kMoveKinds - kKnown.size());
}

TEST(H1ServerMachine, TheTableHasTheRowsOfThisTestAndNoOther) {
  ASSERT_EQ(Machine::kMoves.size(), kKnown.size());
  for (const Machine::Row& row : Machine::kMoves) {
    EXPECT_TRUE(is_known(row.from, row.move)) << to_string(row.from) << " " << to_string(row.move);
  }
}

// Nothing is written after half a message, and an end is final.
TEST(H1ServerMachine, NothingFollowsAnEnd) {
  for (const Machine::Row& row : Machine::kMoves) {
    EXPECT_NE(row.from, State::Ended);
    EXPECT_NE(row.from, State::Tunnel);
    if (row.from == State::Cut) {
      EXPECT_EQ(row.to, State::Cut);
    }
  }
}

// Every state that waits has a way out that needs nothing of the client.
TEST(H1ServerMachine, NoStateWaitsForTheClientAlone) {
  for (const State from : {State::Idle, State::Head, State::Serving, State::Continuing,
                           State::Answering, State::Refusing, State::Lingering, State::Ending}) {
    const bool ends =
        std::any_of(Machine::kMoves.begin(), Machine::kMoves.end(), [&](const Machine::Row& row) {
          return row.from == from &&
                 (row.to == State::Ending || row.to == State::Ended || row.to == State::Cut);
        });
    EXPECT_TRUE(ends) << to_string(from);
  }
}

TEST(H1ServerMachine, OnlyAServedRequestIsTheFirst) {
  Machine machine = machine_in(State::Refusing);
  EXPECT_TRUE(machine.first());
  EXPECT_TRUE(machine.move(Move::AnswerKept).has_value());
  EXPECT_TRUE(machine.move(Move::HeadBegins).has_value());
  EXPECT_TRUE(machine.first());
  EXPECT_TRUE(machine.move(Move::Serve).has_value());
  EXPECT_FALSE(machine.first());
}

TEST(H1ServerMachine, WhatTheClientDidFirstCounts) {
  Machine leaves = machine_in(State::Answering);
  EXPECT_EQ(leaves.client(), Machine::Client::There);
  EXPECT_TRUE(leaves.move(Move::ClientLeaves).has_value());
  EXPECT_TRUE(leaves.move(Move::WriteStalls).has_value());
  EXPECT_EQ(leaves.client(), Machine::Client::Left);

  Machine stalls = machine_in(State::Answering);
  EXPECT_TRUE(stalls.move(Move::WriteStalls).has_value());
  EXPECT_TRUE(stalls.move(Move::ClientLeaves).has_value());
  EXPECT_EQ(stalls.client(), Machine::Client::Stalled);
}

}  // namespace
}  // namespace bottle
