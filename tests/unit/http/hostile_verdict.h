#pragma once

#include <string>
#include <string_view>

#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_parser.h"
#include "tests/unit/http/h1_test_util.h"

// The words for all that a client's bytes come to, parser and rules together: each request that
// would go on, and how it ends. "GET /a; POST /b=body; 400", where
//   400, 501 and the like: refused, nothing behind it is read
//   close: the last request of the connection, what follows is left
//   more:  a request has begun that is not whole
namespace bottle::test {

inline std::string stream_verdict(std::string_view in, std::size_t step) {
  const Destination host{"h", 443, HostKind::Name};
  const RequestRules rules;
  H1RequestParser parser(H1RequestParser::Arrival::Tunnel, rules.limits);
  std::string out;
  std::string body;
  std::string pending;
  bool keep_alive = true;
  const auto say = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  const auto status = [](const Failure& f) { return std::to_string(traits(f.code).status); };
  while (!in.empty() || !pending.empty()) {
    pending += in.substr(0, step);
    in.remove_prefix(std::min(step, in.size()));
    bool goes_on = true;
    while (goes_on && !pending.empty()) {
      const auto n = parser.feed(pending);
      if (!n) {
        say(status(n.error()));
        return out;
      }
      pending.erase(0, *n);
      goes_on = *n > 0;
      if (parser.head_ready()) {
        RequestHead head = parser.take_head();
        keep_alive = head.keep_alive;
        const auto vetted = check_request(head, RequestContext{host, Scheme::Https, rules});
        if (!vetted) {
          say(status(vetted.error()));
          return out;
        }
        body = head.method + " " + head.target;
        if (head.has_body) body += "=";
        goes_on = true;
      }
      body += parser.take_body();
      if (!parser.message_complete()) continue;
      say(body);
      body.clear();
      (void)parser.take_trailers();
      parser.reset();
      if (!keep_alive) {
        say("close");
        return out;
      }
    }
    if (in.empty()) break;
  }
  if (parser.started()) say("more");
  return out;
}

// Whole and byte by byte it is the same.
inline std::string stream_verdict(std::string_view in) {
  const std::string whole = stream_verdict(in, in.size());
  const std::string bytes = stream_verdict(in, 1);
  return whole == bytes ? whole : "whole: " + whole + " -- byte by byte: " + bytes;
}

}  // namespace bottle::test
