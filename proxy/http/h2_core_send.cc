// The sending half of H2Core: heads, bodies, resets, and the one function that fills a buffer.
#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/http/h2_core.h"

namespace bottle {
namespace {

constexpr std::size_t kFrameHeader = 9;
// Less than this is not worth starting a frame for.
constexpr std::size_t kLeastSpace = 512;
// Read ahead of the peer's window: so little that it costs nothing, but bytes that wait tell a
// client that does not read from a stream that has nothing to say (slow read, threat T57 in
// docs/threats.md).
constexpr std::size_t kPrefetch = 2048;
// Smaller pieces are not read while something is queued (silly window).
constexpr std::size_t kLeastRoom = 1024;

std::size_t list_size(const nghttp2_headers& frame) {
  std::size_t size = 32 * frame.nvlen;
  for (std::size_t i = 0; i < frame.nvlen; ++i)
    size += frame.nva[i].namelen + frame.nva[i].valuelen;
  return size;
}

}  // namespace

Result<void> H2Core::submit_head(StreamId id, const ResponseHead& head, bool end) {
  Stream* stream = find(id);
  const Move head_move = end ? Move::HeadEnds : Move::HeadGoes;
  if (stream == nullptr || !stream->machine.can(head_move)) return {};
  list_.begin(head);
  list_.add_length(head.content_length);
  const auto* nva = list_.build();
  if (nva == nullptr || head.status < 200 || head.status > 999) {
    return Failure{Code::Internal, "a response head cannot be written as HTTP/2"};
  }
  if (!hold(*stream, list_.size())) {
    return Failure{Code::Overloaded, "the client leaves too many answers untaken"};
  }
  const nghttp2_data_provider provider = body_provider();
  const int rv =
      nghttp2_submit_response(session_, id, nva->data(), nva->size(), end ? nullptr : &provider);
  if (rv != 0) return Failure{Code::Internal, nghttp2_strerror(rv)};
  move(*stream, head_move);
  return {};
}

Result<void> H2Core::submit_interim(StreamId id, const ResponseHead& head) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->machine.sending() != Sending::Head) return {};
  list_.begin(head);
  const auto* nva = list_.build();
  if (nva == nullptr || head.status < 100 || head.status > 199 || head.status == 101) {
    return Failure{Code::Internal, "an interim head cannot be written as HTTP/2"};
  }
  if (!hold(*stream, list_.size())) {
    return Failure{Code::Overloaded, "the client leaves too many heads untaken"};
  }
  const int rv = nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, nva->data(),
                                        nva->size(), nullptr);
  if (rv != 0) return Failure{Code::Internal, nghttp2_strerror(rv)};
  return {};
}

void H2Core::check(int result) noexcept {
  if (nghttp2_is_fatal(result) == 0) return;
  if (!dead_) dead_ = out_of_memory();
}

Result<void> H2Core::fail(Failure failure, H2Error code) {
  if (!dead_) {
    if (role_ == Role::Client) failure.code = Code::UpstreamBroken;
    dead_ = std::move(failure);
    const int told = nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code));
    stuck_ = stuck_ || nghttp2_is_fatal(told) != 0;
  }
  return *dead_;
}

bool H2Core::has_capacity() const {
  if (dead_ || goaway_received_ || goaway_sent_) return false;
  // The origin takes none of the heads that are there already.
  if (held_heads_ >= limits_.held_heads) return false;
  if (nghttp2_session_check_request_allowed(session_) == 0) return false;
  const std::uint32_t theirs =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return streams_.size() < std::min<std::size_t>(limits_.streams, theirs);
}

