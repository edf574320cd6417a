#include "proxy/tls/handshake_turns.h"

#include <boost/asio/post.hpp>
#include <exception>
#include <utility>

namespace bottle {

HandshakeTurns::Turn::Turn(HandshakeTurns& turns) : turns_(turns), called_(turns.executor_) {}

HandshakeTurns::Turn::~Turn() {
  turns_.quit(*this);
  end();
}

awaitable<bool> HandshakeTurns::Turn::begin() {
  if (!turns_.taken_) {
    turns_.taken_ = true;
    has_it_ = true;
    co_return true;
  }
  turns_.join(*this);
  const bool called = co_await called_.wait();
  turns_.quit(*this);
  if (!called) end();  // called and cancelled at once
  co_return called;
}

void HandshakeTurns::Turn::end() noexcept {
  if (!has_it_) return;
  has_it_ = false;
  auto call = [self = turns_.self_] {
    if (*self != nullptr) (*self)->call_next();
  };
  try {
    asio::post(turns_.executor_, std::move(call));
  } catch (const std::exception&) {
    turns_.call_next();  // out of memory
  }
}

void HandshakeTurns::join(Turn& turn) noexcept {
  turn.before_ = last_;
  turn.behind_ = nullptr;
  (last_ == nullptr ? first_ : last_->behind_) = &turn;
  last_ = &turn;
  turn.waits_ = true;
  ++waiting_;
}

void HandshakeTurns::quit(Turn& turn) noexcept {
  if (!turn.waits_) return;
  (turn.before_ == nullptr ? first_ : turn.before_->behind_) = turn.behind_;
  (turn.behind_ == nullptr ? last_ : turn.behind_->before_) = turn.before_;
  turn.waits_ = false;
  --waiting_;
}

void HandshakeTurns::call_next() noexcept {
  Turn* next = waiting_ > kMaxInOrder ? last_ : first_;
  taken_ = next != nullptr;
  if (next == nullptr) return;
  quit(*next);
  next->has_it_ = true;
  next->called_.set_later();
}

}  // namespace bottle
