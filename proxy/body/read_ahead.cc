#include "proxy/body/read_ahead.h"

#include <optional>
#include <utility>

#include "proxy/base/deadline.h"
#include "proxy/base/event.h"
#include "proxy/http/byte_queue.h"

namespace bottle {
namespace {

constexpr std::size_t kPiece = 16 * 1024;

}  // namespace

struct ReadAhead::State {
  State(std::unique_ptr<BodySource> source, Executor executor)
      : inner(std::move(source)), news(std::move(executor)) {}

  [[nodiscard]] bool over() const noexcept { return ended || failure.has_value(); }

  std::unique_ptr<BodySource> inner;
  ByteQueue queue;
  std::optional<Fields> trailers;
  bool ended = false;
  std::optional<Failure> failure;
  bool child_reads = false;
  std::size_t wanted = 0;  // the child reads on until so many bytes are there
  Event news;
};

ReadAhead::ReadAhead(std::unique_ptr<BodySource> inner, Exchange& exchange)
    : state_(std::make_shared<State>(std::move(inner), exchange.wheel().executor())),
      exchange_(exchange) {}

ReadAhead::~ReadAhead() = default;

awaitable<void> ReadAhead::read_on(std::shared_ptr<State> state) {
  while (state->queue.size() < state->wanted && !state->over()) {
    auto chunk = co_await state->inner->read(kPiece);
    if (!chunk) {
      state->failure = chunk.error();
    } else {
      state->queue.push(std::move(chunk->data));
      state->trailers = std::move(chunk->trailers);
      state->ended = chunk->end;
    }
    state->news.set_later();
  }
  state->child_reads = false;
  state->news.set_later();
}

awaitable<bool> ReadAhead::gather(std::size_t bytes, std::chrono::milliseconds time) {
  State& state = *state_;
  state.wanted = bytes;
  state.child_reads = true;
  exchange_.tasks().spawn(read_on(state_));
  Deadline deadline(exchange_.wheel(), state.news, time);
  bool cancelled = false;
  while (state.child_reads && !deadline.fired() && !cancelled) {
    const bool news = co_await state.news.wait();
    cancelled = !news && !deadline.fired();
  }
  state.wanted = 0;
  co_return !cancelled;
}

bool ReadAhead::ready() const noexcept {
  if (!state_->queue.empty() || state_->over()) return true;
  return !state_->child_reads && state_->inner->ready();
}

awaitable<Result<Chunk>> ReadAhead::read(std::size_t max) {
  State& state = *state_;
  while (state.child_reads && state.queue.empty() && !state.over()) {
    const bool news = co_await state.news.wait();
    if (!news) co_return Failure{Code::Cancelled, "while the answer's beginning was read"};
  }
  if (state.queue.empty() && state.failure) co_return *state.failure;
  if (state.queue.empty() && !state.ended) {
    auto chunk = co_await state.inner->read(max);
    co_return chunk;
  }
  Chunk chunk;
  chunk.data = state.queue.take(max);
  chunk.end = state.ended && state.queue.empty();
  if (chunk.end) chunk.trailers = std::move(state.trailers);
  co_return chunk;
}

void ReadAhead::stop(Failure why) noexcept {
  state_->wanted = 0;
  if (!state_->over()) state_->inner->stop(std::move(why));
}

}  // namespace bottle
