#include "proxy/exit/name_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "proxy/base/task_group.h"

namespace bottle {
namespace {

constexpr unsigned kA = 1;
constexpr unsigned kAaaa = 28;
constexpr unsigned kNoError = 0;
constexpr unsigned kFormErr = 1;
constexpr unsigned kNxDomain = 3;
constexpr unsigned kNotImp = 4;
constexpr unsigned kRefused = 5;

Bytes word(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

Bytes labels(std::initializer_list<std::string> parts) {
  Bytes out;
  for (const std::string& part : parts) out += static_cast<char>(part.size()) + part;
  return out + '\0';
}

Bytes header(unsigned flags, unsigned questions, unsigned additional) {
  return word(0xbeef) + word(flags) + word(questions) + word(0) + word(0) + word(additional);
}

Bytes query(const Bytes& name, unsigned type, unsigned klass = 1) {
  return header(0x0100, 1, 0) + name + word(type) + word(klass);
}

Bytes opt(unsigned version, const Bytes& data = {}) {
  return Bytes(1, '\0') + word(41) + word(1232) + word(version) + word(0x8000) +
         word(static_cast<unsigned>(data.size())) + data;
}

Bytes query_with_opt(const Bytes& name, unsigned type, const Bytes& record) {
  return header(0x0120, 1, 1) + name + word(type) + word(1) + record;
}

unsigned rcode(const std::optional<Bytes>& answer) {
  return answer ? static_cast<unsigned>((*answer)[3]) & 0xf : 99;
}

unsigned count(const std::optional<Bytes>& answer, std::size_t at) {
  return answer ? static_cast<unsigned char>((*answer)[at + 1]) : 99;
}
unsigned answers_in(const std::optional<Bytes>& answer) { return count(answer, 6); }
unsigned extras_in(const std::optional<Bytes>& answer) { return count(answer, 10); }

class Names : public testing::Test {
 protected:
  NameAnswers answers() {
    NameAnswers made;
    made.v4 = IpAddress::parse("10.1.2.3");
    made.knows = [this](std::string_view name) {
      asked.emplace_back(name);
      return name == "a.test" || name == "_x.a.test";
    };
    made.refused = [this](std::string_view name) { refused.emplace_back(name); };
    return made;
  }
  std::optional<Bytes> ask(const Bytes& bytes) { return answer_query(bytes, answers()); }

  std::vector<std::string> asked;
  std::vector<std::string> refused;
};

TEST_F(Names, KnownNameGetsTheAddress) {
  const Bytes asking = query(labels({"a", "test"}), kA);
  const auto answer = ask(asking);
  ASSERT_TRUE(answer);
  const Bytes record = Bytes("\xc0\x0c", 2) + word(kA) + word(1) + word(0) + word(30) + word(4) +
                       Bytes("\x0a\x01\x02\x03", 4);
  EXPECT_EQ(*answer, word(0xbeef) + word(0x8580) + word(1) + word(1) + word(0) + word(0) +
                         asking.substr(12) + record);
  EXPECT_TRUE(refused.empty());
}

TEST_F(Names, CaseComesBackAsItWas) {
  const auto answer = ask(query(labels({"A", "tEsT"}), kA));
  ASSERT_TRUE(answer);
  EXPECT_EQ(rcode(answer), kNoError);
  EXPECT_NE(answer->find(labels({"A", "tEsT"})), Bytes::npos);
  EXPECT_EQ(asked, std::vector<std::string>{"a.test"});
}

TEST_F(Names, AaaaIsEmptyWithoutAnAddressOfThatKind) {
  const Bytes asking = query(labels({"a", "test"}), kAaaa);
  const auto answer = ask(asking);
  EXPECT_EQ(rcode(answer), kNoError);
  EXPECT_EQ(answers_in(answer), 0U);
  NameAnswers both = answers();
  both.v6 = IpAddress::parse("fd00::9");
  const auto v6 = answer_query(asking, both);
  ASSERT_TRUE(v6);
  EXPECT_EQ(answers_in(v6), 1U);
  EXPECT_EQ(v6->size(), asking.size() + 28);
  EXPECT_EQ(v6->back(), '\x09');
}

TEST_F(Names, OtherTypesOfAKnownNameAreEmpty) {
  for (const unsigned type : {2U, 5U, 12U, 15U, 16U, 33U, 64U, 65U, 255U}) {
    const auto answer = ask(query(labels({"a", "test"}), type));
    EXPECT_EQ(rcode(answer), kNoError) << type;
    EXPECT_EQ(answers_in(answer), 0U) << type;
  }
  EXPECT_EQ(rcode(ask(query(labels({"_x", "a", "test"}), 33))), kNoError);
}

TEST_F(Names, UnknownNamesDoNotExistAndAreTold) {
  const auto answer = ask(query(labels({"Other", "test"}), kA));
  EXPECT_EQ(rcode(answer), kNxDomain);
  EXPECT_EQ(answers_in(answer), 0U);
  EXPECT_EQ(refused, std::vector<std::string>{"other.test"});
}

TEST_F(Names, OddBytesAreNeverKnownAndAreWrittenOut) {
  EXPECT_EQ(rcode(ask(query(labels({"a.test"}), kA))), kNxDomain);
  EXPECT_EQ(rcode(ask(query(labels({"a\n\xff", "test"}), kA))), kNxDomain);
  EXPECT_EQ(rcode(ask(query(labels({std::string("a\0", 2), "test"}), kA))), kNxDomain);
  EXPECT_EQ(refused, (std::vector<std::string>{"a\\046test", "a\\010\\255.test", "a\\000.test"}));
  EXPECT_TRUE(asked.empty());
}

TEST_F(Names, RootIsNoHost) {
  EXPECT_EQ(rcode(ask(query(labels({}), 2))), kNxDomain);
  EXPECT_EQ(refused, std::vector<std::string>{""});
}

TEST_F(Names, OptIsAnsweredWithOpt) {
  const Bytes cookie = word(10) + word(8) + Bytes(8, 'c');
  for (const Bytes& data : {Bytes(), cookie}) {
    const auto answer = ask(query_with_opt(labels({"a", "test"}), kA, opt(0, data)));
    ASSERT_TRUE(answer);
    EXPECT_EQ(rcode(answer), kNoError);
    EXPECT_EQ(answers_in(answer), 1U);
    EXPECT_EQ(extras_in(answer), 1U);
    EXPECT_EQ(answer->substr(answer->size() - 11),
              Bytes(1, '\0') + word(41) + word(512) + word(0) + word(0) + word(0));
  }
}

TEST_F(Names, OtherEdnsVersionIsBadVers) {
  const auto answer = ask(query_with_opt(labels({"a", "test"}), kA, opt(1)));
  ASSERT_TRUE(answer);
  EXPECT_EQ(rcode(answer), 0U) << "16 has only high bits, which stand in the OPT";
  EXPECT_EQ(answers_in(answer), 0U);
  EXPECT_EQ((*answer)[answer->size() - 6], '\x01');
  EXPECT_TRUE(asked.empty());
}

TEST_F(Names, NoQueryGetsNoAnswer) {
  const Bytes asking = query(labels({"a", "test"}), kA);
  for (std::size_t n = 0; n < 12; ++n) EXPECT_FALSE(ask(asking.substr(0, n))) << n;
  Bytes response = asking;
  response[2] = '\x81';
  EXPECT_FALSE(ask(response)) << "two servers must not answer each other for ever";
}

TEST_F(Names, CutQueriesAreFormErr) {
  const Bytes asking = query_with_opt(labels({"a", "test"}), kA, opt(0, Bytes(4, '\0')));
  for (std::size_t n = 12; n < asking.size(); ++n) {
    EXPECT_EQ(rcode(ask(asking.substr(0, n))), kFormErr) << n;
  }
  EXPECT_EQ(rcode(ask(asking + '\0')), kFormErr) << "a byte too many";
  EXPECT_EQ(rcode(ask(query(labels({"a", "test"}), kA) + '\0')), kFormErr);
  EXPECT_TRUE(asked.empty());
}

TEST_F(Names, StrangeQueriesAreRefused) {
  const Bytes name = labels({"a", "test"});
  const Bytes question = name + word(kA) + word(1);
  const struct {
    const char* what;
    Bytes bytes;
    unsigned code;
  } cases[] = {
      {"pointer to itself", query(Bytes("\xc0\x0c", 2), kA), kFormErr},
      {"pointer behind a label", query(Bytes("\x01\x61\xc0\x0c", 4), kA), kFormErr},
      {"reserved label kind", query(Bytes("\x41") + Bytes(65, 'x') + '\0', kA), kFormErr},
      {"no question", header(0x0100, 0, 0), kFormErr},
      {"two questions", header(0x0100, 2, 0) + question + question, kFormErr},
      {"an answer in the query",
       word(1) + word(0x0100) + word(1) + word(1) + word(0) + word(0) + question, kFormErr},
      {"an authority in the query",
       word(1) + word(0x0100) + word(1) + word(0) + word(1) + word(0) + question, kFormErr},
      {"two extras", header(0x0100, 1, 2) + question + opt(0) + opt(0), kFormErr},
      {"an extra that is no OPT",
       header(0x0100, 1, 1) + question + Bytes(1, '\0') + word(250) + word(255) + word(0) +
           word(0) + word(0),
       kFormErr},
      {"OPT of another name", header(0x0100, 1, 1) + question + labels({"a"}) + opt(0).substr(1),
       kFormErr},
      {"inverse query", header(0x0900, 1, 0) + question, kNotImp},
      {"update", header(0x2900, 1, 0) + question, kNotImp},
      {"class CHAOS", query(name, 16, 3), kRefused},
      {"class ANY", query(name, kA, 255), kRefused},
      {"zone transfer", query(name, 252), kRefused},
      {"TSIG as a question", query(name, 250), kRefused},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(rcode(ask(c.bytes)), c.code) << c.what;
    EXPECT_TRUE(asked.empty()) << c.what;
  }
}

TEST_F(Names, LengthsAreBounded) {
  const std::string longest(63, 'x');
  const Bytes name255 = labels({longest, longest, longest, std::string(61, 'x')});
  ASSERT_EQ(name255.size(), 255U);
  EXPECT_EQ(rcode(ask(query(name255, kA))), kNxDomain);
  EXPECT_EQ(rcode(ask(query(labels({longest, longest, longest, std::string(62, 'x')}), kA))),
            kFormErr);
  const Bytes name = labels({"a", "test"});
  const std::size_t fixed = query_with_opt(name, kA, opt(0)).size();
  EXPECT_EQ(rcode(ask(query_with_opt(name, kA, opt(0, Bytes(512 - fixed, '\0'))))), kNoError);
  EXPECT_EQ(rcode(ask(query_with_opt(name, kA, opt(0, Bytes(513 - fixed, '\0'))))), kFormErr);
}

// ---- on a socket

struct Udp {
  int fd = -1;
  sockaddr_in at{};
  Udp() {
    fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
    socklen_t size = sizeof at;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
  }
  void send(const Bytes& bytes, const sockaddr_in& to) const {
    ::sendto(fd, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  [[nodiscard]] Bytes receive() const {
    Bytes in(2048, '\0');
    const auto n = ::recv(fd, in.data(), in.size(), MSG_DONTWAIT);
    in.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return in;
  }
};

class NameSocket : public Names {
 protected:
  void start(NameServerLimits limits = {}) {
    server = std::make_unique<NameServer>(io, wheel, listening.fd, answers(), limits);
    tasks.spawn(server->run());
  }
  ~NameSocket() override {
    if (server) server->stop();
    io.restart();
    io.run();
    ::close(client.fd);
  }
  // Runs the loop until nothing is due; returns what the client got.
  Bytes turn() {
    const auto until = Clock::now() + std::chrono::seconds(5);
    for (;;) {
      io.restart();
      io.poll();
      Bytes got = client.receive();
      if (!got.empty() || Clock::now() > until) return got;
    }
  }

  asio::io_context io;
  TimerWheel wheel{io.get_executor()};
  TaskGroup tasks{io.get_executor()};
  Udp listening;
  Udp client;
  std::unique_ptr<NameServer> server;
};

TEST_F(NameSocket, AnswersWhereTheQuestionCameFrom) {
  start();
  const Bytes asking = query(labels({"a", "test"}), kA);
  client.send(asking, listening.at);
  EXPECT_EQ(turn(), *answer_query(asking, answers()));
}

TEST_F(NameSocket, GoesOnAfterRubbish) {
  start();
  client.send("x", listening.at);
  client.send(Bytes(2000, 'x'), listening.at);
  EXPECT_EQ(rcode(turn()), kNotImp);
  client.send(Bytes(2000, '\0'), listening.at);
  EXPECT_EQ(rcode(turn()), kFormErr);
  client.send(query(labels({"a", "test"}), kA), listening.at);
  EXPECT_EQ(answers_in(turn()), 1U);
}

TEST_F(NameSocket, ARefusedNameIsToldOnceAndSoManyAMinute) {
  start(NameServerLimits{.refused_names_a_minute = 3});
  for (const char* name : {"one", "one", "two", "ONE", "three", "four", "five"}) {
    client.send(query(labels({name}), kA), listening.at);
    EXPECT_EQ(rcode(turn()), kNxDomain) << name;
  }
  EXPECT_EQ(refused, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(NameSocket, EndsWhenItIsStoppedOrCancelled) {
  start();
  io.poll();
  EXPECT_EQ(tasks.size(), 1U);
  tasks.cancel();
  io.restart();
  io.poll();
  EXPECT_TRUE(tasks.empty());
  tasks.spawn(server->run());
  server->stop();
  io.restart();
  io.poll();
  EXPECT_TRUE(tasks.empty());
}

}  // namespace
}  // namespace bottle
