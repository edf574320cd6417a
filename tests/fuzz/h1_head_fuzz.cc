// A request's bytes: however they are cut, the same comes out; and what passes the rules is written
// as exactly one message that says the same when it is read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/http/h1_writer.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/http/h1_test_util.h"

namespace {

using namespace bottle;
using Arrival = H1RequestParser::Arrival;

const Destination kHost{"h", 443, HostKind::Name};

void round_trip(RequestHead head, const RequestRules& rules) {
  const RequestContext context{kHost, Scheme::Https, rules};
  if (!check_request(head, context)) return;
  const bool long_target = head.target.size() > rules.limits.start_line_bytes / 2;
  Bytes wire;
  FUZZ_CHECK(write_request_head(wire, head, RequestForm::Absolute, kHost,
                                Framing::content_length(head.has_body ? 1 : 0)));
  H1RequestParser again(Arrival::Tunnel, rules.limits);
  const auto used = again.feed(wire);
  // The canonical form is longer than what came: encoded bytes, "https://h", Content-Length.
  if (!used && (long_target || used.error().code == Code::HeadTooLarge)) return;
  FUZZ_CHECK(used && *used == wire.size() && again.head_ready());
  RequestHead second = again.take_head();
  FUZZ_CHECK(check_request(second, context));
  FUZZ_CHECK(second.method == head.method && second.target == head.target);
  FUZZ_CHECK(second.authority == head.authority && second.scheme == head.scheme);
  FUZZ_CHECK(test::show(second.fields) == test::show(head.fields));
  FUZZ_CHECK(second.has_body && second.content_length == (head.has_body ? 1U : 0U));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Arrival arrival = data[0] % 2 == 0 ? Arrival::Tunnel : Arrival::Listener;
  const std::size_t cut = data[1];
  const std::string_view in(reinterpret_cast<const char*>(data) + 2, size - 2);

  const std::string whole = test::run_request(in, in.size(), 1, arrival);
  FUZZ_CHECK(test::run_request(in, 1, 1, arrival) == whole);
  FUZZ_CHECK(test::run_request(in, cut, 7, arrival) == whole);

  H1RequestParser parser(arrival);
  if (parser.feed(in) && parser.head_ready()) round_trip(parser.take_head(), RequestRules{});
  return 0;
}
