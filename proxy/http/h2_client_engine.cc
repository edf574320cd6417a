#include "proxy/http/h2_client_engine.h"

#include "proxy/http/h2_core.h"

namespace bottle {

H2ClientEngine::H2ClientEngine(const H2Limits& limits, TimePoint now)
    : H2Endpoint(std::make_unique<H2Core>(H2Core::Role::Client, limits, now)) {}

bool H2ClientEngine::has_capacity() const { return core().has_capacity(); }
bool H2ClientEngine::settings_came() const { return core().settings_came(); }
bool H2ClientEngine::takes_tunnels() const { return core().takes_tunnels(); }
Result<StreamId> H2ClientEngine::request(const RequestHead& head, bool end) {
  return core().submit_request(head, end);
}

}  // namespace bottle
