#include "proxy/http/h2_common.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kFrameHeader = 9;
constexpr std::size_t kPreface = 24;
// Less than this is not worth starting a frame for.
constexpr std::size_t kLeastSpace = 512;
// Read ahead of the peer's window: so little that it costs nothing, but bytes that wait tell a
// client that does not read from a stream that has nothing to say (slow read, threat 57).
constexpr std::size_t kPrefetch = 2048;
// Smaller pieces are not read while something is queued (silly window).
constexpr std::size_t kLeastRoom = 1024;
constexpr std::size_t kFieldOverhead = 32;

ByteView view(const std::uint8_t* data, std::size_t size) {
  return ByteView(reinterpret_cast<const char*>(data), size);
}

const std::uint8_t* bytes(const char* data) { return reinterpret_cast<const std::uint8_t*>(data); }

bool forbidden(std::string_view name, std::string_view value, bool request) {
  switch (name.size()) {
    case 2:
      return name == "te" && !(request && iequals(value, "trailers"));
    case 4:
      return name == "host";
    case 7:
      return name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 14:
      return name == "content-length";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

}  // namespace

void H2FieldList::clear() {
  bytes_.clear();
  entries_.clear();
  bad_ = false;
}

void H2FieldList::add(std::string_view name, std::string_view value) {
  value = trim_ows(value);
  if (name.empty() || nghttp2_check_header_value(bytes(value.data()), value.size()) == 0) {
    bad_ = true;
    return;
  }
  entries_.push_back(Entry{bytes_.size(), name.size(), bytes_.size() + name.size(), value.size()});
  bytes_.append(name);
  bytes_.append(value);
}

void H2FieldList::add(const Fields& fields, bool request) {
  for (const Field field : fields) {
    const std::size_t at = bytes_.size();
    const std::size_t count = entries_.size();
    add(field.name, field.value);
    if (bad_) return;
    char* name = bytes_.data() + at;
    for (std::size_t i = 0; i < field.name.size(); ++i) {
      if (name[i] >= 'A' && name[i] <= 'Z') name[i] = static_cast<char>(name[i] - 'A' + 'a');
    }
    const std::string_view lower(name, field.name.size());
    if (lower.front() == ':' || nghttp2_check_header_name(bytes(name), lower.size()) == 0) {
      bad_ = true;
      return;
    }
    if (forbidden(lower, trim_ows(field.value), request)) {
      bytes_.resize(at);
      entries_.resize(count);
    }
  }
}

void H2FieldList::add_length(std::optional<std::uint64_t> length) {
  if (!length) return;
  std::array<char, 20> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *length);
  add("content-length",
      std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data())));
}

const std::vector<nghttp2_nv>* H2FieldList::build() {
  if (bad_) return nullptr;
  nva_.clear();
  auto* base = reinterpret_cast<std::uint8_t*>(bytes_.data());
  for (const Entry& e : entries_) {
    nva_.push_back(
        nghttp2_nv{base + e.name, base + e.value, e.name_size, e.value_size, NGHTTP2_NV_FLAG_NONE});
  }
  return &nva_;
}

// Nothing may throw through the library: the only thing that can is memory running out, and that
// ends the connection.
struct H2Core::Callbacks {
  template <class F>
  static int guarded(void* user, F function) noexcept {
    auto* core = static_cast<H2Core*>(user);
    try {
      return function(*core);
    } catch (...) {
      core->callback_failed_ = true;
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded(user, [frame](H2Core& core) {
      core.on_begin_block(*frame);
      return 0;
    });
  }
  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    return guarded(user, [=](H2Core& core) {
      return core.on_field(view(name, name_size), view(value, value_size));
    });
  }
  static int frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded(user, [frame](H2Core& core) {
      core.on_frame(*frame);
      return 0;
    });
  }
  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t stream,
                        const std::uint8_t* data, std::size_t size, void* user) {
    return guarded(user, [=](H2Core& core) {
      core.on_data(stream, view(data, size));
      return 0;
    });
  }
  static int frame_send(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded(user, [frame](H2Core& core) {
      core.on_frame_sent(*frame);
      return 0;
    });
  }
  static int stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    return guarded(user, [=](H2Core& core) {
      core.on_stream_closed(stream, code);
      return 0;
    });
  }
  static ssize_t read(nghttp2_session*, std::int32_t stream, std::uint8_t*, std::size_t length,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    ssize_t result = NGHTTP2_ERR_CALLBACK_FAILURE;
    guarded(user, [&](H2Core& core) {
      result = core.read_body(stream, length, *flags);
      return 0;
    });
    return result;
  }
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header,
                       std::size_t length, nghttp2_data_source*, void* user) {
    return guarded(
        user, [=](H2Core& core) { return core.write_data(frame->hd.stream_id, header, length); });
  }
};

