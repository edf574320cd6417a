#pragma once

#include <memory>

#include "proxy/body/body_filter.h"
#include "proxy/body/spool.h"
#include "proxy/ledger/exchange_ledger.h"

namespace bottle {

// An answer's body as the scanner is shown it (make_shown_answer). The origin's is collected with
// the first read, which costs no time: the scanner passes nothing of a body before it has all of
// it. Tells the front of the whole body, and of the marks. A body of more than kMostCollected bytes
// goes on as it comes.
class ShownAnswerBody final : public BodySource {
 public:
  static constexpr std::size_t kMostCollected = std::size_t{8} << 20;

  // `spool`, `known` and `end` outlive it.
  ShownAnswerBody(std::unique_ptr<BodySource> inner, bool is_json, Spool& spool, KnownText& known,
                  const KnownText::Place& place, ExitEnd& end)
      : body_(std::move(inner)),
        is_json_(is_json),
        spool_(spool),
        known_(known),
        place_(place),
        end_(end) {}
  ShownAnswerBody(const ShownAnswerBody&) = delete;
  ShownAnswerBody& operator=(const ShownAnswerBody&) = delete;

  awaitable<Result<Chunk>> read(std::size_t max) override;
  void stop(Failure why) noexcept override { body_->stop(std::move(why)); }

 private:
  awaitable<Result<>> collect();

  std::unique_ptr<BodySource> body_;  // the origin's until it is collected
  bool collected_ = false;
  const bool is_json_;
  Spool& spool_;
  KnownText& known_;
  const KnownText::Place place_;
  ExitEnd& end_;
};

}  // namespace bottle
