#pragma once

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

// The routes `scan` and `scan-requests`: each request as one forward-proxy call to pipelock. The
// body is complete and decoded before a connection is used; the request is written in absolute
// form, with our identity, identity coding and a Content-Length. Nothing else writes to a pipelock
// socket.
//
// The response streams. What pipelock itself refused comes with its status and text, marked with
// X-Bottle-Deny, and stands in the exchange's trace (UpstreamDenied, by Pipelock); what it could
// not do comes as a Failure (DnsFailed, UpstreamBroken, …), as do a pipelock that is absent
// (ScannerUnavailable), silent (UpstreamTimeout) or babbling (UpstreamBroken). A body that ends
// where pipelock cuts is UpstreamTruncated.
//
// With a ledger there is an exit behind pipelock, and what it tells counts: see AnswerJudge. A
// request is sent to pipelock once more, whatever its method, if the connection died and the exit
// has not had it. What is signed as it stands (aws-chunked) is decoded for pipelock and goes out as
// it came, which only an exit can do. A gRPC call whose request does not end is NotSupported
// ("grpc_streaming").
class PipelockUpstream final : public Upstream {
 public:
  // All outlive it and, except `ledger`, are the worker's own; `dialer` leads to pipelock only.
  // Null ledger: pipelock speaks to origins itself, and what it does to messages stays done.
  PipelockUpstream(Dialer& dialer, Pool& pool, Spool& spool, PipelockOptions options,
                   ExchangeLedger* ledger = nullptr);
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override;

 private:
  awaitable<Result<CollectedBody>> collect(Request& request, Exchange& exchange);
  awaitable<Result<std::shared_ptr<const SpooledBody>>> spool(Request& request, Codings codings,
                                                              std::shared_ptr<SpooledBody> coded,
                                                              Exchange& exchange);
  awaitable<Result<Response>> send_admitted(RequestHead head, CollectedBody body,
                                            Exchange& exchange, Passage& passage);
  // The child that gets the answer.
  awaitable<void> fetch(std::shared_ptr<PendingAnswer> pending, RequestHead head,
                        std::shared_ptr<const SpooledBody> body, std::shared_ptr<ExitReports> news);
  // `front`: null without an exit.
  awaitable<Result<Relayed>> call(RequestHead head, std::shared_ptr<const SpooledBody> body,
                                  const ExitReports* front, Exchange& exchange, Passage& passage);
  awaitable<Result<Response>> judge(Response response, bool head_request, Clock::time_point sent,
                                    Exchange& exchange, Passage& passage);

  Dialer& dialer_;
  Pool& pool_;
  Spool& spool_;
  PipelockOptions options_;
  ExchangeLedger* ledger_;
};

}  // namespace bottle
