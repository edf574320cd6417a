// A request of HTTP/2, field by field: what passes the rules is written as one request of HTTP/1.1,
// which our own parser and a reader of a few lines both take for exactly that one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/http/h1_writer.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/unit/http/h1_test_util.h"

namespace {

using namespace bottle;

const Destination kHost{"h", 443, HostKind::Name};

// A field is: the name's length, the name, the value's length, the value; a byte for each length.
std::string_view take_text(std::string_view& in) {
  if (in.empty()) return {};
  const auto length = static_cast<std::uint8_t>(in.front());
  in.remove_prefix(1);
  const std::string_view text = in.substr(0, length);
  in.remove_prefix(text.size());
  return text;
}

// Lines and colons, as the most simple server would read them.
struct PlainReading {
  std::string first;
  std::vector<std::pair<std::string, std::string>> fields;
};

PlainReading read_plainly(std::string_view wire) {
  PlainReading reading;
  while (true) {
    const std::size_t end = wire.find('\n');
    FUZZ_CHECK(end != std::string_view::npos && end > 0 && wire[end - 1] == '\r');
    const std::string_view line = wire.substr(0, end - 1);
    wire.remove_prefix(end + 1);
    if (line.empty()) break;
    FUZZ_CHECK(line.find('\r') == std::string_view::npos);
    if (reading.first.empty()) {
      reading.first = line;
      continue;
    }
    const std::size_t colon = line.find(": ");
    FUZZ_CHECK(colon != std::string_view::npos && colon > 0 && line.front() > ' ');
    reading.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  FUZZ_CHECK(wire.empty());
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
  RequestHead head;
  head.version = Version::Http2;
  head.has_body = data[0] % 2 == 1;
  head.method = take_text(in);
  head.authority = take_text(in);
  head.target = take_text(in);
  if (data[0] % 16 >= 14) head.protocol = "websocket";
  while (!in.empty()) {
    const std::string_view name = take_text(in);
    head.fields.add(name, take_text(in));
  }
  const RequestRules rules;
  if (!check_request(head, RequestContext{kHost, Scheme::Https, rules})) return 0;
  FUZZ_CHECK(head.authority == "h" && head.scheme == Scheme::Https);

  Bytes wire;
  const auto form = data[0] % 4 < 2 ? RequestForm::Absolute : RequestForm::Origin;
  const auto framing =
      head.has_body && head.protocol.empty() ? Framing::content_length(0) : Framing::none();
  FUZZ_CHECK(write_request_head(wire, head, form, kHost, framing));
  const PlainReading plain = read_plainly(wire);
  const std::string target = form == RequestForm::Origin ? head.target
                             : head.target == "*"        ? "https://h"
                                                         : "https://h" + head.target;
  FUZZ_CHECK(plain.first == head.method + " " + target + " HTTP/1.1");
  int hosts = 0;
  for (const auto& [name, value] : plain.fields) {
    hosts += iequals(name, "host") ? 1 : 0;
    FUZZ_CHECK(!iequals(name, "transfer-encoding") && is_token(name) && is_field_value(value));
  }
  FUZZ_CHECK(hosts == 1);
  H1RequestParser parser(H1RequestParser::Arrival::Tunnel);
  const auto used = parser.feed(wire);
  if (!used && used.error().code == Code::HeadTooLarge) return 0;  // the canonical form is longer
  FUZZ_CHECK(used && *used == wire.size() && parser.head_ready());
  const RequestHead again = parser.take_head();
  FUZZ_CHECK(again.fields.size() == plain.fields.size() && again.method == head.method);
  return 0;
}
