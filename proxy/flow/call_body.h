#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "proxy/base/awaitable.h"
#include "proxy/http/body.h"
#include "proxy/http/json_rpc.h"

namespace bottle {

// The body of a request that may be a JSON-RPC call, and what was learnt of it. Owned by the
// exchange's notes and by the CallBody that hands its bytes on; so a request that is refused before
// its id was read can be read on for it.
class Call {
 public:
  explicit Call(std::unique_ptr<BodySource> body) : body_(std::move(body)) {}
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  [[nodiscard]] const JsonRpcReader& reader() const noexcept { return reader_; }

  // Some of the body was asked for.
  [[nodiscard]] bool begun() const noexcept { return begun_; }

  // Reads on for the id, if no part of the proxy reads the body any more: a few reads at most.
  awaitable<void> read_on();
  // No read_on() will come: the body is stopped if that was asked for, and goes with its reader.
  void settle() noexcept;

 private:
  friend class CallBody;
  void let_go_unless_used() noexcept {
    if (settled_ && !in_use_) body_.reset();
  }

  JsonRpcReader reader_;
  std::unique_ptr<BodySource> body_;
  std::optional<Failure> left_;  // stopped before it was settled
  bool begun_ = false;
  bool settled_ = false;
  bool over_ = false;  // its end or a Failure was read
  bool in_use_ = false;
};

// Passes a call's body on as it is.
class CallBody final : public BodySource {
 public:
  explicit CallBody(std::shared_ptr<Call> call) : call_(std::move(call)) { call_->in_use_ = true; }
  CallBody(const CallBody&) = delete;
  CallBody& operator=(const CallBody&) = delete;
  ~CallBody() override {
    call_->in_use_ = false;
    call_->let_go_unless_used();
  }

  awaitable<Result<Chunk>> read(std::size_t max) override;
  [[nodiscard]] bool ready() const noexcept override { return call_->body_->ready(); }
  void stop(Failure why) noexcept override;

 private:
  std::shared_ptr<Call> call_;
};

}  // namespace bottle
