// How H2Core's streams go on and end: received bodies, resets, what is thrown away after an early
// answer, and what may still come on a stream that is over.
#include <algorithm>
#include <utility>

#include "proxy/http/h2_core.h"

namespace bottle {
namespace {

// An answer of the proxy's own fits in, whatever is held already.
constexpr std::size_t kSmallHead = 4096;

// FloodLimits::discarded_kib gives some hundred KiB in that time: a stream's window.
constexpr std::chrono::milliseconds kOwedPause{50};

}  // namespace

void H2Core::consumed(StreamId id, std::size_t n) {
  Stream* stream = find_any(id);
  // A reset stream's unread bytes were credited at the reset.
  if (stream == nullptr) return;
  n = std::min(n, stream->unread);
  if (n == 0) return;
  stream->unread -= n;
  stream->taken = true;
  // The library gathers until half a window is worth an update.
  check(nghttp2_session_consume(session_, id, n));
  if (stream->machine.closed() && stream->unread == 0) streams_.erase(id);
}

void H2Core::drop_queue(Stream& stream) {
  queued_ -= stream.queue.size();
  stream.queue.clear();
}

void H2Core::reset(StreamId id, H2Error code) {
  const auto it = streams_.find(id);
  // One that lingers is over for the application: it ends by itself.
  if (it == streams_.end() || it->second->machine.lingers()) return;
  Stream& stream = *it->second;
  if (stream.unread > 0) check(nghttp2_session_consume_connection(session_, stream.unread));
  const bool closed = stream.machine.closed();
  const bool peer_ended = stream.machine.peer_ended();
  drop_queue(stream);
  let_go(stream, stream.heads);
  streams_.erase(it);
  if (closed) return;
  closed_.add(id, peer_ended ? ClosedStreams::How::Ended : ClosedStreams::How::WeReset);
  if (!peer_ended) flood_guard_.reset_early();
  check(
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code)));
}

void H2Core::cut(StreamId id, H2Error code) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->machine.cut()) return;
  // No head was given, or the end was.
  if (!stream->machine.can(Move::BodyBreaks)) {
    reset(id, code);
    return;
  }
  move(*stream, Move::BodyBreaks);
  stream->cut_code = code;
  cuts_.push_back(id);
}

// ---- heads that wait

// False: no room. A small one has always room, so that what does not fit can be answered.
bool H2Core::hold(Stream& stream, std::size_t heads) {
  if (heads > kSmallHead && held_heads_ + heads > limits_.held_heads) return false;
  stream.heads += heads;
  held_heads_ += heads;
  return true;
}

void H2Core::let_go(Stream& stream, std::size_t heads) {
  heads = std::min(heads, stream.heads);
  stream.heads -= heads;
  release(heads);
}

void H2Core::release(std::size_t n) { held_heads_ -= std::min(n, held_heads_); }

// False: no room. Nothing has changed then.
bool H2Core::hold_trailers(Stream& stream, std::optional<Fields> trailers) {
  if (!trailers || trailers->empty()) return true;
  if (!hold(stream, trailers->list_size())) return false;
  stream.trailers = std::move(trailers);
  return true;
}

// ---- answers that come before their request's end

// RFC 9113 section 8.1; H2Limits::linger says why. For the application the stream is over.
void H2Core::begin_linger(StreamId id, Stream& stream) {
  move(stream, Move::Lingers);
  stream.linger.until = now_ + limits_.linger;
  stream.linger.end = now_ + limits_.linger_most;
  lingering_.push_back(id);
  events_.emplace_back(H2Closed{id});
  if (const std::size_t unread = std::exchange(stream.unread, 0); unread > 0) {
    discard(id, stream, unread);
  }
}

