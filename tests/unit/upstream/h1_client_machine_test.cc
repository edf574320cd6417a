#include "proxy/upstream/h1_client_machine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/known_moves.h"

namespace bottle {
namespace {

using Machine = H1ClientMachine;
using Request = Machine::Request;
using Response = Machine::Response;
using Move = Machine::Move;

using test::has;
using test::knows;
template <class Half>
using Known = test::KnownMove<Half, Move>;

constexpr auto kRequest = std::to_array<Known<Request>>({
    {Request::HeadOnly, Move::HeadGoes, Request::HeadOnly, "ThereIsNoBody"},
    {Request::HeadOnly, Move::HeadWritten, Request::Sent, "ThatWasAll"},
    {Request::HeadOnly, Move::HeadLost, Request::Broken, "TheWriteBrokeStalledOrWasCancelled"},

    {Request::Waiting, Move::HeadGoes, Request::HeadFirst, "TheBodyIsNotThereYet"},
    {Request::Waiting, Move::PieceGoes, Request::Body, "TheBodyIsThere"},
    {Request::Waiting, Move::SenderFails, Request::Broken, "TheBodyBrokeBeforeTheHead"},

    {Request::HeadFirst, Move::HeadWritten, Request::Body, "TheSenderMayGoOn"},
    {Request::HeadFirst, Move::HeadLost, Request::Body, "TheSenderFindsOut"},
    {Request::HeadFirst, Move::SenderFails, Request::Broken, "TheSendersWaitWasCancelled"},

    {Request::Body, Move::PieceGoes, Request::Body, "AnotherPiece"},
    {Request::Body, Move::BodyWritten, Request::Sent, "TheLastPiece"},
    {Request::Body, Move::SenderFails, Request::Broken, "ThePieceBrokeStalledOrWasCancelled"},

    {Request::Broken, Move::HeadWritten, Request::Broken, "TheHeadAloneAfterTheSender"},
    {Request::Broken, Move::HeadLost, Request::Broken, "NorTheHeadAfterTheSender"},
});

constexpr auto kResponse = std::to_array<Known<Response>>({
    {Response::Nothing, Move::BytesCome, Response::Head, "TheFirstBytes"},
    {Response::Head, Move::BytesCome, Response::Head, "MoreOfAHeadOrAnInterimOne"},
    {Response::Head, Move::HeadKeeps, Response::Body, "AFinalHead"},
    {Response::Head, Move::HeadCloses, Response::Body, "ALastHead"},
    {Response::Body, Move::BytesCome, Response::Body, "MoreOfTheBody"},
    {Response::Body, Move::ResponseEnds, Response::Done, "TheBodysEnd"},
});

Machine moved(bool has_body, const std::vector<Move>& way) {
  Machine machine(has_body);
  for (const Move move : way) {
    EXPECT_TRUE(machine.move(move).has_value()) << to_string(move);
  }
  return machine;
}

// Machines with one half in that state, brought there by legal moves.
Machine machine_in(Request state) {
  switch (state) {
    case Request::HeadOnly:
      return moved(false, {});
    case Request::Waiting:
      return moved(true, {});
    case Request::HeadFirst:
      return moved(true, {Move::HeadGoes});
    case Request::Body:
      return moved(true, {Move::PieceGoes});
    case Request::Sent:
      return moved(false, {Move::HeadGoes, Move::HeadWritten});
    case Request::Broken:
      return moved(true, {Move::HeadGoes, Move::SenderFails});
  }
  return Machine(false);
}
Machine machine_in(Response state) {
  switch (state) {
    case Response::Nothing:
      return moved(true, {});
    case Response::Head:
      return moved(true, {Move::BytesCome});
    case Response::Body:
      return moved(true, {Move::BytesCome, Move::HeadKeeps});
    case Response::Done:
      return moved(true, {Move::BytesCome, Move::HeadKeeps, Move::ResponseEnds});
  }
  return Machine(false);
}

class H1ClientMachineRequest : public testing::TestWithParam<Known<Request>> {};
class H1ClientMachineResponse : public testing::TestWithParam<Known<Response>> {};

TEST_P(H1ClientMachineRequest, LeadsThere) {
  Machine machine = machine_in(GetParam().from);
  ASSERT_EQ(machine.request(), GetParam().from);
  EXPECT_TRUE(machine.can(GetParam().move));
  EXPECT_TRUE(machine.move(GetParam().move).has_value());
  EXPECT_EQ(machine.request(), GetParam().to);
  EXPECT_EQ(machine.response(), Response::Nothing);
}
TEST_P(H1ClientMachineResponse, LeadsThere) {
  Machine machine = machine_in(GetParam().from);
  ASSERT_EQ(machine.response(), GetParam().from);
  EXPECT_TRUE(machine.can(GetParam().move));
  EXPECT_TRUE(machine.move(GetParam().move).has_value());
  EXPECT_EQ(machine.response(), GetParam().to);
  EXPECT_EQ(machine.request(), Request::Waiting);
}

const auto kName = [](const auto& row) {
  return std::string(to_string(row.param.from)) + "_" + row.param.when;
};
INSTANTIATE_TEST_SUITE_P(All, H1ClientMachineRequest, testing::ValuesIn(kRequest), kName);
INSTANTIATE_TEST_SUITE_P(All, H1ClientMachineResponse, testing::ValuesIn(kResponse), kName);

// Every move that has no row in the half that it belongs to.
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
      const Request request = machine.request();
      const Response response = machine.response();
      EXPECT_FALSE(machine.can(move));
      const auto tried = machine.move(move);
      EXPECT_FALSE(tried.has_value());
      if (tried) continue;
      EXPECT_EQ(tried.error().code, Code::Internal);
      EXPECT_NE(tried.error().detail.find(to_string(move)), std::string::npos);
      EXPECT_EQ(machine.request(), request);
      EXPECT_EQ(machine.response(), response);
    }
  }
  return illegal;
}

