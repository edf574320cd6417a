#pragma once

#include <string>
#include <utility>

#include "proxy/http/exchange.h"
#include "proxy/ledger/exchange_ledger.h"

namespace bottle {

// The report to the front about a failure that ended an exchange at the exit, and its cause.
// A failure that means "there is no one to answer" is the scanner's leaving (Cancelled,
// "scanner_left"), or the exit's own end if that is what happens.
// `upstream_protocol`: Passage::protocol; of no interest once the head was told.
[[nodiscard]] FailureNews news_of(Failure failure, bool exit_is_stopping,
                                  std::string upstream_protocol = {});

// Tells the front of 1xx heads. For one exchange after another.
class InterimTeller final : public InterimSink {
 public:
  void tell_to(ExitEnd* end) noexcept { end_ = end; }
  void interim(const ResponseHead& head) override {
    if (end_ == nullptr) return;
    InterimNews news;
    news.head = head;
    end_->tell(std::move(news));
  }

 private:
  ExitEnd* end_ = nullptr;
};

}  // namespace bottle
