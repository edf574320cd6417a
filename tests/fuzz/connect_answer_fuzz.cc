// The answer of a parent proxy, or of pipelock, to CONNECT: in whatever pieces it comes, the head
// ends at the same byte, and no byte behind it is taken.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "proxy/upstream/connect_answer.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

std::tuple<ConnectAnswer::State, int, std::size_t> read(std::string_view in, std::size_t step) {
  constexpr std::size_t kMost = 512;
  ConnectAnswer answer(kMost);
  std::size_t taken = 0;
  while (taken < in.size() && answer.state() == ConnectAnswer::State::NeedMore) {
    const std::string_view piece = in.substr(taken, step);
    const std::size_t n = answer.take(piece);
    FUZZ_CHECK(n <= piece.size());
    FUZZ_CHECK(n == piece.size() || answer.state() != ConnectAnswer::State::NeedMore);
    taken += n;
  }
  FUZZ_CHECK(taken <= kMost + 1);
  if (answer.state() != ConnectAnswer::State::Complete) taken = 0;
  const int status = answer.state() == ConnectAnswer::State::Complete ? answer.status() : 0;
  return {answer.state(), status, taken};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(in, in.size() + 1);
  FUZZ_CHECK(read(in, 1) == whole);
  FUZZ_CHECK(read(in, 1U + data[0]) == whole);
  const auto [state, status, taken] = whole;
  if (state == ConnectAnswer::State::Complete) {
    FUZZ_CHECK(status >= 200 && status <= 999 && taken > 0);
  }
  for (const char c : first_words(in)) FUZZ_CHECK(static_cast<unsigned char>(c) >= ' ');
  return 0;
}
