#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "proxy/http/framing_rules.h"
#include "tests/unit/http/h1_test_util.h"
#include "tests/unit/http/h2_engine_peer.h"

namespace bottle::test {

// "ok GET /x; rst 1; goaway 6; 400": requests as the rules see them, our resets and our end.
inline std::string frames_verdict(std::string_view bytes, bool by_bytes) {
  const Destination host{"a.test", 443, HostKind::Name};
  const RequestRules rules;
  Server s(by_bytes);
  s.greet();
  (void)s.exchange(bytes);
  std::string out;
  const auto say = [&out](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  for (const H2Event& event : s.events) {
    if (const auto* request = std::get_if<H2Request>(&event)) {
      RequestHead head = request->head;
      const auto vetted = request->refused
                              ? Result<void>(*request->refused)
                              : check_request(head, RequestContext{host, Scheme::Https, rules});
      say(vetted ? "ok " + head.method + " " + head.target
                 : std::to_string(traits(vetted.error().code).status));
    } else if (const auto* trailers = std::get_if<H2Trailers>(&event)) {
      say(check_request_trailers(trailers->fields, rules.limits) ? "trailers" : "bad trailers");
    }
  }
  for (const SeenFrame& f : s.frames) {
    if (f.type == kRstFrame) say("rst " + std::to_string(f.word()));
    if (f.type == kGoAwayFrame) say("goaway " + std::to_string(f.word(4)));
  }
  return out;
}

inline std::string frames_verdict(std::string_view bytes) {
  const std::string whole = frames_verdict(bytes, false);
  const std::string single = frames_verdict(bytes, true);
  return whole == single ? whole : "whole: " + whole + " -- byte by byte: " + single;
}

inline int g_cases = 0;

inline void expect(const std::string& what, std::string_view bytes, const std::string& verdict) {
  ++g_cases;
  EXPECT_EQ(frames_verdict(bytes), verdict) << what;
}

}  // namespace bottle::test
