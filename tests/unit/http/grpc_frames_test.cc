#include "proxy/http/grpc_frames.h"

#include <gtest/gtest.h>

#include <string>

#include "proxy/contract/problem_codes.h"
#include "tests/support/grpc_messages.h"

namespace bottle {
namespace {

using test::grpc_message;

// Each message as "flag:text|", whatever its split.
std::string read_all(std::string_view body, std::size_t step, std::uint8_t allowed, bool& whole) {
  GrpcFrames frames(allowed);
  std::string out;
  for (std::size_t at = 0; at < body.size(); at += step) {
    ByteView in = body.substr(at, step);
    while (!in.empty()) {
      if (frames.left() > 0) {
        const std::size_t n = std::min(in.size(), frames.left());
        out += in.substr(0, n);
        in.remove_prefix(n);
        frames.passed(n);
        if (frames.left() == 0) out += '|';
        continue;
      }
      const auto begun = frames.begin(in);
      if (!begun) return out + "!" + std::string(word(begun.error()));
      if (!*begun) continue;
      out += (*begun)->compressed ? "z:" : "-:";
      if ((*begun)->size == 0) out += '|';
    }
  }
  whole = frames.whole();
  return out;
}

TEST(GrpcFrames, ReadsMessagesInEverySplit) {
  const std::string body = grpc_message("one") + grpc_message("") + grpc_message("packed", 1) +
                           grpc_message(std::string(300, 'x'));
  for (std::size_t step = 1; step <= body.size(); ++step) {
    bool whole = false;
    EXPECT_EQ(read_all(body, step, 1, whole), "-:one|-:|z:packed|-:" + std::string(300, 'x') + "|");
    EXPECT_TRUE(whole);
  }
}

TEST(GrpcFrames, SaysWhereABodyMayEnd) {
  const std::string body = grpc_message("one") + grpc_message("two");
  for (std::size_t size = 1; size <= body.size(); ++size) {
    bool whole = false;
    (void)read_all(std::string_view(body).substr(0, size), 3, 1, whole);
    EXPECT_EQ(whole, size == 8 || size == 16) << size;
  }
}

TEST(GrpcFrames, AFlagThatIsNotAllowedIsBroken) {
  bool whole = false;
  EXPECT_EQ(read_all(grpc_message("a") + grpc_message("b", 2), 4, 1, whole),
            "-:a|!" + std::string(problem_code::kCodingBroken));
  EXPECT_EQ(read_all(grpc_message("t", 0x80), 4, 0x81, whole), "-:t|");
  EXPECT_EQ(read_all(grpc_message("t", 0x80), 4, 1, whole),
            "!" + std::string(problem_code::kCodingBroken));
}

TEST(GrpcFrames, AMessageOfFourGigabytesNeedsNoMemory) {
  GrpcFrames frames(1);
  const std::string prefix("\0\xff\xff\xff\xff", 5);
  ByteView in = prefix;
  const auto begun = frames.begin(in);
  ASSERT_TRUE(begun && *begun);
  EXPECT_EQ((*begun)->size, 0xffffffffU);
  EXPECT_EQ(frames.left(), 0xffffffffU);
}

}  // namespace
}  // namespace bottle
