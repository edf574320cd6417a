#include "proxy/shown/shown_answer.h"

#include <array>
#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kPiece = 64 * 1024;

// A body of which the beginning was read already.
class ResumedBody final : public BodySource {
 public:
  ResumedBody(CollectedAnswer collected, std::unique_ptr<BodySource> rest)
      : beginning_(std::make_unique<SpoolReader>(std::move(collected.beginning))),
        next_(std::move(collected.next)),
        trailers_(std::move(collected.trailers)),
        ended_(collected.ended),
        rest_(std::move(rest)) {}

  awaitable<Result<Chunk>> read(std::size_t max) override {
    if (beginning_) {
      auto chunk = co_await beginning_->read(max);
      if (!chunk) co_return chunk;
      if (std::exchange(chunk->end, false)) beginning_.reset();
      // It is empty if the spool had no room at all.
      if (!chunk->data.empty()) co_return chunk;
    }
    if (next_.empty() && !ended_) {
      auto chunk = co_await rest_->read(max);
      co_return chunk;
    }
    Chunk chunk;
    chunk.data = next_.substr(0, max);
    next_.erase(0, chunk.data.size());
    chunk.end = ended_ && next_.empty();
    if (chunk.end) chunk.trailers = std::move(trailers_);
    co_return chunk;
  }
  void stop(Failure why) noexcept override {
    if (!ended_) rest_->stop(std::move(why));
  }

 private:
  std::unique_ptr<BodySource> beginning_;
  Bytes next_;
  std::optional<Fields> trailers_;
  const bool ended_;
  std::unique_ptr<BodySource> rest_;
};

}  // namespace

awaitable<Result<CollectedAnswer>> collect_answer(BodySource& body, Spool& spool,
                                                  std::size_t most) {
  SpoolWriter writer(spool);
  std::size_t size = 0;
  CollectedAnswer out;
  for (;;) {
    auto chunk = co_await body.read(kPiece);
    if (!chunk) co_return chunk.error();
    size += chunk->data.size();
    const bool kept = size <= most && writer.append(chunk->data);
    if (kept && !chunk->end) continue;
    out.trailers = std::move(chunk->trailers);
    if (kept) {
      out.whole = writer.finish();
    } else {
      out.beginning = writer.finish();
      out.next = std::move(chunk->data);
      out.ended = chunk->end;
    }
    co_return out;
  }
}

std::unique_ptr<BodySource> resumed(CollectedAnswer collected, std::unique_ptr<BodySource> rest) {
  return std::make_unique<ResumedBody>(std::move(collected), std::move(rest));
}

awaitable<ShownBody> make_shown_answer(std::shared_ptr<const SpooledBody> whole, bool is_json,
                                       Spool& spool, KnownText& known, KnownText::Place place) {
  ShownBody shown;
  if (is_json) {
    shown = co_await make_shown_form(std::move(whole), spool, known, place, ShownForm::kOfAnswers);
    co_return shown;
  }
  shown.body = whole;
  auto text = SpooledText::of(std::move(whole));
  if (!text || text->view().size() < KnownText::kShortest) co_return shown;
  const TextMark mark = known.mark_of(text->view());
  if (known.has(KnownText::Kind::Answered, place, mark)) {
    shown.body = SpoolWriter(spool).finish();
  } else {
    shown.marks.push_back(mark);
  }
  co_return shown;
}

}  // namespace bottle