// Bytes that are thrown away become window again, as fast as the connection may have that; beyond a
// stream's bound its window stays shut.
void H2Core::discard(StreamId id, Stream& stream, std::size_t n) {
  Linger& linger = stream.linger;
  linger.until = std::min(now_ + limits_.linger, linger.end);
  linger.thrown_away += n;
  check(nghttp2_session_consume_connection(session_, n));
  if (linger.thrown_away > limits_.linger_bytes) return;
  linger.owed += n;
  pay_owed(id, stream);
}

// A stream whose window is shut by us alone is not silent: it lingers on.
void H2Core::pay_owed(StreamId id, Stream& stream) {
  Linger& linger = stream.linger;
  if (flood_guard_.discard(linger.owed, now_)) {
    check(nghttp2_session_consume_stream(session_, id, std::exchange(linger.owed, 0)));
    linger.until = std::min(now_ + limits_.linger, linger.end);
  } else {
    linger.owed_until = now_ + kOwedPause;
    linger.until = linger.end;
  }
}

std::optional<H2Core::TimePoint> H2Core::due() const {
  std::optional<TimePoint> first;
  for (const StreamId id : lingering_) {
    const auto at = streams_.find(id);
    if (at == streams_.end()) continue;
    const Linger& linger = at->second->linger;
    TimePoint until = linger.until;
    if (linger.owed > 0) until = std::min(until, linger.owed_until);
    if (!first || until < *first) first = until;
  }
  return first;
}

void H2Core::end_linger() {
  if (lingering_.empty()) return;
  std::erase_if(lingering_, [this](StreamId id) {
    Stream* stream = find(id);
    if (stream == nullptr) return true;
    const Linger& linger = stream->linger;
    if (linger.owed > 0 && linger.owed_until <= now_) pay_owed(id, *stream);
    if (linger.until > now_) return false;
    check(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR));
    return true;
  });
}

// Once nothing else can be sent: streams whose body broke. Sent any earlier, the library would drop
// what is queued for them.
bool H2Core::flush_resets() {
  bool any = false;
  for (const StreamId id : std::exchange(cuts_, {})) {
    const Stream* stream = find(id);
    if (stream == nullptr) continue;
    check(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id,
                                    static_cast<std::uint32_t>(stream->cut_code)));
    any = true;
  }
  return any;
}

// ---- streams that are over

void H2Core::on_stream_closed(StreamId id, std::uint32_t code) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  Stream& stream = *it->second;
  const bool by_peer = stream.machine.peer_reset();
  const bool proper = code == NGHTTP2_NO_ERROR && !by_peer;
  drop_queue(stream);
  let_go(stream, stream.heads);
  if (by_peer) {
    closed_.add(id, ClosedStreams::How::PeerReset);
  } else if (stream.machine.peer_ended()) {
    closed_.add(id, ClosedStreams::How::Ended);
  } else {
    closed_.add(id, ClosedStreams::How::WeReset);
    flood_guard_.reset_early();
  }
  if (stream.machine.lingers()) {
    streams_.erase(it);
    return;
  }
  if (proper) {
    events_.emplace_back(H2Closed{id});
    move(stream, Move::Closes);
    // Unread bytes keep the connection's window down until the application reads them.
    if (stream.unread > 0) return;
  } else {
    if (stream.unread > 0) check(nghttp2_session_consume_connection(session_, stream.unread));
    const bool unheard_of = role_ == Role::Server && !stream.announced;
    const bool unprocessed =
        role_ == Role::Client && code == NGHTTP2_REFUSED_STREAM && !stream.final_head;
    if (stream.machine.cut() && !by_peer) {
      events_.emplace_back(H2Closed{id});
    } else if (!unheard_of) {
      events_.emplace_back(H2Reset{id, code, by_peer, unprocessed});
    }
  }
  streams_.erase(it);
}

// The library refused a request before it reported it.
void H2Core::on_refused_frame(const nghttp2_frame& frame) {
  const StreamId id = frame.hd.stream_id;
  if (role_ == Role::Client || frame.hd.type != NGHTTP2_HEADERS || find_any(id) != nullptr) return;
  closed_.add(id, ClosedStreams::How::WeReset);
  flood_guard_.reset_early();
}

