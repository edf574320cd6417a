#include "proxy/http/h2_engine.h"

#include <utility>

#include "proxy/http/h2_core.h"

namespace bottle {

H2Engine::H2Engine(const H2Limits& limits, TimePoint now)
    : core_(std::make_unique<H2Core>(H2Core::Role::Server, limits, now)) {}
H2Engine::~H2Engine() = default;

Result<void> H2Engine::receive(ByteView in, TimePoint now) { return core_->receive(in, now); }
Result<void> H2Engine::receive_some(ByteView& in, TimePoint now) {
  return core_->receive_some(in, now);
}
std::optional<H2Event> H2Engine::next_event() { return core_->next_event(); }

Result<void> H2Engine::interim(StreamId stream, const ResponseHead& head) {
  return core_->submit_interim(stream, head);
}
Result<void> H2Engine::respond(StreamId stream, const ResponseHead& head, bool end) {
  return core_->submit_head(stream, head, end);
}
void H2Engine::offer(StreamId stream, Chunk chunk) { core_->offer(stream, std::move(chunk)); }
std::size_t H2Engine::room(StreamId stream) { return core_->room(stream); }
void H2Engine::consumed(StreamId stream, std::size_t n) { core_->consumed(stream, n); }
void H2Engine::release(std::size_t n) { core_->release(n); }
void H2Engine::reset(StreamId stream, H2Error code) { core_->reset(stream, code); }
void H2Engine::cut(StreamId stream, H2Error code) { core_->cut(stream, code); }
void H2Engine::shutdown_notice() { core_->shutdown_notice(); }
void H2Engine::goaway(H2Error code) { core_->goaway(code); }
void H2Engine::terminate(H2Error code) { core_->terminate(code); }

std::size_t H2Engine::fill(ByteSpan out, TimePoint now) { return core_->fill(out, now); }
bool H2Engine::wants_write() const { return core_->wants_write(); }
bool H2Engine::congested() const { return core_->congested(); }
std::optional<H2Engine::TimePoint> H2Engine::due() const { return core_->due(); }
bool H2Engine::done() const { return core_->done(); }
std::size_t H2Engine::open_streams() const { return core_->open_streams(); }
std::size_t H2Engine::queued() const { return core_->queued(); }
std::size_t H2Engine::queued(StreamId stream) const { return core_->queued(stream); }
bool H2Engine::settings_acked() const { return core_->settings_acked(); }

}  // namespace bottle
