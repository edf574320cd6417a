#include "proxy/http/h2_stream_machine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <string>

#include "tests/support/known_moves.h"

namespace bottle {
namespace {

using Machine = H2StreamMachine;
using Sending = Machine::Sending;
using Receiving = Machine::Receiving;
using Standing = Machine::Standing;
using Move = Machine::Move;

using test::has;
using test::knows;
template <class Half>
using Known = test::KnownMove<Half, Move>;

constexpr auto kSending = std::to_array<Known<Sending>>({
    {Sending::Head, Move::HeadGoes, Sending::Body, "ABodyFollows"},
    {Sending::Head, Move::HeadEnds, Sending::Ended, "NoBodyFollows"},
    {Sending::Head, Move::PieceGoes, Sending::Head, "APieceWaitsForTheHead"},

    {Sending::Body, Move::PieceGoes, Sending::Body, "AnotherPiece"},
    {Sending::Body, Move::RunsDry, Sending::Dry, "TheQueueIsEmpty"},
    {Sending::Body, Move::BodyEnds, Sending::Ended, "TheLastPiece"},
    {Sending::Body, Move::BodyBreaks, Sending::Cut, "ItBreaks"},

    {Sending::Dry, Move::PieceGoes, Sending::Body, "TheNextPiece"},
    {Sending::Dry, Move::RunsDry, Sending::Dry, "TheLibraryAsksAgain"},
    {Sending::Dry, Move::BodyEnds, Sending::Ended, "NoPieceIsLeft"},
    {Sending::Dry, Move::BodyBreaks, Sending::Cut, "ItBreaksWithNothingQueued"},

    {Sending::Cut, Move::RunsDry, Sending::Cut, "WhatWasQueuedIsOut"},
});

constexpr auto kReceiving = std::to_array<Known<Receiving>>({
    {Receiving::Open, Move::PeerEnds, Receiving::Ended, "AWholeMessage"},
    {Receiving::Open, Move::PeerResets, Receiving::Reset, "HalfAMessage"},
    {Receiving::Ended, Move::PeerResets, Receiving::Reset, "TheAnswerIsNotWanted"},
});

constexpr auto kStanding = std::to_array<Known<Standing>>({
    {Standing::Open, Move::Lingers, Standing::Lingering, "AnAnswerBeforeTheRequestsEnd"},
    {Standing::Open, Move::Closes, Standing::Closed, "BytesAreUnread"},
});

Machine moved(std::initializer_list<Move> way) {
  Machine machine;
  for (const Move move : way) EXPECT_TRUE(machine.move(move).has_value()) << to_string(move);
  return machine;
}

// Machines with one part in that state, brought there by legal moves.
Machine machine_in(Sending state) {
  switch (state) {
    case Sending::Head:
      return moved({});
    case Sending::Body:
      return moved({Move::HeadGoes});
    case Sending::Dry:
      return moved({Move::HeadGoes, Move::RunsDry});
    case Sending::Ended:
      return moved({Move::HeadEnds});
    case Sending::Cut:
      return moved({Move::HeadGoes, Move::BodyBreaks});
  }
  return Machine();
}
Machine machine_in(Receiving state) {
  switch (state) {
    case Receiving::Open:
      return moved({});
    case Receiving::Ended:
      return moved({Move::PeerEnds});
    case Receiving::Reset:
      return moved({Move::PeerResets});
  }
  return Machine();
}
Machine machine_in(Standing state) {
  switch (state) {
    case Standing::Open:
      return moved({});
    case Standing::Lingering:
      return moved({Move::Lingers});
    case Standing::Closed:
      return moved({Move::Closes});
  }
  return Machine();
}

class H2StreamMachineSending : public testing::TestWithParam<Known<Sending>> {};
class H2StreamMachineReceiving : public testing::TestWithParam<Known<Receiving>> {};
class H2StreamMachineStanding : public testing::TestWithParam<Known<Standing>> {};

TEST_P(H2StreamMachineSending, LeadsThere) {
  Machine machine = machine_in(GetParam().from);
  ASSERT_EQ(machine.sending(), GetParam().from);
  EXPECT_TRUE(machine.can(GetParam().move));
  EXPECT_TRUE(machine.move(GetParam().move).has_value());
  EXPECT_EQ(machine.sending(), GetParam().to);
  EXPECT_EQ(machine.receiving(), Receiving::Open);
  EXPECT_EQ(machine.standing(), Standing::Open);
}
TEST_P(H2StreamMachineReceiving, LeadsThere) {
  Machine machine = machine_in(GetParam().from);
  ASSERT_EQ(machine.receiving(), GetParam().from);
  EXPECT_TRUE(machine.can(GetParam().move));
  EXPECT_TRUE(machine.move(GetParam().move).has_value());
  EXPECT_EQ(machine.sending(), Sending::Head);
  EXPECT_EQ(machine.receiving(), GetParam().to);
  EXPECT_EQ(machine.standing(), Standing::Open);
}
TEST_P(H2StreamMachineStanding, LeadsThere) {
  Machine machine = machine_in(GetParam().from);
  ASSERT_EQ(machine.standing(), GetParam().from);
  EXPECT_TRUE(machine.can(GetParam().move));
  EXPECT_TRUE(machine.move(GetParam().move).has_value());
  EXPECT_EQ(machine.sending(), Sending::Head);
  EXPECT_EQ(machine.receiving(), Receiving::Open);
  EXPECT_EQ(machine.standing(), GetParam().to);
}

const auto kName = [](const auto& row) {
  return std::string(to_string(row.param.from)) + "_" + row.param.when;
};
INSTANTIATE_TEST_SUITE_P(All, H2StreamMachineSending, testing::ValuesIn(kSending), kName);
INSTANTIATE_TEST_SUITE_P(All, H2StreamMachineReceiving, testing::ValuesIn(kReceiving), kName);
INSTANTIATE_TEST_SUITE_P(All, H2StreamMachineStanding, testing::ValuesIn(kStanding), kName);

// Every move that has no row in the part that it belongs to.
template <class Half, class Rows>
std::size_t refused(const Rows& rows, std::size_t states) {
  std::size_t illegal = 0;
  for (std::size_t from = 0; from < states; ++from) {
    for (std::size_t kind = 0; kind < Machine::kMoveKinds; ++kind) {
      const auto state = static_cast<Half>(from);
      const auto move = static_cast<Move>(kind);
      if (!knows(rows, move) || has(rows, state, move)) continue;
      SCOPED_TRACE(std::string(to_string(state)) + " " + std::string(to_string(move)));
      ++illegal;
      Machine machine = machine_in(state);
      const Machine before = machine;
      EXPECT_FALSE(machine.can(move));
      const auto tried = machine.move(move);
      EXPECT_FALSE(tried.has_value());
      if (tried) continue;
      EXPECT_EQ(tried.error().code, Code::Internal);
      EXPECT_NE(tried.error().detail.find(to_string(move)), std::string::npos);
      EXPECT_EQ(machine.sending(), before.sending());
      EXPECT_EQ(machine.receiving(), before.receiving());
      EXPECT_EQ(machine.standing(), before.standing());
    }
  }
  return illegal;
}

TEST(H2StreamMachine, EveryOtherMoveIsOurDefect) {
  EXPECT_EQ(refused<Sending>(kSending, Machine::kSendingStates),
            Machine::kSendingStates * 6 - kSending.size());
  EXPECT_EQ(refused<Receiving>(kReceiving, Machine::kReceivingStates),
            Machine::kReceivingStates * 2 - kReceiving.size());
  EXPECT_EQ(refused<Standing>(kStanding, Machine::kStandingStates),
            Machine::kStandingStates * 2 - kStanding.size());
}

TEST(H2StreamMachine, TheTablesHaveTheRowsOfThisTestAndNoOther) {
  ASSERT_EQ(Machine::kSendingMoves.size(), kSending.size());
  for (const auto& row : Machine::kSendingMoves) {
    EXPECT_TRUE(has(kSending, row.from, row.move)) << to_string(row.move);
  }
  ASSERT_EQ(Machine::kReceivingMoves.size(), kReceiving.size());
  for (const auto& row : Machine::kReceivingMoves) {
    EXPECT_TRUE(has(kReceiving, row.from, row.move)) << to_string(row.move);
  }
  ASSERT_EQ(Machine::kStandingMoves.size(), kStanding.size());
  for (const auto& row : Machine::kStandingMoves) {
    EXPECT_TRUE(has(kStanding, row.from, row.move)) << to_string(row.move);
  }
}

TEST(H2StreamMachine, ABodyIsTakenUntilItEndsOrBreaks) {
  for (const Sending state : {Sending::Head, Sending::Body, Sending::Dry}) {
    EXPECT_TRUE(machine_in(state).takes_body()) << to_string(state);
  }
  for (const Sending state : {Sending::Ended, Sending::Cut}) {
    EXPECT_FALSE(machine_in(state).takes_body()) << to_string(state);
  }
}

}  // namespace
}  // namespace bottle