FloodGuard::Worth H2Core::judge(StreamId id, bool first) {
  using enum FloodGuard::Worth;
  if (id == 0) return refuse_frame("a frame is on no stream", H2Error::ProtocolError);
  const Stream* stream = find(id);
  if (stream != nullptr) return stream->machine.lingers() ? Nothing : Useful;
  // Opens a stream, or is on one that was never opened: the library knows what to do with both.
  const bool ours = (id & 1) == (role_ == Role::Client ? 1 : 0);
  if (role_ == Role::Client) {
    const auto next = static_cast<StreamId>(nghttp2_session_get_next_stream_id(session_));
    if (!ours || id >= next) return Useful;
  } else {
    if (ours) return Useful;
    if (id > highest_) {
      highest_ = id;
      return Useful;
    }
  }
  if (!first) return Unknown;
  switch (closed_.find(id)) {
    case ClosedStreams::How::Ended:
      return refuse_frame("a frame on a stream that has ended", H2Error::StreamClosed);
    case ClosedStreams::How::PeerReset:
      check(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED));
      return Late;
    case ClosedStreams::How::Unused:
      // After our GOAWAY the library passes over new streams without a word (section 6.8).
      if (goaway_sent_) return Late;
      return refuse_frame("a stream's number is lower than one before", H2Error::ProtocolError);
    case ClosedStreams::How::WeReset:
    case ClosedStreams::How::Forgotten:
      break;
  }
  return Late;
}

// A reset is cheap to send and dear to us only where the peer pays nothing before it: an answer
// that has begun cost it a round trip to the origin, and a stream that was open for long kept its
// place among the few that may be open.
FloodGuard::ResetPrice H2Core::price_of_reset(StreamId id) {
  using enum FloodGuard::ResetPrice;
  Stream* stream = find(id);
  // One that lingers had a whole answer, which has paid (FloodGuard::answered).
  if (role_ == Role::Client || stream == nullptr || stream->machine.lingers()) return Full;
  if (std::exchange(stream->reset_seen, true)) return Full;
  if (stream->answering || now_ - stream->opened >= limits_.flood.reset_free_after) return None;
  return stream->taken ? Begun : Full;
}

void H2Core::depends_on_itself() {
  static_cast<void>(refuse_frame("a stream depends on itself", H2Error::ProtocolError));
}

FloodGuard::Worth H2Core::refuse_frame(const char* what, H2Error code) {
  refused_frame_.emplace(peer_failure(what), code);
  return FloodGuard::Worth::Refused;
}

// ---- received bodies

void H2Core::append_data(StreamId id, ByteView data) {
  // One event for what came in one go.
  if (next_event_ < events_.size()) {
    auto* last = std::get_if<H2Data>(&events_.back());
    if (last != nullptr && last->stream == id && !last->end) {
      last->data.append(data);
      return;
    }
  }
  events_.emplace_back(H2Data{id, Bytes(data), false});
}

void H2Core::end_data(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return;
  move(*stream, Move::PeerEnds);
  if (stream->machine.lingers()) return;
  if (next_event_ < events_.size()) {
    auto* last = std::get_if<H2Data>(&events_.back());
    if (last != nullptr && last->stream == id) {
      last->end = true;
      return;
    }
  }
  events_.emplace_back(H2Data{id, Bytes(), true});
}

void H2Core::on_data(StreamId id, ByteView data) {
  Stream* stream = find(id);
  if (stream == nullptr) {
    check(nghttp2_session_consume_connection(session_, data.size()));
    return;
  }
  if (stream->machine.lingers()) {
    discard(id, *stream, data.size());
    return;
  }
  stream->unread += data.size();
  append_data(id, data);
}

}  // namespace bottle
