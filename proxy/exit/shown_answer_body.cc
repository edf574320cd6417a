#include "proxy/exit/shown_answer_body.h"

#include <utility>

#include "proxy/shown/shown_answer.h"

namespace bottle {

awaitable<Result<Chunk>> ShownAnswerBody::read(std::size_t max) {
  if (!std::exchange(collected_, true)) {
    const auto done = co_await collect();
    if (!done) co_return done.error();
  }
  auto chunk = co_await body_->read(max);
  co_return chunk;
}

awaitable<Result<>> ShownAnswerBody::collect() {
  const std::uint64_t epoch = end_.admission().epoch;
  auto collected = co_await collect_answer(*body_, spool_, kMostCollected);
  if (!collected) co_return collected.error();
  if (!collected->whole) {
    body_ = resumed(std::move(*collected), std::move(body_));
    co_return Result<>();
  }
  auto shown = co_await make_shown_answer(collected->whole, is_json_, spool_, known_, place_);
  WholeNews news;
  news.passing = PassedTexts{.known = &known_,
                             .epoch = epoch,
                             .kind = KnownText::Kind::Answered,
                             .place = place_,
                             .marks = std::move(shown.marks)};
  if (shown.body != collected->whole && shown.body->size() <= kMostShownAnswer) {
    news.whole = std::move(collected->whole);
    news.trailers = std::move(collected->trailers);
    body_ = std::make_unique<SpoolReader>(std::move(shown.body));
  } else {
    body_ =
        std::make_unique<SpoolReader>(std::move(collected->whole), std::move(collected->trailers));
  }
  end_.tell(std::move(news));
  co_return Result<>();
}

}  // namespace bottle
