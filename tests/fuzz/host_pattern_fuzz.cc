// An entry of the allowlist, and the name and number of a limit: what is taken has one spelling and
// opens no more than it says; what is refused is not repeated in the message.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/contract/host_pattern.h"
#include "proxy/contract/limit_text.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  const std::size_t half = in.find('=');
  if (half != std::string_view::npos) {
    const std::string problem = problem_with_limit(in.substr(0, half), in.substr(half + 1));
    FUZZ_CHECK(problem.empty() || problem.find('\n') == std::string::npos);
  }
  const auto pattern = HostPattern::parse(in);
  if (!pattern) return 0;
  FUZZ_CHECK(!pattern->port || *pattern->port != 0);
  const bool any = pattern->kind == HostPattern::Kind::Any;
  FUZZ_CHECK(pattern->host.empty() == any);
  FUZZ_CHECK(pattern->matches(HostKind::Name, "other.invalid") ==
             (any ||
              (pattern->host == "other.invalid" && pattern->kind != HostPattern::Kind::Address) ||
              (pattern->host == "invalid" && pattern->kind == HostPattern::Kind::Subtree)));
  const auto again = HostPattern::parse_without_port(pattern->host_text());
  FUZZ_CHECK(again && again->kind == pattern->kind && again->host == pattern->host);
  return 0;
}
