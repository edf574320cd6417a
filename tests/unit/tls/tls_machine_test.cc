#include "proxy/tls/tls_machine.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/known_moves.h"

namespace bottle {
namespace {

using Machine = TlsMachine;
using Session = Machine::Session;
using Sending = Machine::Sending;
using Writer = Machine::Writer;
using Move = Machine::Move;
using test::has;

// A legal move and the situation it stands for. `way` brings a new machine to `from`.
template <class Half>
struct Known {
  std::vector<Move> way;
  Half from;
  Move move;
  Half to;
  const char* when;
};

template <class Half>
void PrintTo(const Known<Half>& row, std::ostream* out) {
  *out << row.when;
}

const std::vector<Move> kOpen{Move::HandshakeDone};
const std::vector<Move> kRefused{Move::Breaks};
const std::vector<Move> kBroken{Move::HandshakeDone, Move::Breaks};
const std::vector<Move> kEnded{Move::HandshakeDone, Move::EndGoes};
const std::vector<Move> kLost{Move::HandshakeDone, Move::SendFails};
const std::vector<Move> kEndLost{Move::HandshakeDone, Move::EndGoes, Move::SendFails};
const std::vector<Move> kDrains{Move::DrainBegins};
const std::vector<Move> kAwaits{Move::InputAwaited};

const std::vector<Known<Session>> kSession{
    {{}, Session::Handshaking, Move::HandshakeDone, Session::Open, "HandshakeIsDone"},
    {{}, Session::Handshaking, Move::Breaks, Session::Refused, "HandshakeFailedOrWasClosed"},
    {kRefused, Session::Refused, Move::Breaks, Session::Refused, "RefusedIsClosed"},
    {kOpen, Session::Open, Move::Breaks, Session::Broken, "FaultResetOrClose"},
    {kBroken, Session::Broken, Move::Breaks, Session::Broken, "BrokenIsClosed"},
};
const std::vector<Known<Sending>> kSending{
    {kOpen, Sending::Open, Move::EndGoes, Sending::Ended, "CloseNotify"},
    {kOpen, Sending::Open, Move::SendFails, Sending::Lost, "TheSocketBreaks"},
    {kEnded, Sending::Ended, Move::SendFails, Sending::EndLost, "TheSocketBreaksAfterTheEnd"},
    {kLost, Sending::Lost, Move::SendFails, Sending::Lost, "AReaderTriesToAnswer"},
    {kLost, Sending::Lost, Move::EndGoes, Sending::EndLost, "TheEndOfABrokenSocket"},
    {kEndLost, Sending::EndLost, Move::SendFails, Sending::EndLost, "AReaderTriesAfterTheEnd"},
};
const std::vector<Known<Writer>> kWriter{
    {{}, Writer::Runs, Move::DrainBegins, Writer::Drains, "TheSocketIsFull"},
    {{}, Writer::Runs, Move::InputAwaited, Writer::AwaitsInput, "HalfAMessageBeforeAWrite"},
    {kDrains, Writer::Drains, Move::DrainEnds, Writer::Runs, "TheSocketTakesMoreOrCancelled"},
    {kAwaits, Writer::AwaitsInput, Move::InputCame, Writer::Runs, "TheRestCameOrCancelled"},
};

Session state_of(const Machine& machine, Session) { return machine.session(); }
Sending state_of(const Machine& machine, Sending) { return machine.sending(); }
Writer state_of(const Machine& machine, Writer) { return machine.writer(); }

Machine moved(const std::vector<Move>& way) {
  Machine machine;
  for (const Move move : way) {
    EXPECT_TRUE(machine.move(move).has_value()) << to_string(move);
  }
  return machine;
}

template <class Half>
void leads_there(const Known<Half>& row) {
  Machine machine = moved(row.way);
  ASSERT_EQ(state_of(machine, row.from), row.from);
  EXPECT_TRUE(machine.move(row.move).has_value());
  EXPECT_EQ(state_of(machine, row.from), row.to);
}

class TlsMachineSession : public testing::TestWithParam<Known<Session>> {};
class TlsMachineSending : public testing::TestWithParam<Known<Sending>> {};
class TlsMachineWriter : public testing::TestWithParam<Known<Writer>> {};

TEST_P(TlsMachineSession, LeadsThere) { leads_there(GetParam()); }
TEST_P(TlsMachineSending, LeadsThere) { leads_there(GetParam()); }
TEST_P(TlsMachineWriter, LeadsThere) { leads_there(GetParam()); }

const auto kName = [](const auto& row) { return std::string(row.param.when); };
INSTANTIATE_TEST_SUITE_P(All, TlsMachineSession, testing::ValuesIn(kSession), kName);
INSTANTIATE_TEST_SUITE_P(All, TlsMachineSending, testing::ValuesIn(kSending), kName);
INSTANTIATE_TEST_SUITE_P(All, TlsMachineWriter, testing::ValuesIn(kWriter), kName);

TEST(TlsMachine, EveryOtherMoveIsOurDefectAndBreaksTheSession) {
  const std::vector<std::vector<Move>> ways{{},    kOpen,    kRefused, kBroken, kEnded,
                                            kLost, kEndLost, kDrains,  kAwaits};
  std::size_t illegal = 0;
  for (const std::vector<Move>& way : ways) {
    for (std::size_t kind = 0; kind < Machine::kMoveKinds; ++kind) {
      const auto move = static_cast<Move>(kind);
      Machine machine = moved(way);
      const bool legal = has(kSession, machine.session(), move) ||
                         has(kSending, machine.sending(), move) ||
                         has(kWriter, machine.writer(), move);
      const bool handshake_done = machine.handshake_done();
      const auto tried = machine.move(move);
      EXPECT_EQ(tried.has_value(), legal) << to_string(move);
      if (tried) continue;
      ++illegal;
      EXPECT_EQ(tried.error().code, Code::Internal);
      EXPECT_NE(tried.error().detail.find(to_string(move)), std::string::npos);
      EXPECT_TRUE(machine.broken());
      EXPECT_EQ(machine.handshake_done(), handshake_done);
    }
  }
  EXPECT_GT(illegal, ways.size());
}

TEST(TlsMachine, TheTablesHaveTheRowsOfThisTestAndNoOther) {
  const auto same = [](const auto& table, const auto& known) {
    EXPECT_EQ(table.size(), known.size());
    for (const auto& row : table) {
      EXPECT_TRUE(has(known, row.from, row.move)) << to_string(row.move);
    }
  };
  same(Machine::kSessionMoves, kSession);
  same(Machine::kSendingMoves, kSending);
  same(Machine::kWriterMoves, kWriter);
}

TEST(TlsMachine, TheEndIsWrittenOnceAndNotIntoAHandshake) {
  EXPECT_FALSE(moved({}).may_end());
  EXPECT_TRUE(moved(kOpen).may_end());
  EXPECT_TRUE(moved(kLost).may_end());
  for (const auto& way : {kRefused, kBroken, kEnded, kEndLost}) {
    EXPECT_FALSE(moved(way).may_end());
    EXPECT_FALSE(moved(way).may_write());
  }
  EXPECT_TRUE(moved(kOpen).may_write());
}

TEST(TlsMachine, ASocketThatTakesNothingMayStillBeRead) {
  EXPECT_TRUE(moved(kLost).send_failed());
  EXPECT_TRUE(moved(kEndLost).send_failed());
  EXPECT_FALSE(moved(kLost).broken());
  EXPECT_FALSE(moved(kEnded).send_failed());
}

}  // namespace
}  // namespace bottle
