// The views that decode a stream: the same bytes however the input is cut, and never more than
// came.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/guard/views/escape_view.h"
#include "proxy/guard/views/fold.h"
#include "proxy/guard/views/squeeze.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

template <class View>
Bytes decoded(ByteView in, std::size_t step) {
  View view;
  Bytes out;
  for (std::size_t i = 0; i < in.size(); i += step) {
    const ByteView piece = in.substr(i, step);
    const bool passes = view.passes(piece);
    const std::size_t before = out.size();
    view.decode(piece, out);
    if (passes) FUZZ_CHECK(ByteView(out).substr(before) == piece);
  }
  view.flush(out);
  FUZZ_CHECK(out.size() <= in.size());
  return out;
}

template <class View>
void check(ByteView in, std::size_t step) {
  const Bytes whole = decoded<View>(in, in.size() + 1);
  FUZZ_CHECK(decoded<View>(in, step) == whole);
  FUZZ_CHECK(decoded<View>(in, 1) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = data[0] == 0 ? 1 : data[0];
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  check<EscapeView>(in, step);
  check<Fold>(in, step);
  Bytes whole;
  squeeze(in, whole);
  Bytes cut;
  for (std::size_t i = 0; i < in.size(); i += step) squeeze(in.substr(i, step), cut);
  FUZZ_CHECK(cut == whole);
  FUZZ_CHECK(whole.size() <= in.size());
  return 0;
}