TEST(H1ClientMachine, EveryOtherMoveIsOurDefect) {
  EXPECT_EQ(refused<Request>(kRequest, Machine::kRequestStates),
            Machine::kRequestStates * 6 - kRequest.size());
  EXPECT_EQ(refused<Response>(kResponse, Machine::kResponseStates),
            Machine::kResponseStates * 4 - kResponse.size());
}

TEST(H1ClientMachine, TheTablesHaveTheRowsOfThisTestAndNoOther) {
  ASSERT_EQ(Machine::kRequestMoves.size(), kRequest.size());
  for (const auto& row : Machine::kRequestMoves) {
    EXPECT_TRUE(has(kRequest, row.from, row.move)) << to_string(row.move);
  }
  ASSERT_EQ(Machine::kResponseMoves.size(), kResponse.size());
  for (const auto& row : Machine::kResponseMoves) {
    EXPECT_TRUE(has(kResponse, row.from, row.move)) << to_string(row.move);
  }
}

TEST(H1ClientMachine, OnlyTwoWholeMessagesLeaveTheConnectionToAnother) {
  const std::vector<Move> whole{Move::HeadGoes, Move::HeadWritten, Move::BytesCome, Move::HeadKeeps,
                                Move::ResponseEnds};
  EXPECT_TRUE(moved(false, whole).clean());

  std::vector<Move> closes = whole;
  closes[3] = Move::HeadCloses;
  EXPECT_TRUE(moved(false, closes).over());
  EXPECT_FALSE(moved(false, closes).clean());

  std::vector<Move> half_sent = whole;
  half_sent[1] = Move::HeadLost;
  EXPECT_TRUE(moved(false, half_sent).over());
  EXPECT_FALSE(moved(false, half_sent).clean());

  std::vector<Move> unfinished = whole;
  unfinished.pop_back();
  EXPECT_FALSE(moved(false, unfinished).over());
  EXPECT_FALSE(moved(false, unfinished).clean());

  Machine cut = moved(false, whole);
  cut.cut(Failure(Code::Cancelled, "first"));
  cut.cut(Failure(Code::ClientGone, "second"));
  EXPECT_FALSE(cut.clean());
  ASSERT_TRUE(cut.failure().has_value());
  EXPECT_EQ(cut.failure()->code, Code::Cancelled);
}

TEST(H1ClientMachine, EachHalfMayEndFirst) {
  Machine early = moved(true, {Move::PieceGoes, Move::BytesCome, Move::HeadKeeps});
  EXPECT_FALSE(early.awaits_head());
  EXPECT_TRUE(early.move(Move::ResponseEnds).has_value());
  EXPECT_TRUE(early.sending());
  EXPECT_FALSE(early.over());
  EXPECT_TRUE(early.move(Move::BodyWritten).has_value());
  EXPECT_TRUE(early.over());
  EXPECT_TRUE(early.clean());

  Machine late = moved(true, {Move::PieceGoes, Move::SenderFails});
  EXPECT_FALSE(late.sending());
  EXPECT_TRUE(late.awaits_head());
  EXPECT_FALSE(late.over());
  EXPECT_FALSE(moved(false, {Move::HeadGoes}).sending()) << "a head alone has no sender";
}

}  // namespace
}  // namespace bottle