H2Core::H2Core(Role role, const H2Limits& limits, TimePoint now)
    : role_(role),
      limits_(limits),
      guard_(limits.flood, role == Role::Server ? kPreface : 0, now),
      now_(now) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0) {
    nghttp2_session_callbacks_del(callbacks);
    throw std::bad_alloc();
  }
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_recv);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data_chunk);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_close);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::send_data);

  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_continuations(option, limits_.flood.continuations);
  nghttp2_option_set_max_outbound_ack(option, limits_.control_queue);
  nghttp2_option_set_max_deflate_dynamic_table_size(option, limits_.header_table);
  // Real clients send values with a trailing space; it is taken off, as h1 does (RFC 9110 5.5).
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
  const int made = role == Role::Server
                       ? nghttp2_session_server_new2(&session_, callbacks, this, option)
                       : nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) throw std::bad_alloc();

  std::array<nghttp2_settings_entry, 5> settings{{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.header_bytes)},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits_.header_table},
  }};
  std::size_t count = 3;
  if (role == Role::Server) {
    settings[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams};
    // Without dependency trees there is nothing to attack in them.
    settings[count++] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
  } else {
    settings[count++] = {NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  }
  if (nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), count) != 0 ||
      nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(limits_.connection_window)) !=
          0) {
    nghttp2_session_del(session_);
    throw std::bad_alloc();
  }
}

H2Core::~H2Core() { nghttp2_session_del(session_); }

H2Core::Stream* H2Core::find_any(StreamId id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
}

H2Core::Stream* H2Core::find(StreamId id) {
  Stream* stream = find_any(id);
  return stream == nullptr || stream->closed ? nullptr : stream;
}

Failure H2Core::peer_failure(const char* what) const {
  return Failure{role_ == Role::Server ? Code::ClientBad : Code::UpstreamBroken, what};
}

Result<void> H2Core::fail(Failure failure, H2Error code) {
  if (!dead_) {
    if (role_ == Role::Client) failure.code = Code::UpstreamBroken;
    dead_ = std::move(failure);
    nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code));
  }
  return *dead_;
}

// ---- receiving

Result<void> H2Core::receive(ByteView in, TimePoint now) {
  if (dead_) return *dead_;
  now_ = now;
  const std::size_t allowed = guard_.inspect(in, now);
  const ssize_t n = nghttp2_session_mem_recv(session_, bytes(in.data()), allowed);
  wake_starved();
  if (n < 0) {
    if (callback_failed_ || n == NGHTTP2_ERR_NOMEM) {
      return fail(Failure{Code::Internal, "out of memory in an HTTP/2 connection"},
                  H2Error::InternalError);
    }
    if (n == NGHTTP2_ERR_FLOODED) {
      return fail(Failure{Code::ClientFlood, "the peer does not read the answers to its frames"},
                  H2Error::EnhanceYourCalm);
    }
    return fail(peer_failure(nghttp2_strerror(static_cast<int>(n))), H2Error::ProtocolError);
  }
  if (guard_.tripped()) return fail(*guard_.tripped(), H2Error::EnhanceYourCalm);
  if (nghttp2_session_get_outbound_queue_size(session_) > limits_.control_queue) {
    return fail(Failure{Code::ClientFlood, "the peer leaves too many frames unread"},
                H2Error::EnhanceYourCalm);
  }
  return {};
}

std::optional<H2Event> H2Core::next_event() {
  while (next_event_ < events_.size()) {
    H2Event& event = events_[next_event_++];
    if (role_ == Role::Server) {
      // A request that was reset before anyone heard of it never was (rapid reset).
      if (auto* request = std::get_if<H2Request>(&event)) {
        Stream* stream = find(request->stream);
        if (stream == nullptr) continue;
        stream->announced = true;
      } else if (const auto* data = std::get_if<H2Data>(&event)) {
        if (find_any(data->stream) == nullptr) continue;
      }
    }
    return std::optional<H2Event>(std::move(event));
  }
  events_.clear();
  next_event_ = 0;
  return std::nullopt;
}

