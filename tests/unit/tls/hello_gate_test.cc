#include "proxy/tls/hello_gate.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle {
namespace {

using State = HelloGate::State;

TEST(HelloGate, WithoutALimitNothingIsLookedAt) {
  HelloGate gate(0);
  gate.came("GET / HTTP/1.1");
  EXPECT_EQ(gate.state(), State::Open);
  EXPECT_EQ(gate.allow(4096), 4096U);
}

TEST(HelloGate, TheFirstByteHasToBeARecords) {
  HelloGate gate(100);
  EXPECT_EQ(gate.state(), State::Awaited);
  gate.came("");
  EXPECT_EQ(gate.state(), State::Awaited);
  gate.came("GET");
  EXPECT_EQ(gate.state(), State::NotTls);
  EXPECT_TRUE(gate.refuses());

  HelloGate tls(100);
  tls.came("\x16");
  tls.came("GET");
  EXPECT_EQ(tls.state(), State::Begun);
  EXPECT_FALSE(tls.refuses());
}

TEST(HelloGate, OneByteMoreThanAllowedIsTooMuch) {
  HelloGate gate(10);
  EXPECT_EQ(gate.allow(4096), 10U);
  gate.came("\x16" + std::string(5, 'x'));
  EXPECT_EQ(gate.allow(4096), 4U);
  EXPECT_EQ(gate.allow(2), 2U);
  gate.came("last");
  EXPECT_FALSE(gate.refuses()) << "so much is allowed";
  EXPECT_EQ(gate.allow(4096), 0U);
  EXPECT_EQ(gate.state(), State::TooLarge);
}

// Bytes that were read before the handshake count too.
TEST(HelloGate, TooMuchAtOnce) {
  HelloGate gate(10);
  gate.came("\x16" + std::string(10, 'x'));
  EXPECT_EQ(gate.state(), State::TooLarge);

  HelloGate both(10);
  both.came(std::string(11, 'x'));
  EXPECT_EQ(both.state(), State::NotTls);
}

TEST(HelloGate, ACompleteHelloEndsTheLimit) {
  HelloGate gate(10);
  gate.came("\x16" + std::string(9, 'x'));
  gate.complete();
  EXPECT_EQ(gate.allow(4096), 4096U);
  gate.came(std::string(100, 'x'));
  EXPECT_EQ(gate.state(), State::Open);
}

}  // namespace
}  // namespace bottle
