#pragma once

#include <string>

#include "launcher/watch/model.h"

namespace bottle::launcher::watch {

// A model with two bottles, and lines of the audit log for it.

inline constexpr std::int64_t kNow = 1'796'036'419;  // 2026-11-30T11:00:19Z

inline std::string audit_line(const std::string& time, const std::string& id,
                              const std::string& kind, const std::string& rest) {
  return R"({"time":"2026-11-30T)" + time + R"(.000Z","part":"exchanges","id":")" + id +
         R"(","kind":")" + kind + "\"" + (rest.empty() ? "" : ",") + rest + "}";
}

inline std::string begin_line(const std::string& time, const std::string& id,
                              const std::string& host, const std::string& path = "/") {
  return audit_line(time, id, "begin",
                    R"("route":"scan","client_protocol":"h2","method":"GET","host":")" + host +
                        R"(","port":443,"path":")" + path + "\"");
}

// The end of an exchange; `more` begins with a comma, or is empty.
inline std::string end_line(const std::string& time, const std::string& id, const std::string& host,
                            const std::string& verdict, const std::string& more = "",
                            const std::string& path = "/") {
  return audit_line(
      time, id, "exchange",
      R"("route":"scan","client_protocol":"h2","upstream_protocol":"http/1.1","method":"GET",)"
      R"("host":")" +
          host + R"(","port":443,"path":")" + path +
          R"(","status":200,"bytes_in":12,"bytes_out":2048,"ttfb_ms":80,"total_ms":120,)"
          R"("verdict":")" +
          verdict + R"(","scanned":["request_body","response_body"])" + more);
}

inline std::string refused_line(const std::string& time, const std::string& id,
                                const std::string& host) {
  return audit_line(time, id, "exchange",
                    R"("route":"scan","client_protocol":"h2","method":"CONNECT","host":")" + host +
                        R"(","port":443,"path":null,"status":403,"bytes_in":0,"bytes_out":300,)"
                        R"("total_ms":1,"verdict":"refused","reason":"host_not_allowed",)"
                        R"("detail":"the allowlist has no such host","by":"policy","scanned":[])");
}

inline WatchedAsk ask_of(const std::string& bottle, const std::string& number,
                         const std::string& host) {
  return {.bottle = bottle,
          .ask = number,
          .host = host,
          .port = 443,
          .method = "GET",
          .path = "/simple/",
          .ends = kNow + 42,
          .waiting = 2};
}

inline void type(Model& model, const std::string& text) {
  for (const char c : text) model.key({.character = c});
}

inline void press(Model& model, Key::Kind kind) { model.key({.kind = kind}); }

// The time in which a line has settled passes, and the screen is seen before and after.
inline Screen settle(Model& model, Size size = {}) {
  (void)model.screen(size);
  model.time_is(model.state().now_ms + kSettleMs);
  return model.screen(size);
}

class Played {
 public:
  Played() {
    model.time_is(kNow * 1000);
    model.bottle_started({.id = "4f2a9c12ab34", .name = "default", .started = kNow - 245});
  }
  Model model;
  std::string bottle = "4f2a9c12ab34";
};

}  // namespace bottle::launcher::watch
