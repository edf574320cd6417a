#include "proxy/http/h2_client_engine.h"

#include <utility>

#include "proxy/http/h2_core.h"

namespace bottle {

H2ClientEngine::H2ClientEngine(const H2Limits& limits, TimePoint now)
    : core_(std::make_unique<H2Core>(H2Core::Role::Client, limits, now)) {}
H2ClientEngine::~H2ClientEngine() = default;

Result<void> H2ClientEngine::receive(ByteView in, TimePoint now) { return core_->receive(in, now); }
Result<void> H2ClientEngine::receive_some(ByteView& in, TimePoint now) {
  return core_->receive_some(in, now);
}
std::optional<H2Event> H2ClientEngine::next_event() { return core_->next_event(); }

bool H2ClientEngine::has_capacity() const { return core_->has_capacity(); }
Result<StreamId> H2ClientEngine::request(const RequestHead& head, bool end) {
  return core_->submit_request(head, end);
}
void H2ClientEngine::offer(StreamId stream, Chunk chunk) { core_->offer(stream, std::move(chunk)); }
std::size_t H2ClientEngine::room(StreamId stream) { return core_->room(stream); }
void H2ClientEngine::consumed(StreamId stream, std::size_t n) { core_->consumed(stream, n); }
void H2ClientEngine::reset(StreamId stream, H2Error code) { core_->reset(stream, code); }
void H2ClientEngine::goaway(H2Error code) { core_->goaway(code); }
void H2ClientEngine::terminate(H2Error code) { core_->terminate(code); }

std::size_t H2ClientEngine::fill(ByteSpan out, TimePoint now) { return core_->fill(out, now); }
bool H2ClientEngine::wants_write() const { return core_->wants_write(); }
bool H2ClientEngine::congested() const { return core_->congested(); }
std::optional<H2ClientEngine::TimePoint> H2ClientEngine::due() const { return core_->due(); }
bool H2ClientEngine::done() const { return core_->done(); }
std::size_t H2ClientEngine::open_streams() const { return core_->open_streams(); }
std::size_t H2ClientEngine::queued() const { return core_->queued(); }
std::size_t H2ClientEngine::queued(StreamId stream) const { return core_->queued(stream); }
bool H2ClientEngine::settings_acked() const { return core_->settings_acked(); }

}  // namespace bottle
