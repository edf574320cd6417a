#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "proxy/body/spool.h"
#include "tests/support/run_until.h"
#include "tests/unit/body/coders.h"

namespace bottle {
namespace {

constexpr std::size_t kDecoderRoom = 64 * 1024;

awaitable<void> collect(Spool& spool, BodySource& body, Coding coding, std::size_t& size,
                        std::optional<Failure>& failure) {
  auto got = co_await spool.collect(body, std::nullopt, coding);
  if (got) {
    size = (*got)->size();
  } else {
    failure = got.error();
  }
}

// The last piece may fill the decoder's room exactly, and then nothing comes behind it.
TEST(SpoolDecoding, ABodyThatFillsTheRoomExactlyIsWhole) {
  for (const std::size_t size :
       {std::size_t{3}, kDecoderRoom - 1, kDecoderRoom, kDecoderRoom + 1, 2 * kDecoderRoom}) {
    std::string text;
    while (text.size() < size) text += "ordinary prose, over and over; ";
    text.resize(size);
    SpoolLimits limits;
    limits.directory = testing::TempDir();
    DecodeSpace decode(DecodeLimits{}.memory_bytes);
    Spool spool(limits, decode);
    for (const Coding coding :
         {Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd, Coding::AwsChunked}) {
      BytesSource body(test::encode(coding, text));
      std::size_t collected = 0;
      std::optional<Failure> failure;
      asio::io_context io{1};
      test::run_until_done(io, collect(spool, body, coding, collected, failure));
      EXPECT_EQ(collected, size) << to_string(coding) << (failure ? failure->detail : "");
    }
  }
}

}  // namespace
}  // namespace bottle
