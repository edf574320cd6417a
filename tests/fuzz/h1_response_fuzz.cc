// A response's bytes: however they are cut, the same comes out; what passes the rules is written as
// one head that says the same when it is read again; no truncated body looks complete.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http/h1_writer.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/http/h1_test_util.h"

namespace {

using namespace bottle;

void round_trip(ResponseHead head, std::string_view method) {
  if (!check_response(head, method)) return;
  const bool counted = head.has_body && head.content_length;
  const Framing framing =
      head.has_body ? counted ? Framing::content_length(*head.content_length) : Framing::chunked()
                    : Framing::none();
  Bytes wire;
  write_response_head(wire, head, framing);
  H1ResponseParser again;
  again.set_request_method(method);
  const auto used = again.feed(wire);
  if (!used) {
    // Only for its length: one field and a reason phrase were added to a head at the limit.
    FUZZ_CHECK(wire.size() > HeadLimits{}.head_bytes || head.fields.size() >= 128);
    return;
  }
  FUZZ_CHECK(*used == wire.size() && again.head_ready());
  ResponseHead second = again.take_head();
  FUZZ_CHECK(second.status == head.status);
  FUZZ_CHECK(head.reason.empty() || second.reason == head.reason);
  FUZZ_CHECK(check_response(second, method));
  FUZZ_CHECK(test::show(second.fields) == test::show(head.fields));
  FUZZ_CHECK(second.has_body == head.has_body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr std::string_view kMethods[] = {"GET", "HEAD", "CONNECT"};
  const std::string_view method = kMethods[data[0] % 3];
  const std::size_t cut = data[1];
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);

  const std::string whole = test::run_response(in, in.size(), 1, method);
  FUZZ_CHECK(test::run_response(in, 1, 1, method) == whole);
  FUZZ_CHECK(test::run_response(in, cut, 7, method) == whole);

  H1ResponseParser parser;
  parser.set_request_method(method);
  if (!parser.feed(in) || !parser.head_ready()) return 0;
  round_trip(parser.take_head(), method);
  return 0;
}
