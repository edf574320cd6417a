#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "coders.h"
#include "proxy/upstream/spool.h"
#include "support/run_until.h"

namespace bottle {
namespace {

constexpr std::size_t kDecoderRoom = 64 * 1024;

awaitable<void> collect(Spool& spool, BodySource& body, std::size_t& size,
                        std::optional<Failure>& failure) {
  auto got = co_await spool.collect(body, std::nullopt, Coding::Gzip);
  if (got) {
    size = (*got)->size();
  } else {
    failure = got.error();
  }
}

// The last piece may fill the decoder's room exactly, and then nothing comes behind it.
TEST(SpoolDecoding, ABodyThatFillsTheRoomExactlyIsWhole) {
  for (const std::size_t size :
       {kDecoderRoom - 1, kDecoderRoom, kDecoderRoom + 1, 2 * kDecoderRoom}) {
    std::string text;
    while (text.size() < size) text += "ordinary prose, over and over; ";
    text.resize(size);
    SpoolLimits limits;
    limits.directory = testing::TempDir();
    DecodeSpace decode(DecodeLimits{}.memory_bytes);
    Spool spool(limits, decode);
    BytesSource body(test::zlib_encode(text, MAX_WBITS + 16));
    std::size_t collected = 0;
    std::optional<Failure> failure;
    asio::io_context io{1};
    test::run_until_done(io, collect(spool, body, collected, failure));
    EXPECT_EQ(collected, size) << (failure ? failure->detail : "");
  }
}

}  // namespace
}  // namespace bottle
