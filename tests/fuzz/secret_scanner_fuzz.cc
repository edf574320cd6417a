// A body's bytes: however they are cut, there is a hit or there is none; and what went out before
// the hit does not hold what was found.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "proxy/guard/secret_scanner.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

const SecretSet& secrets() {
  static const std::unique_ptr<const SecretSet> set = [] {
    auto made = SecretSet::make(
        {SecretSpec{"A", "secret-a", {}, false}, SecretSpec{"B", "b \"\\/%+\n\xff z", {}, false}});
    FUZZ_CHECK(made);
    return std::move(*made);
  }();
  return *set;
}

// Bytes released before the hit; nothing if there is no hit.
std::optional<std::size_t> released(ScanSpace& space, std::string_view in, std::size_t step) {
  SecretScanner scanner(secrets(), space, "h", Scheme::Https);
  std::size_t out = 0;
  for (std::size_t i = 0; i < in.size(); i += step) {
    const ScanResult result = scanner.feed(in.substr(i, step));
    out += result.safe;
    if (result.refused) return out;
    // The last byte may wait for the one behind it.
    FUZZ_CHECK(result.safe + 1 >= in.substr(i, step).size());
  }
  if (scanner.finish()) return out;
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static ScanSpace space(secrets());
  const std::size_t step = data[0] == 0 ? 1 : data[0];
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = released(space, in, in.size() + 1);
  const auto cut = released(space, in, step);
  const auto bytes = released(space, in, 1);
  FUZZ_CHECK(whole.has_value() == cut.has_value());
  FUZZ_CHECK(whole.has_value() == bytes.has_value());
  if (cut) {
    FUZZ_CHECK(*whole == 0);
    FUZZ_CHECK(*cut <= *bytes);
    FUZZ_CHECK(!released(space, in.substr(0, *bytes), 1));
  }

  SecretScanner scanner(secrets(), space, "h", Scheme::Https);
  (void)scanner.scan_url(in);
  Fields fields;
  fields.add("Authorization", in);
  const bool in_field = scanner.scan_fields(fields).has_value();
  if (whole) FUZZ_CHECK(in_field);
  return 0;
}
