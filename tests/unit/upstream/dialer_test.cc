#include "proxy/upstream/dialer.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/task_group.h"
#include "tests/support/run_until.h"

namespace bottle {
namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

// A loopback port that accepts into its backlog, refuses, or hangs (a full backlog).
class Port {
 public:
  enum class Does : unsigned char { Accept, Refuse, Hang };
  explicit Port(asio::io_context& io, Does does = Does::Accept) : acceptor_(io), filler_(io) {
    acceptor_.open(tcp::v4());
    acceptor_.bind(tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    endpoint_ = acceptor_.local_endpoint();
    if (does == Does::Refuse) return;  // bound, so no other program takes it, but not listening
    acceptor_.listen(does == Does::Hang ? 0 : 16);
    if (does == Does::Hang) filler_.connect(endpoint_);
  }
  [[nodiscard]] Endpoint endpoint() const { return endpoint_; }
  [[nodiscard]] bool was_called() {
    acceptor_.non_blocking(true);
    boost::system::error_code ec;
    const tcp::socket socket = acceptor_.accept(ec);
    return !ec;
  }

 private:
  tcp::acceptor acceptor_;
  tcp::socket filler_;
  Endpoint endpoint_;
};

Endpoint at(std::string_view address, std::uint16_t port = 443) {
  return {asio::ip::make_address(address), port};
}

TEST(Interleave, TakesFamiliesInTurnBeginningWithTheFirst) {
  const std::vector<Endpoint> all = {at("2001:db8::1"), at("2001:db8::2"), at("2001:db8::3"),
                                     at("192.0.2.1"),   at("192.0.2.2"),   at("192.0.2.1")};
  EXPECT_EQ(interleave(all, 8),
            (std::vector<Endpoint>{at("2001:db8::1"), at("192.0.2.1"), at("2001:db8::2"),
                                   at("192.0.2.2"), at("2001:db8::3")}));
  EXPECT_EQ(interleave(all, 2).size(), 2U);
  EXPECT_TRUE(interleave({}, 8).empty());
}

struct Connected {
  std::optional<Endpoint> peer;
  std::optional<Failure> failure;
};

awaitable<void> connect(TimerWheel& wheel, std::vector<Endpoint> endpoints, DialLimits limits,
                        Connected& out) {
  auto socket = co_await connect_first(wheel, std::move(endpoints), limits);
  if (socket) {
    out.peer = socket->remote_endpoint();
  } else {
    out.failure = socket.error();
  }
}

struct World {
  World() : wheel(io.get_executor()) {}
  Connected connect(std::vector<Endpoint> endpoints, DialLimits limits = {}) {
    Connected out;
    test::run_until_done(io, bottle::connect(wheel, std::move(endpoints), limits, out));
    return out;
  }
  asio::io_context io{1};
  TimerWheel wheel;
};

TEST(ConnectFirst, ARefusedAddressIsPassedOverAtOnce) {
  World world;
  Port refuses(world.io, Port::Does::Refuse);
  Port accepts(world.io);
  DialLimits limits;
  limits.stagger = 60s;
  const auto began = std::chrono::steady_clock::now();
  const Connected out = world.connect({refuses.endpoint(), accepts.endpoint()}, limits);
  EXPECT_EQ(out.peer, accepts.endpoint());
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST(ConnectFirst, AHangingAddressIsOvertaken) {
  World world;
  Port hangs(world.io, Port::Does::Hang);
  Port accepts(world.io);
  DialLimits limits;
  limits.stagger = 30ms;
  const Connected out = world.connect({hangs.endpoint(), accepts.endpoint()}, limits);
  EXPECT_EQ(out.peer, accepts.endpoint());
}

TEST(ConnectFirst, WhenNobodyAnswersTheTimeIsBounded) {
  World world;
  Port hangs(world.io, Port::Does::Hang);
  DialLimits limits;
  limits.connect = 80ms;
  limits.stagger = 10ms;
  const Connected out = world.connect({hangs.endpoint()}, limits);
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::UpstreamTimeout);
}

TEST(ConnectFirst, WhenAllRefuseThatIsTheReason) {
  World world;
  Port one(world.io, Port::Does::Refuse);
  Port two(world.io, Port::Does::Refuse);
  const Connected out = world.connect({one.endpoint(), two.endpoint()});
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::ConnectFailed);
  EXPECT_EQ(out.failure->reason, "connection_refused");
}

TEST(ConnectFirst, TriesNoMoreThanSoMany) {
  World world;
  Port refuses(world.io, Port::Does::Refuse);
  Port accepts(world.io);
  DialLimits limits;
  limits.candidates = 1;
  EXPECT_TRUE(world.connect({refuses.endpoint(), accepts.endpoint()}, limits).failure);
  EXPECT_FALSE(accepts.was_called());
}

TEST(ConnectFirst, ACancelEndsIt) {
  World world;
  Port hangs(world.io, Port::Does::Hang);
  TaskGroup tasks(world.io.get_executor());
  Connected out;
  tasks.spawn(connect(world.wheel, {hangs.endpoint()}, {}, out));
  world.io.poll();
  EXPECT_FALSE(out.failure);
  test::cancel_tasks(world.io, tasks);
  world.io.restart();
  while (!tasks.empty() && world.io.run_one() > 0) {
  }
  ASSERT_TRUE(out.failure);
  EXPECT_EQ(out.failure->code, Code::Cancelled);
}

// ---- the dialers -------------------------------------------------------------------------------

struct Names final : NameLookup {
  awaitable<LookupAnswer> look_up(std::string) override {
    co_return LookupAnswer{addresses, addresses.empty() ? "nothing" : "", false};
  }
  Addresses addresses;
};

struct DialWorld : World {
  explicit DialWorld(const std::vector<std::string>& open)
      : resolver(wheel, names),
        guard(AddressGuard::make(open).value()),
        trust(OriginTrust::load({}).value()),
        tls(trust, wheel, buffers),
        way(wheel, resolver, guard),
        dialer(way, tls) {}