void H2Core::on_begin_block(const nghttp2_frame& frame) {
  const StreamId id = frame.hd.stream_id;
  block_.bytes = 0;
  block_.fields = 0;
  block_.too_large = false;
  block_.bad_scheme = false;
  if (role_ == Role::Server && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    streams_.emplace(id, std::make_unique<Stream>());
    block_.kind = Block::Kind::Request;
    block_.request = RequestHead{};
    block_.request.version = Version::Http2;
    return;
  }
  const Stream* stream = find(id);
  if (role_ == Role::Client && stream != nullptr && !stream->final_head) {
    block_.kind = Block::Kind::Response;
    block_.response = ResponseHead{};
    block_.response.version = Version::Http2;
    return;
  }
  block_.kind = Block::Kind::Trailers;
  block_.trailers.clear();
}

int H2Core::on_field(ByteView name, ByteView value) {
  block_.bytes += name.size() + value.size() + kFieldOverhead;
  // Every field counts, also those that become members of the head.
  if (++block_.fields > limits_.header_fields || block_.bytes > limits_.header_bytes) {
    block_.too_large = true;
  }
  // Nothing of it is kept any more; the library must still decode it, for HPACK's sake.
  if (block_.too_large) return 0;
  value = trim_ows(value);
  switch (block_.kind) {
    case Block::Kind::Request:
      if (name.front() != ':') {
        block_.request.fields.add(name, value);
      } else if (name == ":method") {
        block_.request.method = value;
      } else if (name == ":path") {
        block_.request.target = value;
      } else if (name == ":authority") {
        block_.request.authority = value;
      } else if (name == ":scheme") {
        block_.request.scheme = value == "https" ? Scheme::Https : Scheme::Http;
        block_.bad_scheme = value != "https" && value != "http";
      }
      break;
    case Block::Kind::Response:
      if (name.front() != ':') {
        block_.response.fields.add(name, value);
      } else if (name == ":status") {
        // The library let three digits through.
        std::from_chars(value.data(), value.data() + value.size(), block_.response.status);
      }
      break;
    case Block::Kind::Trailers:
      block_.trailers.add(name, value);
      break;
    case Block::Kind::None:
      break;
  }
  return 0;
}

void H2Core::on_block_end(const nghttp2_frame& frame) {
  const StreamId id = frame.hd.stream_id;
  const bool end = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  Stream* stream = find(id);
  const Block::Kind kind = std::exchange(block_.kind, Block::Kind::None);
  if (stream == nullptr) return;
  stream->peer_ended = stream->peer_ended || end;
  if (kind == Block::Kind::Request) {
    // Round robin for all streams: one that is large does not hold up one that is live.
    const nghttp2_extpri fair{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    nghttp2_session_change_extpri_stream_priority(session_, id, &fair, 1);
    H2Request request{id, std::move(block_.request), end, std::nullopt};
    request.head.has_body = !end;
    if (block_.too_large) {
      guard_.our_reset(now_);  // an answer instead of a reset, at the same price
      request.refused = Failure{Code::HeadTooLarge, "the request's head is over the limit"};
    } else if (block_.bad_scheme) {
      request.refused = Failure{Code::ClientBad, "the request's scheme is neither http nor https"};
    }
    events_.emplace_back(std::move(request));
    return;
  }
  if (block_.too_large) {
    refuse(id, H2Error::EnhanceYourCalm);
    return;
  }
  if (kind == Block::Kind::Trailers) {
    events_.emplace_back(H2Trailers{id, std::move(block_.trailers)});
    block_.trailers = Fields{};
    return;
  }
  if (block_.response.status < 100) {
    // Three digits, so the library takes "001" for a final status.
    refuse(id, H2Error::ProtocolError);
    return;
  }
  if (block_.response.status < 200) {
    if (++stream->interim > limits_.interim_heads) {
      refuse(id, H2Error::EnhanceYourCalm);
      return;
    }
    events_.emplace_back(H2Interim{id, std::move(block_.response)});
    return;
  }
  stream->final_head = true;
  block_.response.has_body = !end;
  events_.emplace_back(H2Response{id, std::move(block_.response), end});
}

void H2Core::refuse(StreamId id, H2Error code) {
  events_.emplace_back(H2Reset{id, static_cast<std::uint32_t>(code), false, false});
  reset(id, code);
}

void H2Core::on_frame(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      on_block_end(frame);
      break;
    case NGHTTP2_DATA:
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) end_data(frame.hd.stream_id);
      break;
    case NGHTTP2_RST_STREAM:
      if (Stream* stream = find(frame.hd.stream_id)) stream->reset_by_peer = true;
      break;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) settings_acked_ = true;
      break;
    case NGHTTP2_GOAWAY:
      goaway_received_ = true;
      events_.emplace_back(H2GoAway{frame.goaway.last_stream_id, frame.goaway.error_code});
      break;
    default:
      break;
  }
}

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
  stream->peer_ended = true;
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
    nghttp2_session_consume_connection(session_, data.size());
    return;
  }
  stream->unread += data.size();
  append_data(id, data);
}

