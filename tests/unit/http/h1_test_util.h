#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/http/framing_rules.h"
#include "proxy/http/h1_parser.h"

// Runs bytes through the parsers, cut in a given way, and tells what came out as one line of text,
// so that tables can compare it: "GET / [Host: a] body=5 | hello | end | rest=GET".
namespace bottle::test {

inline std::string show(const Fields& fields) {
  std::string out;
  for (const Field field : fields) {
    out += " [" + std::string(field.name) + ": " + std::string(field.value) + "]";
  }
  return out;
}

inline std::string show(const Failure& failure) {
  const FailureTraits& row = traits(failure.code);
  return std::to_string(row.status) + " " + std::string(row.word);
}

inline std::string show_body(bool has_body, const std::optional<std::uint64_t>& length) {
  if (!has_body) return " body=no";
  return length ? " body=" + std::to_string(*length) : " body=open";
}

// Feeds `in` in pieces of `first` bytes and then of `step` bytes, each until it is consumed.
// `drive` is called after each feed and returns true to go on.
template <class Parser>
Result<std::size_t> feed_cut(Parser& parser, std::string_view in, std::size_t first,
                             std::size_t step, const std::function<void()>& drive) {
  std::size_t used = 0;
  std::size_t cut = std::min(first, in.size());
  while (used < in.size() && !parser.message_complete()) {
    if (cut <= used) cut = std::min(in.size(), cut + step);
    auto n = parser.feed(in.substr(used, cut - used));
    if (!n) return n.error();
    used += *n;
    drive();
  }
  return used;
}

inline std::string run_request(std::string_view in, std::size_t first, std::size_t step,
                               H1RequestParser::Arrival arrival = H1RequestParser::Arrival::Tunnel,
                               const HeadLimits& limits = {}) {
  H1RequestParser parser(arrival, limits);
  std::string head;
  std::string body;
  auto used = feed_cut(parser, in, first, step, [&] {
    if (parser.head_ready()) {
      const RequestHead h = parser.take_head();
      head = h.method + " " + h.target + show(h.fields) + show_body(h.has_body, h.content_length) +
             (h.keep_alive ? "" : " close");
    }
    body += parser.take_body();
  });
  if (!used) return show(used.error());
  std::string out = head.empty() ? "no head" : head;
  if (!body.empty()) out += " | " + body;
  if (parser.message_complete()) out += " | end";
  if (const auto trailers = parser.take_trailers()) {
    out += " trailers=" + std::to_string(trailers->size());
  }
  if (*used < in.size()) out += " | rest=" + std::string(in.substr(*used));
  return out;
}

inline std::string run_response(std::string_view in, std::size_t first, std::size_t step,
                                std::string_view method = "GET", bool eof = true,
                                const HeadLimits& limits = HeadLimits::for_responses()) {
  H1ResponseParser parser(limits);
  parser.set_request_method(method);
  std::string head;
  std::string body;
  auto used = feed_cut(parser, in, first, step, [&] {
    if (parser.head_ready()) {
      const ResponseHead h = parser.take_head();
      head = std::to_string(h.status) + " '" + h.reason + "'" + show(h.fields) +
             show_body(h.has_body, h.content_length) + (h.keep_alive ? "" : " close");
    }
    body += parser.take_body();
  });
  if (!used) return show(used.error());
  std::string out = head.empty() ? "no head" : head;
  if (!body.empty()) out += " | " + body;
  if (parser.message_complete()) {
    out += " | end";
  } else if (eof) {
    const auto finished = parser.finish();
    out += finished ? std::string(" | eof-end") : " | " + show(finished.error());
  }
  if (const auto trailers = parser.take_trailers()) out += " trailers=" + show(*trailers);
  if (*used < in.size()) out += " | rest=" + std::string(in.substr(*used));
  return out;
}

// Parser and rules together, as a session uses them: what an HTTP/1 request to `destination` comes
// to. "ok METHOD target fields", or the failure.
inline std::string judge(std::string_view in, const Destination& destination,
                         Scheme scheme = Scheme::Https, const RequestRules& rules = {},
                         H1RequestParser::Arrival arrival = H1RequestParser::Arrival::Tunnel) {
  H1RequestParser parser(arrival, rules.limits);
  std::string head;
  std::optional<Failure> refused;
  auto used = feed_cut(parser, in, in.size(), 1, [&] {
    if (parser.head_ready()) {
      RequestHead h = parser.take_head();
      const auto vetted = check_request(h, RequestContext{destination, scheme, rules});
      if (!vetted) {
        refused = vetted.error();
      } else {
        head = "ok " + h.method + " " + h.target + show(h.fields);
        if (h.expects_continue) head += " expects";
      }
    }
  });
  if (!used) return show(used.error());
  if (refused) return show(*refused);
  if (!parser.message_complete()) return "incomplete";
  return head;
}

}  // namespace bottle::test
