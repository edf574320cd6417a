#include "proxy/flow/websocket_tunnel.h"

#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/flow/answer_messages.h"
#include "proxy/flow/guard.h"
#include "proxy/flow/guard_records.h"
#include "proxy/flow/message_guard.h"
#include "proxy/flow/message_redaction.h"
#include "proxy/flow/secret_messages.h"
#include "proxy/flow/websocket_half.h"

namespace bottle {
namespace {

using websocket::DeflateParameters;
using websocket::Sender;

WebsocketLane::Compression of_client(const std::optional<DeflateParameters>& agreed) {
  if (!agreed) return {};
  return {.on = true,
          .keeps_context = !agreed->client_no_context_takeover,
          .window_bits = agreed->client_max_window_bits};
}
WebsocketLane::Compression of_server(const std::optional<DeflateParameters>& agreed) {
  if (!agreed) return {};
  return {.on = true,
          .keeps_context = !agreed->server_no_context_takeover,
          .window_bits = agreed->server_max_window_bits};
}

Failure no_answer_set() {
  Failure failure(Code::Denied, "the guard has nothing to look at answers with",
                  problem_code::kAnswerBlocked);
  failure.by = DecidedBy::Guard;
  return failure;
}

Failure exchange_ended() { return Failure{Code::Cancelled, "the exchange was ended"}; }

}  // namespace

// Shared by the tunnel's handle, the two bodies and the two children; the last to go ends it.
class WebsocketTunnel::State {
 public:
  State(Guard& guard, WebsocketSpace& space, Exchange& exchange, Passage& passage)
      : guard_(guard),
        space_(space),
        exchange_(exchange),
        passage_(passage),
        opened_(exchange.wheel().executor()),
        out_(exchange),
        back_(exchange) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (counted_) --space_.open_;
  }

  Result<> begin(Request& request, std::shared_ptr<State> self);
  Result<> open(Response& response, std::shared_ptr<State> self);
  void refuse() noexcept;
  [[nodiscard]] bool waits() const noexcept { return phase_ == Phase::Waits; }

  // For the upstream's sender, and for the client's session.
  awaitable<Result<Chunk>> read_out(std::size_t max);
  awaitable<Result<Chunk>> read_back(std::size_t max);
  [[nodiscard]] bool out_ready() const noexcept { return is_open() && out_.lane().has_output(); }
  [[nodiscard]] bool back_ready() const noexcept { return back_.lane().has_output(); }
  void stop_out(Failure why) noexcept { out_.stop_raw(std::move(why)); }
  void stop_back(Failure why) noexcept { back_.stop_raw(std::move(why)); }

 private:
  enum class Phase : std::uint8_t { Waits, Open, Refused };

  [[nodiscard]] bool is_open() const noexcept { return phase_ == Phase::Open; }
  [[nodiscard]] Result<> make_looks();
  void begin_halves(const websocket::Agreement& agreement, const std::shared_ptr<State>& self);
  void stopped(WebsocketHalf& half);
  awaitable<Result<Chunk>> end_back();

  Guard& guard_;
  WebsocketSpace& space_;
  Exchange& exchange_;
  Passage& passage_;
  bool counted_ = false;
  std::optional<websocket::Handshake> handshake_;
  Phase phase_ = Phase::Waits;
  Event opened_;  // phase_ is another

  std::optional<MessageGuard> messages_;
  std::unique_ptr<SecretMessages> secrets_;
  std::unique_ptr<SecretMessages> secret_controls_;
  std::unique_ptr<MessageRedaction> redaction_;
  std::unique_ptr<AnswerMessages> answers_;
  std::unique_ptr<AnswerMessages> answer_controls_;
  WebsocketHalf out_;
  WebsocketHalf back_;
  bool client_broke_it_ = false;
  bool told_client_ = false;  // by a close frame of ours
};

// ---- the two bodies ----------------------------------------------------------------------------