  Result<Connection> dial(Dialer& with, const std::string& host, std::uint16_t port) {
    std::optional<Result<Connection>> out;
    test::run_until_done(io, one_dial(with, parse_host(host, port).value(), out));
    return std::move(*out);
  }
  static awaitable<void> one_dial(Dialer& with, Destination destination,
                                  std::optional<Result<Connection>>& out) {
    auto got = co_await with.dial(destination, Scheme::Http, 0);
    out.emplace(std::move(got));
  }

  Names names;
  Resolver resolver;
  AddressGuard guard;
  RecordBuffers buffers;
  std::shared_ptr<const OriginTrust> trust;
  TlsClient tls;
  DirectWay way;
  OriginDialer dialer;
};

TEST(OriginDialer, ANameThatPointsInwardsReachesNothing) {
  DialWorld world({});
  Port inside(world.io);
  world.names.addresses = {asio::ip::make_address("127.0.0.1"),
                           asio::ip::make_address("169.254.169.254"),
                           asio::ip::make_address("::ffff:127.0.0.1")};
  const auto dialled = world.dial(world.dialer, "rebind.test", inside.endpoint().port());
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().code, Code::Denied);
  EXPECT_EQ(dialled.error().reason, "address_not_allowed");
  EXPECT_FALSE(inside.was_called());
}

TEST(OriginDialer, AnAddressIsVettedLikeAName) {
  DialWorld world({});
  Port inside(world.io);
  EXPECT_EQ(world.dial(world.dialer, "127.0.0.1", inside.endpoint().port()).error().code,
            Code::Denied);
  EXPECT_FALSE(inside.was_called());
}

TEST(OriginDialer, OnlyTheVettedAddressesAreDialled) {
  DialWorld world({"127.0.0.1/32"});
  Port inside(world.io);
  // The first would be refused by the guard; were it dialled, it would be refused by the kernel.
  world.names.addresses = {asio::ip::make_address("127.0.0.2"),
                           asio::ip::make_address("127.0.0.1")};
  auto dialled = world.dial(world.dialer, "mixed.test", inside.endpoint().port());
  ASSERT_TRUE(dialled) << dialled.error().detail;
  EXPECT_EQ(dialled->protocol, Version::Http11);
  EXPECT_TRUE(inside.was_called());
}

TEST(OriginDialer, ANameThatIsNotThereIsDnsFailed) {
  DialWorld world({});
  EXPECT_EQ(world.dial(world.dialer, "no.test", 80).error().code, Code::DnsFailed);
}

TEST(ScannerDialer, GoesToItsOnePlaceWhateverIsAsked) {
  DialWorld world({});
  Port scanner(world.io);
  Port other(world.io);
  FixedWay place(world.wheel, world.resolver,
                 parse_host("127.0.0.1", scanner.endpoint().port()).value());
  ScannerDialer dialer(place);
  EXPECT_TRUE(world.dial(dialer, "127.0.0.1", other.endpoint().port()));
  EXPECT_TRUE(scanner.was_called());
  EXPECT_FALSE(other.was_called());
}

TEST(ScannerDialer, EveryFailureIsThatTheScannerIsNotThere) {
  DialWorld world({});
  Port refuses(world.io, Port::Does::Refuse);
  FixedWay closed(world.wheel, world.resolver,
                  parse_host("127.0.0.1", refuses.endpoint().port()).value());
  ScannerDialer absent(closed);
  EXPECT_EQ(world.dial(absent, "origin.test", 443).error().code, Code::ScannerUnavailable);
  FixedWay unknown(world.wheel, world.resolver, parse_host("no.test", 8888).value());
  ScannerDialer nameless(unknown);
  EXPECT_EQ(world.dial(nameless, "origin.test", 443).error().code, Code::ScannerUnavailable);
}

}  // namespace
}  // namespace bottle
