#include "proxy/exit_host.h"

#include <utility>

namespace bottle {
namespace {

ExitServices services_of(const Shared& shared, const LivePolicy& policy, asio::io_context& io,
                         TimerWheel& wheel, RecordBuffers& records, Upstream& origins, Spool& spool,
                         Spool& answers, DecodeSpace& decode) {
  return ExitServices{io,
                      wheel,
                      *shared.ledger,
                      policy,
                      shared.ca,
                      shared.tickets,
                      records,
                      origins,
                      spool,
                      answers,
                      decode,
                      shared.audit,
                      shared.known,
                      shared.id_prefix + "exit-",
                      shared.config.exit};
}

}  // namespace

ExitHost::ExitHost(const Shared& shared, const Snapshot& snapshot, asio::io_context& io,
                   const LivePolicy& policy, TimerWheel& wheel, Way& way, RecordBuffers& records,
                   std::vector<int> listeners, std::optional<int> names)
    : tls_client_(shared.trust, wheel, records, shared.config.tls_client,
                  &shared.config.rules.origins),
      dialer_(way, tls_client_),
      pool_(wheel, shared.origin_pool),
      origins_(io.get_executor(), wheel, dialer_, pool_, shared.config.h1_client,
               shared.config.h2_client(), shared.config.origin),
      memory_(
          std::make_shared<MemoryAccount>(shared.memory, io.get_executor(), shared.memory.limit())),
      decode_(shared.config.exit.decode.memory_bytes, &shared.memory),
      logins_(origins_, shared.logins, shared.config.exit.decode, decode_),
      way_out_(logins_, snapshot.credentials, shared.config.exit.decode, decode_),
      spool_(shared.config.spool, decode_, memory_),
      answers_(shared.config.spool, decode_, memory_),
      server_(services_of(shared, policy, io, wheel, records, way_out_, spool_, answers_, decode_),
              std::move(listeners)),
      refused_(snapshot.secrets, shared.audit, shared.id_prefix + "exit-name-", DecidedBy::Exit),
      tasks_(io.get_executor()) {
  if (!names) return;
  NameAnswers answers;
  answers.v4 = shared.exit_answer.v4;
  answers.v6 = shared.exit_answer.v6;
  answers.knows = [&policy, &ledger = *shared.ledger](std::string_view name) {
    return policy.now().knows_host(name) || ledger.expects(name);
  };
  answers.refused = [this](std::string_view name) { refused_.tell(name); };
  names_ = std::make_unique<NameServer>(io, wheel, *names, std::move(answers),
                                        shared.config.name_server);
}

awaitable<void> ExitHost::run() {
  if (names_) tasks_.spawn(names_->run());
  co_await server_.run();
  if (names_) names_->stop();
  co_await tasks_.join();
  co_await origins_.close();
  pool_.close();
}

void ExitHost::take(const Snapshot& next) {
  refused_.take(next.secrets);
  way_out_.take(next.credentials);
}

void ExitHost::stop() noexcept { server_.stop(); }

}  // namespace bottle
