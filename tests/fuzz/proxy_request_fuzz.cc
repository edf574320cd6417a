// A head at the proxy's own port: where it leads has one spelling, and nothing behind a CONNECT is
// read with it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/http/connect.h"
#include "proxy/http/h1_parser.h"
#include "tests/fuzz/fuzz_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bottle;
  const std::string_view in(reinterpret_cast<const char*>(data), size);
  H1RequestParser parser(H1RequestParser::Arrival::Listener);
  const auto used = parser.feed(in);
  if (!used || !parser.head_ready()) return 0;
  FUZZ_CHECK(in.substr(0, *used).ends_with("\r\n\r\n"));
  const RequestHead head = parser.take_head();
  const auto request = parse_proxy_request(head);
  if (!request) return 0;
  const Destination& to = request->destination;
  FUZZ_CHECK(request->is_connect == (head.method == "CONNECT"));
  FUZZ_CHECK(to.port != 0 && *parse_authority(to.host_port(), std::nullopt) == to);
  if (request->is_connect) {
    FUZZ_CHECK(parser.message_complete() && request->target.empty());
    FUZZ_CHECK(*connect_destination(head) == to);
  } else {
    FUZZ_CHECK(request->scheme == Scheme::Http);
    FUZZ_CHECK(request->target.starts_with('/') || request->target == "*");
  }
  return 0;
}
