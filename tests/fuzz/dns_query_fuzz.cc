// A DNS query: whatever the bytes, the answer is a small, whole message about that one question.
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/exit/dns_answer.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const ByteView query(reinterpret_cast<const char*>(data), size);
  int refused = 0;
  NameAnswers answers;
  answers.v4 = IpAddress::parse("192.0.2.1");
  answers.v6 = IpAddress::parse("2001:db8::1");
  answers.knows = [](std::string_view name) {
    FUZZ_CHECK(name.size() <= 253);
    FUZZ_CHECK(name.find('\\') == std::string_view::npos);
    return name.size() % 2 == 0;
  };
  answers.refused = [&](std::string_view name) {
    ++refused;
    for (const char c : name) FUZZ_CHECK(c > ' ' && c < '\x7f' && !(c >= 'A' && c <= 'Z'));
  };
  const auto answer = answer_query(query, answers);
  if (!answer) return 0;
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>((*answer)[i]); };
  FUZZ_CHECK(size >= 12 && answer->size() >= 12);
  FUZZ_CHECK(answer->size() <= size + 28 && answer->size() <= kMaxDnsMessage);
  FUZZ_CHECK((at(2) & 0x80) != 0 && at(4) == 0 && at(5) <= 1 && at(7) <= 1 && at(9) == 0);
  FUZZ_CHECK(answer->compare(0, 2, query, 0, 2) == 0);
  FUZZ_CHECK(refused <= 1 && (refused == 0 || (at(3) & 0xf) == 3));
  // Its receiver does not take it for a query: two servers do not answer each other.
  FUZZ_CHECK(!answer_query(*answer, answers));
  return 0;
}
