// A body's text that is redacted: it is refused, or what comes out has no hit, is JSON if the text
// was, and stays the same when it is redacted again. The walker agrees with another JSON parser.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/guard/redactor.h"
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

bool hits(ScanSpace& space, std::string_view text) {
  SecretScanner scanner(secrets(), space, "h", Scheme::Https);
  return scanner.feed(text).refused || scanner.finish();
}

std::optional<Bytes> redact(const ScanPlace& place, RedactKind kind, std::string_view text) {
  Redactor redactor(place, kind, Bytes(text));
  for (;;) {
    const auto done = redactor.step();
    if (!done) {
      FUZZ_CHECK(done.error().code == Code::Denied);
      return std::nullopt;
    }
    if (*done) break;
  }
  return redactor.take_text();
}

void check_walker(std::string_view text) {
  const bool valid = JsonLeaves(text).valid();
  const bool accepted = nlohmann::json::accept(text);
  // The other parser takes half a surrogate pair for an error, and a byte order mark for none.
  const bool differ =
      text.find("\\u") != std::string_view::npos || text.starts_with("\xef\xbb\xbf");
  if (!differ && std::count_if(text.begin(), text.end(), [](char c) {
                   return c == '[' || c == '{';
                 }) <= static_cast<std::ptrdiff_t>(JsonLeaves::kMaxNesting)) {
    FUZZ_CHECK(valid == accepted);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static ScanSpace space(secrets());
  static const ScanPlace place{
      .secrets = secrets(), .space = space, .host = "h", .scheme = Scheme::Https};
  constexpr RedactKind kKinds[] = {RedactKind::Json, RedactKind::Form, RedactKind::Plain};
  const RedactKind kind = kKinds[data[0] % 3];
  const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (kind == RedactKind::Json) check_walker(in);

  const auto out = redact(place, kind, in);
  if (!hits(space, in)) {
    if (out) FUZZ_CHECK(*out == in);
    return 0;
  }
  if (!out) return 0;
  FUZZ_CHECK(!hits(space, *out));
  if (kind == RedactKind::Json) {
    FUZZ_CHECK(JsonLeaves(in).valid());
    FUZZ_CHECK(JsonLeaves(*out).valid());
    if (nlohmann::json::accept(in)) FUZZ_CHECK(nlohmann::json::accept(*out));
  }
  const auto again = redact(place, kind, *out);
  FUZZ_CHECK(again && *again == *out);
  return 0;
}
