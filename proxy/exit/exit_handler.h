#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/task_group.h"
#include "proxy/body/spool.h"
#include "proxy/exit/bypass_sender.h"
#include "proxy/exit/exit_news.h"
#include "proxy/exit/exit_services.h"
#include "proxy/http/handler.h"

namespace bottle {

// Shared by the connections of one exit; outlives them.
struct ExitState {
  ExitServices services;
  Executor executor;
  TaskGroup& bypasses;
  bool stopping = false;
  std::uint64_t ids = 0;  // given out

  [[nodiscard]] std::string next_id() { return services.id_prefix + std::to_string(++ids); }
};

// Answers the requests of one connection of the scanner's: lets out those that were admitted, as
// they were admitted. `connection` is cancelled when an exchange's front is gone.
class ExitHandler final : public Handler {
 public:
  ExitHandler(ExitState& state, Cancellable& connection) noexcept
      : state_(state), connection_(connection) {}
  ExitHandler(const ExitHandler&) = delete;
  ExitHandler& operator=(const ExitHandler&) = delete;

  std::string next_id() override { return state_.next_id(); }
  awaitable<Response> handle(Request request, Exchange& exchange) override;
  Response refuse(const Failure& failure, Exchange& exchange) override;
  void finished(const Exchange&) noexcept override {}

 private:
  // The request's body as it came; null if there is none.
  using Body = std::shared_ptr<const SpooledBody>;

  awaitable<Result<Body>> collect(Request& request, ExitEnd& end);
  awaitable<Response> let_out(std::unique_ptr<ExitEnd> end, Body body, Exchange& exchange);
  awaitable<Response> let_out_bypass(std::unique_ptr<ExitEnd> end, Request going,
                                     Exchange& exchange);
  [[nodiscard]] Response relay(Response answer, std::unique_ptr<ExitEnd> end);
  [[nodiscard]] Response refuse_admitted(const Failure& failure, ExitEnd& end, Exchange& exchange);
  [[nodiscard]] Response answer_failure(const Failure& failure, const std::string& id,
                                        Exchange& exchange);

  ExitState& state_;
  Cancellable& connection_;
  InterimTeller interims_;
  Passage passage_;  // of the present exchange: a connection has one after another
};

}  // namespace bottle
