#include "proxy/body/spool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <list>
#include <memory>
#include <string>

#include "tests/support/run_until.h"

namespace bottle {
namespace {

using Collected = Result<std::shared_ptr<const SpooledBody>>;

// `size` bytes in pieces, then the end, or a failure in its place.
class Pieces final : public BodySource {
 public:
  explicit Pieces(std::size_t size, bool fails = false) : left_(size), fails_(fails) {}
  awaitable<Result<Chunk>> read(std::size_t max) override {
    Chunk chunk;
    const std::size_t n = std::min({max, left_, std::size_t{10'000}});
    for (std::size_t i = 0; i < n; ++i) chunk.data += static_cast<char>('a' + (at_ + i) % 23);
    at_ += n;
    left_ -= n;
    chunk.end = left_ == 0;
    if (chunk.end && fails_) co_return Failure{Code::ClientGone, "gone"};
    co_return chunk;
  }
  void stop(Failure why) noexcept override { stopped = why.code; }
  std::optional<Code> stopped;

 private:
  std::size_t left_;
  std::size_t at_ = 0;
  bool fails_;
};

Bytes pattern(std::size_t size) {
  Bytes out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>('a' + i % 23);
  return out;
}

awaitable<void> collect(Spool& spool, BodySource& body, std::optional<std::uint64_t> declared,
                        Coding coding, std::unique_ptr<Collected>& out) {
  auto got = co_await spool.collect(body, declared, coding);
  out = std::make_unique<Collected>(std::move(got));
}

awaitable<void> read_all(std::shared_ptr<const SpooledBody> body, std::size_t piece, Bytes& out,
                         std::optional<Failure>& failure) {
  SpoolReader reader(std::move(body));
  for (;;) {
    auto chunk = co_await reader.read(piece);
    if (!chunk) {
      failure = chunk.error();
      co_return;
    }
    EXPECT_LE(chunk->data.size(), piece);
    out += chunk->data;
    if (chunk->end) co_return;
  }
}

struct World {
  World() {
    limits.memory_bytes = 100'000;
    limits.body_bytes = 300'000;
    limits.total_bytes = 700'000;
    limits.directory = testing::TempDir();
  }
  Collected take(Spool& spool, BodySource& body, std::optional<std::uint64_t> declared = {},
                 Coding coding = Coding::Identity) {
    std::unique_ptr<Collected> out;
    test::run_until_done(io, collect(spool, body, declared, coding, out));
    return std::move(*out);
  }
  Bytes read(const std::shared_ptr<const SpooledBody>& body, std::size_t piece = 64 * 1024) {
    Bytes out;
    std::optional<Failure> failure;
    test::run_until_done(io, read_all(body, piece, out, failure));
    EXPECT_FALSE(failure);
    return out;
  }

  asio::io_context io{1};
  SpoolLimits limits;
  DecodeSpace decode{DecodeLimits{}.memory_bytes};
};

std::size_t files_in(const std::filesystem::path& directory) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    files += entry.path().filename().string().starts_with("bottle-spool");
  }
  return files;
}

TEST(Spool, StaysInMemoryUpToTheLimitAndGoesToDiskAboveIt) {
  World world;
  Spool spool(world.limits, world.decode);
  for (const std::size_t size : {std::size_t{0}, std::size_t{99'999}, std::size_t{100'000},
                                 std::size_t{100'001}, std::size_t{300'000}}) {
    Pieces body(size);
    const auto spooled = world.take(spool, body);
    ASSERT_TRUE(spooled);
    EXPECT_EQ((*spooled)->size(), size);
    EXPECT_EQ((*spooled)->on_disk(), size > 100'000);
    EXPECT_EQ(spool.held(), size);
    EXPECT_EQ(files_in(world.limits.directory), 0U);
    // As often as wanted.
    EXPECT_EQ(world.read(*spooled), pattern(size));
    EXPECT_EQ(world.read(*spooled, 7'777), pattern(size));
  }
  EXPECT_EQ(spool.held(), 0U);
}

// [T95]
TEST(Spool, WithoutMemoryEvenASmallBodyGoesToTheDisk) {
  World world;
  asio::io_context io;
  MemoryBudget budget(1'000'000);
  const auto own = std::make_shared<MemoryAccount>(budget, io.get_executor(), 50'000);
  Spool spool(world.limits, world.decode, own);
  Pieces small(40'000);
  Pieces other(40'000);
  {
    const auto first = world.take(spool, small);
    const auto second = world.take(spool, other);
    ASSERT_TRUE(first && second);
    EXPECT_FALSE((*first)->on_disk());
    EXPECT_GE(own->held(), 40'000U);
    EXPECT_TRUE((*second)->on_disk());
    EXPECT_LE(own->held(), 50'000U) << "what was in memory has moved";
  }
  EXPECT_EQ(budget.taken(), 0U);
}

TEST(Spool, ABodyAboveTheCapIsRefusedAndStopped) {
  World world;
  Spool spool(world.limits, world.decode);
  Pieces body(300'001);
  const auto spooled = world.take(spool, body);
  ASSERT_FALSE(spooled);
  EXPECT_EQ(spooled.error().code, Code::BodyTooLarge);
  EXPECT_EQ(spool.held(), 0U);
}

TEST(Spool, ABodyThatSaysItIsTooLargeIsNotRead) {
  World world;
  Spool spool(world.limits, world.decode);
  Pieces body(5);
  const auto spooled = world.take(spool, body, 300'001);
  ASSERT_FALSE(spooled);
  EXPECT_EQ(spooled.error().code, Code::BodyTooLarge);
  EXPECT_EQ(body.stopped, Code::BodyTooLarge);
}

TEST(Spool, AllBodiesTogetherAreBounded) {
  World world;
  Spool spool(world.limits, world.decode);
  Pieces one(300'000);
  Pieces two(300'000);
  Pieces three(100'001);
  Pieces four(100'000);
  const auto first = world.take(spool, one);
  const auto second = world.take(spool, two);
  const auto third = world.take(spool, three);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Code::Overloaded);
  EXPECT_EQ(spool.held(), 600'000U);
  EXPECT_TRUE(world.take(spool, four));
}

// [T56]
TEST(Spool, ABodyThatTakesTooLongIsRefused) {
  World world;
  world.limits.body_time = std::chrono::milliseconds(0);
  Spool spool(world.limits, world.decode);
  Pieces slow(200'000);
  const auto spooled = world.take(spool, slow);
  ASSERT_FALSE(spooled);
  EXPECT_EQ(spooled.error().code, Code::ClientSlow);
  EXPECT_EQ(slow.stopped, Code::ClientSlow);
  EXPECT_EQ(spool.held(), 0U);
  Pieces whole(10);
  EXPECT_TRUE(world.take(spool, whole)) << "its first piece was its last";
}

TEST(Spool, AClientAndADestinationHoldAsMuchAsTheyLeave) {
  World world;
  DecodeSpace space(1 << 20);
  Spool spool(world.limits, space);
  const Bytes piece = pattern(10'000);
  const auto write = [&piece](SpoolWriter& writer, std::size_t pieces) {
    for (std::size_t i = 0; i < pieces; ++i) {
      const auto kept = writer.append(piece);
      if (!kept) return kept.error().reason;
    }
    return std::string();
  };
  std::list<SpoolWriter> open;
  EXPECT_EQ(write(open.emplace_back(spool, Party{1, 1}), 30), "");
  EXPECT_EQ(write(open.emplace_back(spool, Party{1, 2}), 6), "spool_full") << "one client's";
  EXPECT_EQ(write(open.emplace_back(spool, Party{2, 1}), 6), "spool_full") << "one destination's";
  EXPECT_EQ(write(open.emplace_back(spool, Party{2, 2}), 10), "");
  open.clear();
  EXPECT_EQ(spool.held(), 0U);
}

TEST(Spool, AFailingBodyLeavesNothingBehind) {
  World world;
  Spool spool(world.limits, world.decode);
  Pieces body(200'000, true);
  const auto spooled = world.take(spool, body);
  ASSERT_FALSE(spooled);
  EXPECT_EQ(spooled.error().code, Code::ClientGone);
  EXPECT_EQ(spool.held(), 0U);
}

TEST(Spool, AnotherLengthThanDeclaredIsRefused) {
  World world;
  Spool spool(world.limits, world.decode);
  for (const std::size_t declared : {4U, 6U}) {
    Pieces body(5);
    const auto spooled = world.take(spool, body, declared);
    ASSERT_FALSE(spooled);
    EXPECT_EQ(spooled.error().code, Code::ClientBad);
  }
}

TEST(Spool, AMissingDirectoryIsNamedAsTheReason) {
  World world;
  world.limits.directory = "/nonexistent/spool";
  Spool spool(world.limits, world.decode);
  Pieces body(200'000);
  const auto spooled = world.take(spool, body);
  ASSERT_FALSE(spooled);
  EXPECT_EQ(spooled.error().code, Code::Internal);
  EXPECT_EQ(spooled.error().reason, "spool_failed");
  EXPECT_TRUE(body.stopped.has_value());
  EXPECT_EQ(spool.held(), 0U);
}

// gzip of "hello hello hello hello hello\n".
const char kGzip[] =
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xcb\x48\xcd\xc9\xc9\x57\xc8\xc0\x4e\x72\x01\x00"
    "\x68\x02\x31\x66\x1e\x00\x00\x00";

TEST(Spool, DecodesWhatIsCoded) {
  World world;
  Spool spool(world.limits, world.decode);
  const Bytes coded(kGzip, sizeof kGzip - 1);
  BytesSource body(coded);
  const auto spooled = world.take(spool, body, coded.size(), Coding::Gzip);
  ASSERT_TRUE(spooled) << spooled.error().detail;
  EXPECT_EQ(world.read(*spooled), "hello hello hello hello hello\n");

  BytesSource cut(coded.substr(0, coded.size() - 1));
  EXPECT_FALSE(world.take(spool, cut, {}, Coding::Gzip));
  BytesSource longer(coded + "x");
  EXPECT_FALSE(world.take(spool, longer, {}, Coding::Gzip));
}

}  // namespace
}  // namespace bottle