void H2Core::on_stream_closed(StreamId id, std::uint32_t code) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  Stream& stream = *it->second;
  const bool proper = code == NGHTTP2_NO_ERROR && !stream.reset_by_peer;
  drop_queue(stream);
  if (proper) {
    events_.emplace_back(H2Closed{id});
    stream.closed = true;
    // What the application has not read yet keeps the connection's window down until it has.
    if (stream.unread > 0) return;
  } else {
    if (stream.unread > 0) nghttp2_session_consume_connection(session_, stream.unread);
    const bool unheard_of = role_ == Role::Server && !stream.announced;
    const bool unprocessed =
        role_ == Role::Client && code == NGHTTP2_REFUSED_STREAM && !stream.final_head;
    if (stream.cut && !stream.reset_by_peer) {
      events_.emplace_back(H2Closed{id});
    } else if (!unheard_of) {
      events_.emplace_back(H2Reset{id, code, stream.reset_by_peer, unprocessed});
    }
  }
  streams_.erase(it);
}

// ---- sending

Result<void> H2Core::submit_head(StreamId id, const ResponseHead& head, bool end) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->head_sent) return {};
  list_.clear();
  std::array<char, 12> status{};
  const auto to = std::to_chars(status.data(), status.data() + status.size(), head.status);
  list_.add(":status",
            std::string_view(status.data(), static_cast<std::size_t>(to.ptr - status.data())));
  list_.add(head.fields, false);
  list_.add_length(head.content_length);
  const auto* nva = list_.build();
  if (nva == nullptr || head.status < 200 || head.status > 999) {
    return Failure{Code::Internal, "a response head cannot be written as HTTP/2"};
  }
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read;
  const int rv =
      nghttp2_submit_response(session_, id, nva->data(), nva->size(), end ? nullptr : &provider);
  if (rv != 0) return Failure{Code::Internal, nghttp2_strerror(rv)};
  stream->head_sent = true;
  stream->offered_end = end;
  return {};
}

Result<void> H2Core::submit_interim(StreamId id, const ResponseHead& head) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->head_sent) return {};
  list_.clear();
  std::array<char, 12> status{};
  const auto to = std::to_chars(status.data(), status.data() + status.size(), head.status);
  list_.add(":status",
            std::string_view(status.data(), static_cast<std::size_t>(to.ptr - status.data())));
  list_.add(head.fields, false);
  const auto* nva = list_.build();
  if (nva == nullptr || head.status < 100 || head.status > 199 || head.status == 101) {
    return Failure{Code::Internal, "an interim head cannot be written as HTTP/2"};
  }
  const int rv = nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, id, nullptr, nva->data(),
                                        nva->size(), nullptr);
  if (rv != 0) return Failure{Code::Internal, nghttp2_strerror(rv)};
  return {};
}

bool H2Core::has_capacity() const {
  if (dead_ || goaway_received_ || goaway_sent_) return false;
  if (nghttp2_session_check_request_allowed(session_) == 0) return false;
  const std::uint32_t theirs =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return streams_.size() < std::min<std::size_t>(limits_.streams, theirs);
}

