// A git pack: the same objects however the body is cut, within the limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/body/decode_space.h"
#include "proxy/body/pack_reader.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/guard/view_texts.h"

namespace {

using namespace bottle;

constexpr PackLimits kLimits{.objects = 16, .object_bytes = 4096, .total_bytes = 1u << 20};

std::vector<ViewText> found(ByteView in, std::size_t step) {
  ViewTexts texts;
  DecodeSpace space(1u << 20);
  {
    PackReader reader(texts, space, kLimits);
    for (std::size_t i = 0; i < in.size(); i += step) reader.feed(in.substr(i, step));
    reader.flush();
  }
  FUZZ_CHECK(space.taken() == 0);
  FUZZ_CHECK(texts.is_sound());
  FUZZ_CHECK(texts.size() <= kLimits.objects * kLimits.object_bytes);
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
  return 0;
}
