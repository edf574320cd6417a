// Events that the scanner passed, found among those of the origin: whatever the scanner says, no
// byte comes out that the origin did not send, in the origin's order, and what waits is bounded.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/scanner/sse_match.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

constexpr std::size_t kMaxEvent = 256;

// Both in pieces; the scanner says nothing that the origin has not said, if it is an honest one.
struct Run {
  std::string out;
  bool broken = false;
};

Run run(std::string_view origin, std::string_view scanner, std::size_t step) {
  SseMatch match(kMaxEvent);
  Run result;
  const auto keep = [&] {
    while (match.ready() > 0) result.out += match.take(64);
  };
  for (std::size_t at = 0; at < origin.size() && !result.broken; at += step) {
    result.broken = !match.original(origin.substr(at, step));
    FUZZ_CHECK(match.held() <= (at + step) * (1 + SseMatch::kBlockCost) + SseMatch::kBlockCost);
  }
  if (!result.broken) match.original_ended();
  for (std::size_t at = 0; at < scanner.size() && !result.broken; at += step) {
    result.broken = !match.passed(scanner.substr(at, step));
    keep();
  }
  if (!result.broken) result.broken = !match.finish();
  keep();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t step = 1U + data[1] % 16;
  // Another scanner, or the origin's own words once more.
  const std::size_t half = data[0] % 2 == 0 ? in.size() : in.size() * data[0] / 256;
  const std::string_view origin = in.substr(0, half);
  const std::string_view scanner = data[0] % 2 == 0 ? in : in.substr(half);
  const Run whole = run(origin, scanner, in.size() + 1);
  const Run cut = run(origin, scanner, step);
  FUZZ_CHECK(cut.broken == whole.broken);
  if (!whole.broken) FUZZ_CHECK(cut.out == whole.out);
  // No more data lines come out than the origin sent.
  const auto datas = [](std::string_view text) {
    std::size_t n = 0;
    for (std::size_t at = text.find("data"); at != std::string_view::npos;
         at = text.find("data", at + 4)) {
      ++n;
    }
    return n;
  };
  FUZZ_CHECK(datas(whole.out) <= datas(origin));
  return 0;
}
