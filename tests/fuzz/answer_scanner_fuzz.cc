// An answer's body: however it is cut, the same classes are found, each once.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "proxy/guard/answers/answer_scanner.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace bottle;

const AnswerSet& answers() {
  static const std::unique_ptr<const AnswerSet> set = [] {
    auto made = AnswerSet::make();
    FUZZ_CHECK(made);
    return std::move(*made);
  }();
  return *set;
}

std::set<std::string> found(std::string_view type, std::string_view in, std::size_t step) {
  static AnswerSpace space(answers());
  AnswerScanner scanner(answers(), space, type);
  for (std::size_t at = 0; at < in.size(); at += std::min(step, in.size() - at)) {
    (void)scanner.feed(in.substr(at, step));
  }
  (void)scanner.finish();
  std::set<std::string> names;
  for (const Finding& finding : scanner.findings()) {
    FUZZ_CHECK(finding.end <= in.size());
    names.insert(finding.name);
  }
  FUZZ_CHECK(names.size() == scanner.findings().size());
  return names;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view kTypes[] = {"text/plain", "text/html", "application/json",
                                         "text/event-stream"};
  if (size < 2) return 0;
  const std::string_view type = kTypes[data[0] % std::size(kTypes)];
  const std::size_t step = data[1] == 0 ? 1 : data[1];
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto whole = found(type, in, in.size() + 1);
  FUZZ_CHECK(found(type, in, step) == whole);
  FUZZ_CHECK(found(type, in, 1) == whole);
  return 0;
}
