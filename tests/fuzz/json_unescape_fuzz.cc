// A JSON string's escapes: the same however it is cut, and as another reader undoes them where that
// one takes the text at all.
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "proxy/ledger/json_unescape.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

Bytes undo(std::string_view in, std::size_t step) {
  JsonUnescape unescape;
  Bytes out;
  for (std::size_t at = 0; at < in.size(); at += step) unescape.feed(in.substr(at, step), out);
  unescape.finish(out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Bytes whole = undo(in, in.size() + 1);
  FUZZ_CHECK(undo(in, 1) == whole);
  FUZZ_CHECK(undo(in, 1U + data[0] % 7) == whole);
  // The other reader takes NUL for the text's end.
  if (in.find('\0') != std::string_view::npos) return 0;
  const auto other =
      nlohmann::json::parse("\"" + std::string(in) + "\"", nullptr, /*allow_exceptions=*/false);
  if (other.is_string()) FUZZ_CHECK(other.get<std::string>() == whole);
  return 0;
}