Result<StreamId> H2Core::submit_request(const RequestHead& head, bool end) {
  if (!has_capacity()) {
    return Failure{Code::Overloaded, "the HTTP/2 connection takes no more requests"};
  }
  list_.clear();
  list_.add(":method", head.method);
  list_.add(":scheme", to_string(head.scheme));
  list_.add(":authority", head.authority);
  list_.add(":path", head.target);
  list_.add(head.fields, true);
  list_.add_length(head.content_length);
  const auto* nva = list_.build();
  if (nva == nullptr || head.method.empty() || head.target.empty()) {
    return Failure{Code::Internal, "a request head cannot be written as HTTP/2"};
  }
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read;
  const std::int32_t id = nghttp2_submit_request(session_, nullptr, nva->data(), nva->size(),
                                                 end ? nullptr : &provider, nullptr);
  if (id < 0) return Failure{Code::Overloaded, nghttp2_strerror(id)};
  auto stream = std::make_unique<Stream>();
  stream->announced = true;
  stream->head_sent = true;
  stream->offered_end = end;
  streams_.emplace(id, std::move(stream));
  return id;
}

void H2Core::offer(StreamId id, Chunk chunk) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->offered_end || stream->cut) return;
  if (!chunk.data.empty()) {
    stream->queued += chunk.data.size();
    queued_ += chunk.data.size();
    stream->queue.push_back(std::move(chunk.data));
  }
  if (chunk.end) {
    stream->offered_end = true;
    if (chunk.trailers && !chunk.trailers->empty()) stream->trailers = std::move(chunk.trailers);
  }
  if (stream->deferred && (stream->queued > 0 || stream->offered_end)) {
    stream->deferred = false;
    nghttp2_session_resume_data(session_, id);
  }
}

std::size_t H2Core::room_of(StreamId id, const Stream& stream) const {
  if (stream.offered_end || stream.cut) return 0;
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
      std::min(left(window(stream_window), stream.queued),
               left(window(nghttp2_session_get_remote_window_size(session_)), queued_));
  if (room < kLeastRoom && stream.queued > 0) room = 0;
  room = std::max(room, left(kPrefetch, stream.queued));
  room = std::min(room, left(limits_.stream_queue, stream.queued));
  return std::min(room, left(limits_.connection_queue, queued_));
}

std::size_t H2Core::room(StreamId id) {
  Stream* stream = find(id);
  if (stream == nullptr) return 0;
  const std::size_t room = room_of(id, *stream);
  if (room == 0 && !stream->starved && !stream->offered_end && !stream->cut) {
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

void H2Core::consumed(StreamId id, std::size_t n) {
  Stream* stream = find_any(id);
  // What a stream left unread when it was reset was credited then.
  if (stream == nullptr) return;
  n = std::min(n, stream->unread);
  if (n == 0) return;
  stream->unread -= n;
  // The library gathers until half a window is worth an update.
  nghttp2_session_consume(session_, id, n);
  if (stream->closed && stream->unread == 0) streams_.erase(id);
}

void H2Core::drop_queue(Stream& stream) {
  queued_ -= stream.queued;
  stream.queued = 0;
  stream.queue.clear();
  stream.queue_head = 0;
  stream.piece_offset = 0;
}

void H2Core::reset(StreamId id, H2Error code) {
  const auto it = streams_.find(id);
  if (it == streams_.end()) return;
  if (it->second->unread > 0) nghttp2_session_consume_connection(session_, it->second->unread);
  const bool closed = it->second->closed;
  drop_queue(*it->second);
  streams_.erase(it);
  if (closed) return;
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code));
}

void H2Core::cut(StreamId id, H2Error code) {
  Stream* stream = find(id);
  if (stream == nullptr || stream->cut) return;
  if (!stream->head_sent || stream->offered_end) {
    reset(id, code);
    return;
  }
  stream->cut = true;
  stream->cut_code = code;
  cuts_.push_back(id);
}

void H2Core::shutdown_notice() {
  if (role_ == Role::Server) nghttp2_submit_shutdown_notice(session_);
}

void H2Core::goaway(H2Error code) {
  goaway_sent_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_),
                        static_cast<std::uint32_t>(code), nullptr, 0);
}

void H2Core::terminate(H2Error code) {
  goaway_sent_ = true;
  nghttp2_session_terminate_session(session_, static_cast<std::uint32_t>(code));
}

