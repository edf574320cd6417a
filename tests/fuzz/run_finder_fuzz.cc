// A text's runs: the same children however the text is cut and read, and no more than four bytes
// for one.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/guard/views/run_finder.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/guard/view_texts.h"

namespace {

using namespace bottle;

std::vector<ViewText> found(ByteView in, std::size_t step,
                            RunFinder::Reading reading = RunFinder::Reading::Fast) {
  ViewTexts texts;
  RunFinder finder(texts, reading);
  for (std::size_t i = 0; i < in.size(); i += step) finder.feed(in.substr(i, step));
  finder.flush();
  FUZZ_CHECK(finder.idle());
  FUZZ_CHECK(texts.is_sound());
  FUZZ_CHECK(texts.size() <= 4 * in.size() + 256);
  return texts.texts();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = data[0] == 0 ? 1 : data[0];
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = found(in, in.size() + 1);
  FUZZ_CHECK(found(in, step) == whole);
  FUZZ_CHECK(found(in, 1) == whole);
  FUZZ_CHECK(found(in, in.size() + 1, RunFinder::Reading::Exact) == whole);
  FUZZ_CHECK(found(in, in.size() + 1, RunFinder::Reading::Portable) == whole);
  return 0;
}
