#include "proxy/relay_side.h"

#include <utility>

namespace bottle {

RelaySide::RelaySide(const Shared& shared, std::shared_ptr<const CredentialSet> credentials,
                     Executor executor, TimerWheel& wheel, Way& way, RecordBuffers& records,
                     DecodeSpace& decode)
    : tls_client_(shared.trust, wheel, records, shared.config.tls_client,
                  &shared.config.rules.origins),
      dialer_(way, tls_client_),
      pool_(wheel, shared.origin_pool),
      origins_(std::move(executor), wheel, dialer_, pool_, shared.config.h1_client,
               shared.config.h2_client(), shared.config.origin),
      logins_(origins_, shared.logins, shared.config.decode, decode),
      way_out_(logins_, std::move(credentials), shared.config.decode, decode) {}

awaitable<void> RelaySide::close() {
  co_await origins_.close();
  pool_.close();
}

}  // namespace bottle
