#include "proxy/http/h2_endpoint.h"

#include <utility>

#include "proxy/http/h2_core.h"

namespace bottle {

H2Endpoint::H2Endpoint(std::unique_ptr<H2Core> core) : core_(std::move(core)) {}
H2Endpoint::~H2Endpoint() = default;

Result<void> H2Endpoint::receive(ByteView in, TimePoint now) { return core_->receive(in, now); }
Result<void> H2Endpoint::receive_some(ByteView& in, TimePoint now) {
  return core_->receive_some(in, now);
}
std::optional<H2Event> H2Endpoint::next_event() { return core_->next_event(); }

void H2Endpoint::offer(StreamId stream, Chunk chunk) { core_->offer(stream, std::move(chunk)); }
std::size_t H2Endpoint::room(StreamId stream) { return core_->room(stream); }
void H2Endpoint::consumed(StreamId stream, std::size_t n) { core_->consumed(stream, n); }
void H2Endpoint::reset(StreamId stream, H2Error code) { core_->reset(stream, code); }
void H2Endpoint::goaway(H2Error code) { core_->goaway(code); }
void H2Endpoint::terminate(H2Error code) { core_->terminate(code); }

std::size_t H2Endpoint::fill(ByteSpan out, TimePoint now) { return core_->fill(out, now); }
bool H2Endpoint::wants_write() const { return core_->wants_write(); }
bool H2Endpoint::congested() const { return core_->congested(); }
std::optional<H2Endpoint::TimePoint> H2Endpoint::due() const { return core_->due(); }
bool H2Endpoint::done() const { return core_->done(); }
std::size_t H2Endpoint::open_streams() const { return core_->open_streams(); }
std::size_t H2Endpoint::queued() const { return core_->queued(); }
std::size_t H2Endpoint::queued(StreamId stream) const { return core_->queued(stream); }
std::size_t H2Endpoint::held_heads() const { return core_->held_heads(); }
bool H2Endpoint::settings_acked() const { return core_->settings_acked(); }

}  // namespace bottle