bool H2Core::takes_tunnels() const {
  return settings_came_ && nghttp2_session_get_remote_settings(
                               session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

Result<StreamId> H2Core::submit_request(const RequestHead& head, bool end) {
  if (!has_capacity()) {
    return Failure{Code::Overloaded, "the HTTP/2 connection takes no more requests"};
  }
  list_.clear();
  const bool tunnel = !head.protocol.empty();
  if (tunnel && !takes_tunnels()) {
    return Failure{Code::Internal, "the peer takes no request for a tunnel"};
  }
  list_.add(":method", tunnel ? std::string_view("CONNECT") : head.method);
  if (tunnel) list_.add(":protocol", head.protocol);
  list_.add(":scheme", to_string(head.scheme));
  list_.add(":authority", head.authority);
  list_.add(":path", head.target);
  list_.add(head.fields);
  // RFC 9113 section 8.2.2: the one thing that TE may say. gRPC servers refuse calls without it.
  if (head.takes_trailers) list_.add("te", "trailers");
  list_.add_length(head.content_length);
  const auto* nva = list_.build();
  if (nva == nullptr || head.method.empty() || head.target.empty()) {
    return Failure{Code::Internal, "a request head cannot be written as HTTP/2"};
  }
  const nghttp2_data_provider provider = body_provider();
  auto stream = std::make_unique<Stream>();
  stream->announced = true;
  // Nothing may throw once the library has the request.
  const auto next = static_cast<StreamId>(nghttp2_session_get_next_stream_id(session_));
  const auto at = streams_.try_emplace(next).first;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, nva->data(), nva->size(),
                                                 end ? nullptr : &provider, nullptr);
  if (id < 0) {
    streams_.erase(at);
    return Failure{Code::Overloaded, nghttp2_strerror(id)};
  }
  move(*stream, end ? Move::HeadEnds : Move::HeadGoes);
  stream->heads = list_.size();
  held_heads_ += stream->heads;
  at->second = std::move(stream);
  return id;
}

void H2Core::offer(StreamId id, Chunk chunk) {
  Stream* stream = find(id);
  if (stream == nullptr || !stream->machine.takes_body()) return;
  if (chunk.data.empty() && !chunk.end) return;
  const bool was_dry = stream->machine.sending() == Sending::Dry;
  if (!chunk.data.empty()) {
    const std::size_t n = chunk.data.size();
    stream->queue.push(std::move(chunk.data));
    queued_ += n;
  }
  if (chunk.end && !hold_trailers(*stream, std::move(chunk.trailers))) {
    // Without them the body would look whole and not be so.
    cut(id, H2Error::EnhanceYourCalm);
    return;
  }
  move(*stream, chunk.end ? Move::BodyEnds : Move::PieceGoes);
  if (was_dry) check(nghttp2_session_resume_data(session_, id));
}

std::size_t H2Core::room_of(StreamId id, const Stream& stream) const {
  if (!stream.machine.takes_body()) return 0;
  const auto left = [](std::size_t limit, std::size_t used) {
    return limit > used ? limit - used : 0;
  };
  const auto window = [](std::int32_t size) {
    return size > 0 ? static_cast<std::size_t>(size) : std::size_t{0};
  };
  // -1: the stream is not known to the library yet, its head still waits to be sent.
  std::int32_t stream_window = nghttp2_session_get_stream_remote_window_size(session_, id);
  if (stream_window < 0) {
    stream_window = static_cast<std::int32_t>(
        nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE));
  }
  std::size_t room =
      std::min(left(window(stream_window), stream.queue.size()),
               left(window(nghttp2_session_get_remote_window_size(session_)), queued_));
  if (room < kLeastRoom && stream.queue.size() > 0) room = 0;
  room = std::max(room, left(kPrefetch, stream.queue.size()));
  room = std::min(room, left(limits_.stream_queue, stream.queue.size()));
  return std::min(room, left(limits_.connection_queue, queued_));
}

std::size_t H2Core::room(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return 0;
  const std::size_t room = room_of(id, *stream);
  if (room == 0 && !stream->starved && stream->machine.takes_body()) {
    stream->starved = true;
    starved_.push_back(id);
  }
  return room;
}

void H2Core::wake_starved() {
  if (starved_.empty()) return;
  std::erase_if(starved_, [this](StreamId id) {
    Stream* stream = find(id);
    if (stream == nullptr) return true;
    if (room_of(id, *stream) == 0) return false;
    stream->starved = false;
    events_.emplace_back(H2Writable{id});
    return true;
  });
}

void H2Core::shutdown_notice() {
  if (role_ == Role::Server) check(nghttp2_submit_shutdown_notice(session_));
}

void H2Core::goaway(H2Error code) {
  goaway_sent_ = true;
  check(nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                              nghttp2_session_get_last_proc_stream_id(session_),
                              static_cast<std::uint32_t>(code), nullptr, 0));
}

void H2Core::terminate(H2Error code) {
  goaway_sent_ = true;
  check(nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code)));
}

