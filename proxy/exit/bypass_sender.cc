#include "proxy/exit/bypass_sender.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace bottle {

BypassSender::BypassSender(Services services, std::unique_ptr<ExitEnd> end)
    : services_(std::move(services)), end_(std::move(end)), answered_(services_.executor) {
  interims_.tell_to(end_.get());
  end_->on_over(this);
}

awaitable<Result<ResponseHead>> BypassSender::send(std::shared_ptr<BypassSender> self,
                                                   Request request) {
  self->task_ = self->services_.tasks.spawn(run(self, std::move(request)));
  while (!self->head_ && !self->failure_) {
    const bool answered = co_await self->answered_.wait();
    if (!answered) {
      self->cancel();
      co_return Failure{Code::Cancelled, "the scanner did not wait for the origin's head"};
    }
  }
  if (self->failure_) co_return *self->failure_;
  co_return std::move(*self->head_);
}

awaitable<void> BypassSender::run(std::shared_ptr<BypassSender> self, Request request) {
  const Admission& admission = self->end_->admission();
  Exchange exchange(self->services_.executor, self->services_.wheel, admission.id,
                    admission.destination, admission.scheme, Version::Http11, &self->interims_);
  exchange.client = admission.client;
  exchange.tasks().ends_on_failure(*self);
  std::exception_ptr failed;
  try {
    co_await self->carry(std::move(request), exchange);
  } catch (...) {
    failed = std::current_exception();  // out of memory; the front hears of it below
  }
  // The rest of a request that is not wanted any more.
  exchange.tasks().cancel();
  co_await exchange.tasks().join();
  self->end_.reset();
  if (!failed) co_return;
  if (!self->head_ && !self->failure_) self->failure_ = out_of_memory();
  self->answered_.set_later();
  std::rethrow_exception(failed);
}

awaitable<void> BypassSender::carry(Request request, Exchange& exchange) {
  auto sent = co_await services_.origins.send(std::move(request), exchange, passage_);
  if (!sent) {
    fail(sent.error());
    co_return;
  }
  HeadNews news;
  news.head = sent->head;
  news.h2 = passage_.protocol == to_string(Version::Http2);
  end_->tell(std::move(news));
  const bool has_body = sent->body != nullptr;
  if (!has_body) {
    EndNews nothing;
    nothing.digest = sha256({});
    end_->tell(std::move(nothing));
  }
  head_ = std::move(sent->head);
  answered_.set_later();
  if (has_body) co_await carry_body(*sent->body);
}

awaitable<void> BypassSender::carry_body(BodySource& body) {
  EndNews sums;
  for (;;) {
    const bool go_on = co_await end_->wait();
    if (!go_on || end_->over()) {
      const Failure gone(Code::Cancelled, "the body is not wanted any more");
      body.stop(gone);
      end_->tell(news_of(gone, services_.exit_is_stopping));
      co_return;
    }
    auto chunk = co_await body.read(std::min(kSidePiece, end_->room()));
    if (!chunk) {
      end_->tell(news_of(chunk.error(), services_.exit_is_stopping));
      co_return;
    }
    sums.bytes += chunk->data.size();
    if (!chunk->data.empty()) {
      BodyNews piece;
      piece.data = std::move(chunk->data);
      end_->tell(std::move(piece));
    }
    if (chunk->end) {
      sums.trailers = std::move(chunk->trailers);
      end_->tell(std::move(sums));
      co_return;
    }
  }
}

void BypassSender::fail(const Failure& failure) {
  end_->tell(news_of(failure, services_.exit_is_stopping, passage_.protocol));
  failure_ = failure;
  answered_.set_later();
}

}  // namespace bottle
