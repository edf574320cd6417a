// A text's runs: the same children however the text is cut and read, and no more than three bytes
// for one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/guard/views/run_finder.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/guard/view_texts.h"

namespace {

using namespace bottle;

struct Found {
  std::vector<ViewText> texts;
  bool cut_off = false;
};

Found found(ByteView in, std::size_t step, RunFinder::Reading reading = RunFinder::Reading::Fast) {
  ViewTexts texts;
  RunFinder finder(texts, reading);
  for (std::size_t i = 0; i < in.size(); i += step) finder.feed(in.substr(i, step));
  finder.flush();
  FUZZ_CHECK(finder.idle());
  FUZZ_CHECK(texts.is_sound());
  FUZZ_CHECK(texts.size() <= 3 * in.size());
  return {.texts = texts.texts(), .cut_off = finder.has_cut_off()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = data[0] == 0 ? 1 : data[0];
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = found(in, in.size() + 1);
  const auto in_steps = found(in, step);
  const auto in_bytes = found(in, 1);
  const auto exact = found(in, in.size() + 1, RunFinder::Reading::Exact);
  const auto portable = found(in, in.size() + 1, RunFinder::Reading::Portable);
  FUZZ_CHECK(exact.texts == whole.texts);
  FUZZ_CHECK(portable.texts == whole.texts);
  // Where children were cut off, the cuts have a say.
  if (whole.cut_off || in_steps.cut_off || in_bytes.cut_off) return 0;
  FUZZ_CHECK(in_steps.texts == whole.texts);
  FUZZ_CHECK(in_bytes.texts == whole.texts);
  return 0;
}