namespace {

template <class State>
class OutBody final : public BodySource {
 public:
  explicit OutBody(std::shared_ptr<State> state) : state_(std::move(state)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override { return state_->read_out(max); }
  [[nodiscard]] bool ready() const noexcept override { return state_->out_ready(); }
  void stop(Failure why) noexcept override { state_->stop_out(std::move(why)); }

 private:
  std::shared_ptr<State> state_;
};

template <class State>
class BackBody final : public BodySource {
 public:
  explicit BackBody(std::shared_ptr<State> state) : state_(std::move(state)) {}
  awaitable<Result<Chunk>> read(std::size_t max) override { return state_->read_back(max); }
  [[nodiscard]] bool ready() const noexcept override { return state_->back_ready(); }
  void stop(Failure why) noexcept override { state_->stop_back(std::move(why)); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

// ---- opening -----------------------------------------------------------------------------------

Result<> WebsocketTunnel::State::begin(Request& request, std::shared_ptr<State> self) {
  if (space_.open_ >= space_.limits().tunnels) {
    return Failure{Code::Overloaded, "as many WebSockets are open as there may be"};
  }
  auto handshake = websocket::Handshake::of(request.head);
  if (!handshake) return handshake.error();
  handshake_ = std::move(*handshake);
  handshake_->write_request(request.head);
  ++space_.open_;
  counted_ = true;
  out_.set_raw(std::move(request.body));
  request.body = std::make_unique<OutBody<State>>(std::move(self));
  return {};
}

Result<> WebsocketTunnel::State::open(Response& response, std::shared_ptr<State> self) {
  if (response.head.status != 101) {
    refuse();
    return {};
  }
  auto agreement = handshake_->check_answer(response.head);
  Result<> made;
  if (agreement) made = make_looks();
  if (!agreement || !made) {
    const Failure failure = agreement ? made.error() : agreement.error();
    refuse();
    if (response.body) response.body->stop(failure);
    response.body.reset();
    return failure;
  }
  handshake_->write_answer(response.head, *agreement);
  back_.set_raw(std::move(response.body));
  try {
    begin_halves(*agreement, self);
  } catch (...) {
    out_.abandon();
    back_.abandon();
    throw;
  }
  response.body = std::make_unique<BackBody<State>>(std::move(self));
  phase_ = Phase::Open;
  opened_.set_later();
  return {};
}

void WebsocketTunnel::State::refuse() noexcept {
  phase_ = Phase::Refused;
  out_.stop_raw(failure_without_fail(Code::Cancelled, "the WebSocket was not opened"));
  opened_.set_later();
}

Result<> WebsocketTunnel::State::make_looks() {
  messages_.emplace(guard_.for_messages(exchange_, passage_));
  SecretLook& look = *messages_->look;
  const ScanPlace place{.secrets = *look.secrets,
                        .space = look.space,
                        .host = exchange_.destination().host,
                        .scheme = exchange_.scheme()};
  secrets_ = std::make_unique<SecretMessages>(place, messages_->decode, messages_->decode_limits,
                                              passage_);
  secret_controls_ = std::make_unique<SecretMessages>(place, messages_->decode,
                                                      messages_->decode_limits, passage_);
  if (messages_->redacts) {
    redaction_ = std::make_unique<MessageRedaction>(*secrets_, messages_->redact_limits,
                                                    messages_->memory, passage_);
  }
  if (messages_->answers == AnswerRule::Off) return {};
  if (messages_->answer_set == nullptr) {
    if (messages_->answers == AnswerRule::Block) return no_answer_set();
    passage_.findings.add(unread_answer());
    return {};
  }
  const AnswerInspection::Services services{.answers = *messages_->answer_set,
                                            .space = *messages_->answer_space,
                                            .secrets = *look.secrets,
                                            .scan = look.space,
                                            .decode = messages_->decode};
  answers_ = std::make_unique<AnswerMessages>(services, messages_->decode_limits,
                                              messages_->answers, passage_);
  answer_controls_ = std::make_unique<AnswerMessages>(services, messages_->decode_limits,
                                                      messages_->answers, passage_);
  return {};
}

void WebsocketTunnel::State::begin_halves(const websocket::Agreement& agreement,
                                          const std::shared_ptr<State>& self) {
  const MessageInflater::Bomb bomb{.ratio = messages_->decode_limits.ratio,
                                   .ratio_after = messages_->decode_limits.ratio_after};
  const std::uint64_t most = space_.limits().message_bytes;
  out_.begin({.from = Sender::Client,
              .reads = of_client(agreement.client),
              .writes = of_client(agreement.origin),
              .message_bytes = most,
              .bomb = bomb},
             space_.deflate(),
             {.messages = secrets_.get(),
              .controls = secret_controls_.get(),
              .redaction = redaction_.get()},
             self);
  back_.begin({.from = Sender::Server,
               .reads = of_server(agreement.origin),
               .writes = of_server(agreement.client),
               .message_bytes = most,
               .bomb = bomb,
               .swaps = &passage_.swaps_back},
              space_.deflate(), {.messages = answers_.get(), .controls = answer_controls_.get()},
              self);
}

// ---- passing on --------------------------------------------------------------------------------

awaitable<Result<Chunk>> WebsocketTunnel::State::read_out(std::size_t max) {
  while (phase_ == Phase::Waits) {
    const bool news = co_await opened_.wait();
    if (!news) co_return exchange_ended();
  }
  Chunk chunk;
  chunk.end = phase_ == Phase::Refused;
  while (!chunk.end) {
    const bool was_closed = out_.lane().closed();
    const WebsocketHalf::Turn turn = co_await out_.work();
    // The other half waits for its end from then on.
    if (!was_closed && out_.lane().closed()) back_.news().set_later();
    if (turn == WebsocketHalf::Turn::Output) {
      chunk.data = out_.lane().take(max);
      break;
    }
    if (turn == WebsocketHalf::Turn::Stopped) {
      stopped(out_);
    } else if (turn == WebsocketHalf::Turn::Over) {
      if (out_.cut()) co_return *out_.cut();
      chunk.end = true;
    } else {
      const bool news = co_await out_.news().wait();
      if (!news) co_return exchange_ended();
    }
  }
  co_return chunk;
}

awaitable<Result<Chunk>> WebsocketTunnel::State::read_back(std::size_t max) {
  Deadline late(exchange_.wheel(), back_.news());
  bool waits_for_end = false;
  for (;;) {
    const WebsocketHalf::Turn turn = co_await back_.work();
    if (turn == WebsocketHalf::Turn::Output) {
      Chunk chunk;
      chunk.data = back_.lane().take(max);
      co_return chunk;
    }
    if (turn == WebsocketHalf::Turn::Stopped) {
      stopped(back_);
      continue;
    }
    if (turn == WebsocketHalf::Turn::Over) break;
    if (client_broke_it_ && back_.lane().closed()) {
      back_.end();
      continue;
    }
    const bool both_closed = out_.lane().closed() && back_.lane().closed();
    if ((client_broke_it_ || both_closed) && !std::exchange(waits_for_end, true)) {
      late.arm(client_broke_it_ ? space_.limits().broken_close : space_.limits().close);
    }
    const bool news = co_await back_.news().wait();
    if (!news && !late.fired()) co_return exchange_ended();
    if (!news) {
      back_.lane().close_now();
      back_.end();
    }
  }
  auto ended = co_await end_back();
  co_return ended;
}

// The client's session closes its connection behind this, and a close with bytes that were not
// read would be a reset, which can destroy our close frame on its way.
awaitable<Result<Chunk>> WebsocketTunnel::State::end_back() {
  if (back_.cut()) co_return *back_.cut();
  if (told_client_ && !out_.lane().closed()) {
    const auto limit = client_broke_it_ ? space_.limits().broken_close : space_.limits().close;
    const bool waited = co_await out_.wait_for_close(limit);
    if (!waited) co_return exchange_ended();
  }
  back_.stop_raw(Failure{Code::Cancelled, "the WebSocket has ended"});
  out_.stop_raw(Failure{Code::Cancelled, "the WebSocket has ended"});
  Chunk last;
  last.end = true;
  co_return last;
}

// Both sides are told, and nothing more of `half` goes through.
void WebsocketTunnel::State::stopped(WebsocketHalf& half) {
  const bool leaves = &half == &out_;
  WebsocketHalf& other = leaves ? back_ : out_;
  const LaneStop& stop = half.lane().stop();
  client_broke_it_ = stop.answers_first;
  if (!exchange_.trace.failure) {
    exchange_.trace.failure = stop.failure;
    exchange_.trace.by = decided_by(stop.failure, DecidedBy::Origin);
  }
  const bool denied = stop.failure.code == Code::Denied;
  if (denied) exchange_.trace.by = DecidedBy::Guard;
  if (leaves && stop.finding) {
    passage_.findings.add(record_of(*stop.finding, FindingAction::Refused));
  }
  told_client_ = true;
  const std::string_view to_client = stop.to_client;
  half.lane().close(stop.to_receiver, leaves ? std::string_view() : to_client);
  half.end();
  if (stop.answers_first) {
    other.lane().close_instead(stop.to_sender, stop.to_client);
    other.news().set_later();
    return;
  }
  other.lane().close(stop.to_sender, leaves ? to_client : std::string_view());
  other.end();
}

// ---- the handle --------------------------------------------------------------------------------

WebsocketTunnel::WebsocketTunnel(Guard& guard, WebsocketSpace& space, Exchange& exchange,
                                 Passage& passage)
    : state_(std::make_shared<State>(guard, space, exchange, passage)) {}

WebsocketTunnel::~WebsocketTunnel() {
  if (state_->waits()) state_->refuse();
}

Result<> WebsocketTunnel::begin(Request& request) { return state_->begin(request, state_); }

Result<> WebsocketTunnel::open(Response& response) { return state_->open(response, state_); }

}  // namespace bottle