ssize_t H2Core::read_body(StreamId id, std::size_t length, std::uint32_t& flags) {
  Stream* stream = find(id);
  // Reset by the application: the RST_STREAM is queued and overtakes this.
  if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;
  const bool end_given = stream->machine.sending() == Sending::Ended;
  if (stream->queue.size() == 0 && !end_given) {
    move(*stream, Move::RunsDry);
    return NGHTTP2_ERR_DEFERRED;
  }
  const std::size_t space = out_.size() - out_size_;
  const std::size_t want = std::min(length, stream->queue.size());
  if (space < kFrameHeader + std::min(want, kLeastSpace)) {
    paused_ = true;
    return NGHTTP2_ERR_PAUSE;
  }
  const std::size_t n = std::min(want, space - kFrameHeader);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n == stream->queue.size() && end_given) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trailers) {
      list_.clear();
      list_.add(*stream->trailers);
      const auto* nva = list_.build();
      // Trailers that cannot be sent are not worth a broken body.
      if (nva != nullptr && !nva->empty()) {
        flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        if (nghttp2_submit_trailer(session_, id, nva->data(), nva->size()) != 0) {
          return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
      }
      stream->trailers.reset();
    }
  }
  return static_cast<ssize_t>(n);
}

int H2Core::write_data(StreamId id, const std::uint8_t* frame_header, std::size_t length) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->queue.size() < length ||
      out_.size() - out_size_ < kFrameHeader + length) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  char* to = out_.data() + out_size_;
  std::memcpy(to, frame_header, kFrameHeader);
  to += kFrameHeader;
  out_size_ += kFrameHeader + length;
  queued_ -= length;
  flood_guard_.progress(length);
  stream->queue.take_into(to, length);
  return 0;
}

void H2Core::on_frame_sent(const nghttp2_frame& frame) {
  const StreamId id = frame.hd.stream_id;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      if (Stream* stream = find(id)) {
        let_go(*stream, list_size(frame.headers));
        // An interim head that is sent before the answer's is no answer.
        stream->answering = stream->machine.sending() != Sending::Head;
      }
      [[fallthrough]];
    case NGHTTP2_DATA:
      if (role_ == Role::Client) flood_guard_.requested();
      if (role_ == Role::Server && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        flood_guard_.answered();
        Stream* stream = find(id);
        if (stream != nullptr && !stream->machine.peer_ended()) begin_linger(id, *stream);
      }
      break;
    case NGHTTP2_RST_STREAM: {
      const Stream* stream = find(id);
      // An answer that came early, and a body that broke upstream, are not this peer's doing.
      const bool blameless = frame.rst_stream.error_code == NGHTTP2_NO_ERROR ||
                             frame.rst_stream.error_code == NGHTTP2_CANCEL ||
                             (stream != nullptr && stream->machine.cut());
      if (!blameless) flood_guard_.our_reset(now_);
      break;
    }
    default:
      break;
  }
}

std::size_t H2Core::fill(ByteSpan out, TimePoint now) {
  now_ = now;
  out_ = out;
  end_linger();
  out_size_ = std::min(carry_.size(), out.size());
  std::memcpy(out.data(), carry_.data(), out_size_);
  carry_.erase(0, out_size_);
  while (carry_.empty() && out_.size() - out_size_ >= kLeastSpace) {
    // Not so after a GOAWAY that ends the session, where the library itself would go on.
    if (nghttp2_session_want_write(session_) == 0) {
      if (!flush_resets()) break;
      continue;
    }
    paused_ = false;
    const std::uint8_t* data = nullptr;
    const ssize_t n = nghttp2_session_mem_send(session_, &data);
    if (n < 0) {
      if (!dead_) dead_ = failure_without_fail(Code::Internal, "HTTP/2 cannot be written");
      stuck_ = true;
      break;
    }
    if (n == 0) {
      if (paused_ || !flush_resets()) break;
      continue;
    }
    const auto size = static_cast<std::size_t>(n);
    const std::size_t fits = std::min(size, out_.size() - out_size_);
    std::memcpy(out_.data() + out_size_, data, fits);
    out_size_ += fits;
    if (fits < size) carry_.assign(reinterpret_cast<const char*>(data) + fits, size - fits);
  }
  if (flood_guard_.tripped() && !dead_) {
    static_cast<void>(fail(*flood_guard_.tripped(), H2Error::EnhanceYourCalm));
  }
  wake_starved();
  out_ = ByteSpan();
  return std::exchange(out_size_, 0);
}

std::size_t H2Core::queued(StreamId id) const {
  const auto it = streams_.find(id);
  return it == streams_.end() ? 0 : it->second->queue.size();
}

bool H2Core::wants_write() const {
  return !carry_.empty() || nghttp2_session_want_write(session_) != 0 || !cuts_.empty();
}

bool H2Core::congested() const {
  return nghttp2_session_get_outbound_queue_size(session_) >= limits_.control_queue / 2;
}

bool H2Core::done() const {
  if (stuck_) return true;
  if (!carry_.empty()) return false;
  if (nghttp2_session_want_write(session_) != 0) return false;
  return dead_ || nghttp2_session_want_read(session_) == 0;
}

}  // namespace bottle
