#include "proxy/http/h2_engine.h"

#include "proxy/http/h2_core.h"

namespace bottle {

H2Engine::H2Engine(const H2Limits& limits, TimePoint now)
    : H2Endpoint(std::make_unique<H2Core>(H2Core::Role::Server, limits, now)) {}

Result<void> H2Engine::interim(StreamId stream, const ResponseHead& head) {
  return core().submit_interim(stream, head);
}
Result<void> H2Engine::respond(StreamId stream, const ResponseHead& head, bool end) {
  return core().submit_head(stream, head, end);
}
void H2Engine::cut(StreamId stream, H2Error code) { core().cut(stream, code); }
void H2Engine::release(std::size_t n) { core().release(n); }
void H2Engine::shutdown_notice() { core().shutdown_notice(); }

}  // namespace bottle