ssize_t H2Core::read_body(StreamId id, std::size_t length, std::uint32_t& flags) {
  Stream* stream = find(id);
  // Reset by the application: the RST_STREAM is queued and overtakes this.
  if (stream == nullptr) return NGHTTP2_ERR_DEFERRED;
  if (stream->queued == 0 && !stream->offered_end) {
    stream->deferred = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const std::size_t space = out_.size() - out_size_;
  const std::size_t want = std::min(length, stream->queued);
  if (space < kFrameHeader + std::min(want, kLeastSpace)) {
    paused_ = true;
    return NGHTTP2_ERR_PAUSE;
  }
  const std::size_t n = std::min(want, space - kFrameHeader);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (n == stream->queued && stream->offered_end) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (stream->trailers) {
      list_.clear();
      list_.add(*stream->trailers, false);
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
  if (stream == nullptr || stream->queued < length ||
      out_.size() - out_size_ < kFrameHeader + length) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  char* to = out_.data() + out_size_;
  std::memcpy(to, frame_header, kFrameHeader);
  to += kFrameHeader;
  out_size_ += kFrameHeader + length;
  stream->queued -= length;
  queued_ -= length;
  while (length > 0) {
    Bytes& piece = stream->queue[stream->queue_head];
    const std::size_t n = std::min(length, piece.size() - stream->piece_offset);
    std::memcpy(to, piece.data() + stream->piece_offset, n);
    to += n;
    length -= n;
    stream->piece_offset += n;
    if (stream->piece_offset == piece.size()) {
      piece = Bytes();
      stream->piece_offset = 0;
      ++stream->queue_head;
    }
  }
  if (stream->queue_head == stream->queue.size()) {
    stream->queue.clear();
    stream->queue_head = 0;
  }
  guard_.progress();
  return 0;
}

void H2Core::on_frame_sent(const nghttp2_frame& frame) {
  const StreamId id = frame.hd.stream_id;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA:
      if (role_ == Role::Server && (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
        guard_.answered();
        Stream* stream = find(id);
        if (stream != nullptr && !stream->peer_ended) finished_.push_back(id);
      }
      break;
    case NGHTTP2_RST_STREAM: {
      const Stream* stream = find(id);
      // An answer that came early, and a body that broke upstream, are not this peer's doing.
      const bool blameless = frame.rst_stream.error_code == NGHTTP2_NO_ERROR ||
                             frame.rst_stream.error_code == NGHTTP2_CANCEL ||
                             (stream != nullptr && stream->cut);
      if (!blameless) guard_.our_reset(now_);
      break;
    }
    default:
      break;
  }
}

// Once nothing else can be sent: streams whose body broke, and those that were answered before
// their request ended (RFC 9113 section 8.1). Sent any earlier, the library would drop what is
// queued for them.
bool H2Core::flush_resets() {
  bool any = false;
  for (const StreamId id : std::exchange(cuts_, {})) {
    const Stream* stream = find(id);
    if (stream == nullptr) continue;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id,
                              static_cast<std::uint32_t>(stream->cut_code));
    any = true;
  }
  for (const StreamId id : std::exchange(finished_, {})) {
    const Stream* stream = find(id);
    if (stream == nullptr || stream->peer_ended) continue;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    any = true;
  }
  return any;
}

std::size_t H2Core::fill(ByteSpan out, TimePoint now) {
  now_ = now;
  out_ = out;
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
      if (!dead_) dead_ = Failure{Code::Internal, "an HTTP/2 connection cannot be written"};
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
    if (fits < size) carry_.assign(view(data + fits, size - fits));
  }
  if (guard_.tripped() && !dead_) {
    static_cast<void>(fail(*guard_.tripped(), H2Error::EnhanceYourCalm));
  }
  wake_starved();
  out_ = ByteSpan();
  return std::exchange(out_size_, 0);
}

std::size_t H2Core::queued(StreamId id) const {
  const auto it = streams_.find(id);
  return it == streams_.end() ? 0 : it->second->queued;
}

bool H2Core::wants_write() const {
  return !carry_.empty() || nghttp2_session_want_write(session_) != 0 || !cuts_.empty() ||
         !finished_.empty();
}

bool H2Core::congested() const {
  return nghttp2_session_get_outbound_queue_size(session_) >= limits_.control_queue / 2;
}

bool H2Core::done() const {
  if (!carry_.empty()) return false;
  if (nghttp2_session_want_write(session_) != 0) return false;
  return dead_ || nghttp2_session_want_read(session_) == 0;
}

}  // namespace bottle
