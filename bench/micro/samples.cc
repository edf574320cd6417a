#include "bench/micro/samples.h"

#include <random>
#include <stdexcept>

#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_parser.h"

namespace bottle::micro {
namespace {

template <class Parser>
auto parsed(Parser parser, ByteView message) {
  if (parser.feed(message).value() != message.size() || !parser.head_ready()) {
    throw std::logic_error("the sample is no head");
  }
  return parser.take_head();
}

}  // namespace

const Destination& api_host() {
  static const Destination host = parse_host("api.example.com", 443).value();
  return host;
}

RequestHead parsed_request(ByteView message) {
  return parsed(H1RequestParser(H1RequestParser::Arrival::Tunnel), message);
}

ResponseHead parsed_response(ByteView message) { return parsed(H1ResponseParser(), message); }

RequestHead vetted_request(ByteView message) {
  RequestHead head = parsed_request(message);
  const RequestRules rules;
  check_request(head, RequestContext{api_host(), Scheme::Https, rules}).value();
  return head;
}

ResponseHead vetted_response(ByteView message) {
  ResponseHead head = parsed_response(message);
  check_response(head, "GET").value();
  return head;
}

std::string conversation(std::size_t size) {
  constexpr std::string_view kEnd = R"("}]}]})";
  std::mt19937 random(1);
  std::string out = R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":")";
  std::size_t text = 0;
  while (out.size() + kEnd.size() < size) {
    if (text > 3000) {
      out += R"("}]},{"role":"user","content":[{"type":"text","text":")";
      text = 0;
    }
    const std::size_t before = out.size();
    for (std::size_t i = 1 + random() % 9; i > 0; --i) out += "etaoinshrdlu"[random() % 12];
    out += random() % 12 == 0 ? ".\\n" : " ";
    text += out.size() - before;
  }
  return out.append(kEnd);
}

}  // namespace bottle::micro
