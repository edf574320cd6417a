#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proxy/body/spool.h"
#include "proxy/ledger/exchange_ledger.h"
#include "proxy/scanner/admit.h"
#include "proxy/scanner/pipelock_options.h"
#include "proxy/scanner/scanner_answer.h"
#include "proxy/upstream/h1_client.h"
#include "proxy/upstream/pool.h"
#include "proxy/upstream/upstream.h"

namespace bottle {

class ExitReports;
class KnownText;
class GuardSettings;
class ScannerLife;

// For the form of a request that the scanner is shown (docs/what-pipelock-sees.md). All outlive the
// upstream; all are null where it is shown everything.
struct ShownForms {
  KnownText* known = nullptr;
  ScannerLife* life = nullptr;
  const GuardSettings* settings = nullptr;
};

// The routes `scan` and `scan-requests`: each request as one forward-proxy call to pipelock. The
// body is complete and decoded before a connection is used; the request is written in absolute
// form, with our identity, identity coding and a Content-Length. Nothing else writes to a pipelock
// socket.
//
// The response streams. A refusal of pipelock's comes with its status and text, marked with
// X-Bottle-Deny, and stands in the exchange's trace (UpstreamDenied, by Pipelock); what it could
// not do comes as a Failure (DnsFailed, UpstreamBroken, …), as do a pipelock that is absent
// (ScannerUnavailable), silent (UpstreamTimeout) or babbling (UpstreamBroken). A body that ends
// where pipelock cuts is UpstreamTruncated.
//
// With a ledger there is an exit behind pipelock, and what it tells counts: see AnswerJudge. A
// request is sent to pipelock once more, whatever its method, if the connection died and the exit
// has not had it. A body that is signed as it stands (aws-chunked) is decoded for pipelock and goes
// out as it came, which only an exit can do. With `forms` pipelock is shown of a JSON body only the
// strings that are new to it; the body goes out as it came. A gRPC call whose request does not end
// is NotSupported
// ("grpc_streaming").
class PipelockUpstream final : public Upstream {
 public:
  // All outlive it and, except `ledger`, are the worker's own; `dialer` leads to pipelock only.
  // Null ledger: pipelock speaks to origins itself, and what it does to messages stays done.
  PipelockUpstream(Dialer& dialer, Pool& pool, Spool& spool, PipelockOptions options,
                   ExchangeLedger* ledger = nullptr, ShownForms forms = {});
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override;

 private:
  awaitable<Result<CollectedBody>> collect(Request& request, Exchange& exchange,
                                           const Passage& passage);
  awaitable<Result<std::shared_ptr<const SpooledBody>>> spool(Request& request, Codings codings,
                                                              std::shared_ptr<SpooledBody> coded,
                                                              Exchange& exchange);
  awaitable<Result<Response>> send_admitted(RequestHead head, CollectedBody body,
                                            Exchange& exchange, Passage& passage);
  [[nodiscard]] bool shows_new_text_only(const RequestHead& head, const CollectedBody& body) const;
  // One try. Nothing: the scanner is another one than the form was made for.
  awaitable<std::optional<Result<Response>>> try_admitted(RequestHead head, CollectedBody body,
                                                          Exchange& exchange, Passage& passage);
  // The child that gets the answer.
  awaitable<void> fetch(std::shared_ptr<PendingAnswer> pending, RequestHead head,
                        std::shared_ptr<const SpooledBody> body, std::shared_ptr<ExitReports> news,
                        std::uint64_t epoch);
  // `front`: null without an exit. `epoch`: of the scanner that the body was made for.
  awaitable<Result<Relayed>> call(RequestHead head, std::shared_ptr<const SpooledBody> body,
                                  const ExitReports* front, std::uint64_t epoch, Exchange& exchange,
                                  Passage& passage);
  // Asks a scanner that was just connected to for its health, for `life`.
  awaitable<Result<>> hear_of_life(Lease lease, Exchange& exchange);
  awaitable<Result<Response>> judge(Response response, bool head_request, Clock::time_point sent,
                                    Exchange& exchange, Passage& passage);

  Dialer& dialer_;
  Pool& pool_;
  Spool& spool_;
  PipelockOptions options_;
  ExchangeLedger* ledger_;
  ShownForms forms_;
};

}  // namespace bottle
