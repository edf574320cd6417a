// The framing of AWS chunks: the same bytes come out however it is cut, and no more than went in.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/body/aws_chunks.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

std::string read(std::string_view in, std::size_t step, std::size_t room) {
  AwsChunks chunks;
  std::string out;
  std::vector<char> space(room);
  std::size_t at = 0;
  while (at < in.size() && !chunks.ended()) {
    const auto progress = chunks.read(in.substr(at, step), ByteSpan(space));
    if (!progress) return "no such framing";
    FUZZ_CHECK(progress->consumed <= step && progress->produced <= room);
    FUZZ_CHECK(progress->consumed + progress->produced > 0);
    out.append(space.data(), progress->produced);
    at += progress->consumed;
  }
  FUZZ_CHECK(out.size() <= in.size());
  return out + (chunks.ended() ? " end " + std::to_string(at) : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = read(in, in.size() + 1, in.size() + 1);
  FUZZ_CHECK(read(in, 1, 1) == whole);
  FUZZ_CHECK(read(in, 1U + data[0], 7) == whole);
  return 0;
}
