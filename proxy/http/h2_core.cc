// H2Core: its making, its callbacks, and what it receives; h2_core_send.cc has the other half.
#include "proxy/http/h2_core.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <utility>

#include "proxy/http/framing_rules.h"
#include "proxy/http/h2_core_memory.h"

namespace bottle {
namespace {

constexpr std::size_t kPreface = 24;
constexpr std::size_t kFieldOverhead = 32;
// Beyond so many times the limit a head is an attack: its rest only keeps the table up to date.
constexpr std::size_t kDecodedTimes = 4;
constexpr int kBlockIsABomb = NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

ByteView view(const std::uint8_t* data, std::size_t size) {
  return ByteView(reinterpret_cast<const char*>(data), size);
}

const std::uint8_t* bytes(const char* data) { return reinterpret_cast<const std::uint8_t*>(data); }

// All that is kept of a head that is too large: by it, a refusal takes the form that the client
// reads.
Fields type_alone(const Fields& fields) {
  constexpr std::size_t kLongestType = 256;
  Fields kept;
  const auto type = fields.find("content-type");
  if (type && type->size() <= kLongestType) kept.add("content-type", *type);
  return kept;
}

}  // namespace

// Nothing may throw through the library: the only thing that can is memory running out, and that
// ends the connection.
struct H2Core::Callbacks {
  template <class F>
  static int contained(void* user, F function) noexcept {
    auto* core = static_cast<H2Core*>(user);
    try {
      return function(*core);
    } catch (...) {
      core->callback_failed_ = true;
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return contained(user, [frame](H2Core& core) {
      core.on_begin_block(*frame);
      return 0;
    });
  }
  static int header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* user) {
    return contained(user, [=](H2Core& core) {
      return core.on_field(view(name, name_size), view(value, value_size));
    });
  }
  static int frame_recv(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return contained(user, [frame](H2Core& core) {
      core.on_frame(*frame);
      return 0;
    });
  }
  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t stream,
                        const std::uint8_t* data, std::size_t size, void* user) {
    return contained(user, [=](H2Core& core) {
      core.on_data(stream, view(data, size));
      return 0;
    });
  }
  static int frame_send(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return contained(user, [frame](H2Core& core) {
      core.on_frame_sent(*frame);
      return 0;
    });
  }
  static int stream_close(nghttp2_session*, std::int32_t stream, std::uint32_t code, void* user) {
    return contained(user, [=](H2Core& core) {
      core.on_stream_closed(stream, code);
      return 0;
    });
  }
  static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    return contained(user, [frame](H2Core& core) {
      core.on_refused_frame(*frame);
      return 0;
    });
  }
  static ssize_t read(nghttp2_session*, std::int32_t stream, std::uint8_t*, std::size_t length,
                      std::uint32_t* flags, nghttp2_data_source*, void* user) {
    ssize_t result = NGHTTP2_ERR_CALLBACK_FAILURE;
    contained(user, [&](H2Core& core) {
      result = core.read_body(stream, length, *flags);
      return 0;
    });
    return result;
  }
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* header,
                       std::size_t length, nghttp2_data_source*, void* user) {
    return contained(
        user, [=](H2Core& core) { return core.write_data(frame->hd.stream_id, header, length); });
  }
};

H2Core::H2Core(Role role, const H2Limits& limits, TimePoint now)
    : role_(role),
      limits_(limits),
      flood_guard_(limits.flood, role == Role::Server ? kPreface : 0, now),
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
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, Callbacks::invalid_frame);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, Callbacks::send_data);

  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  // The library counts a frame once for each piece in which its header comes, one more with every
  // byte at worst. The flood guard counts frames.
  constexpr std::size_t kFrameHeader = 9;
  nghttp2_option_set_max_continuations(option, (limits_.flood.continuations + 1) * kFrameHeader);
  nghttp2_option_set_max_outbound_ack(option, limits_.control_queue);
  // The library's own limit knows neither what a stream has cost nor our time; FloodGuard does.
  nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
  nghttp2_option_set_max_deflate_dynamic_table_size(option, limits_.header_table);
  // Real clients send values with a trailing space; it is taken off, as h1 does (RFC 9110 5.5).
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1);
  const auto make =
      role == Role::Server ? &nghttp2_session_server_new3 : &nghttp2_session_client_new3;
  const int made = make(&session_, callbacks, this, option, h2_memory());
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  if (made != 0) throw std::bad_alloc();
  std::array<nghttp2_settings_entry, 6> settings{{
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits_.header_bytes)},
      {NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits_.header_table},
  }};
  std::size_t count = 3;
  if (role == Role::Server) {
    settings[count++] = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits_.streams};
    // Without dependency trees there is nothing to attack in them.
    settings[count++] = {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1};
    if (limits_.offers_tunnels) {
      settings[count++] = {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1};
    }
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

nghttp2_data_provider H2Core::body_provider() {
  nghttp2_data_provider provider{};
  provider.read_callback = Callbacks::read;
  return provider;
}

H2Core::~H2Core() { nghttp2_session_del(session_); }

H2Core::Stream* H2Core::find_any(StreamId id) {
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
}

H2Core::Stream* H2Core::find(StreamId id) {
  Stream* stream = find_any(id);
  return stream == nullptr || stream->machine.closed() ? nullptr : stream;
}

void H2Core::move(Stream& stream, Move move) {
  const auto moved = stream.machine.move(move);
  if (!moved) static_cast<void>(fail(moved.error(), H2Error::InternalError));
}

Failure H2Core::peer_failure(const char* what) const {
  return Failure{role_ == Role::Server ? Code::ClientBad : Code::UpstreamBroken, what};
}

// ---- receiving

Result<void> H2Core::receive(ByteView in, TimePoint now) {
  do {
    const auto fed = receive_some(in, now);
    if (!fed) return fed;
  } while (!in.empty());
  return {};
}

Result<void> H2Core::receive_some(ByteView& in, TimePoint now) {
  if (dead_) return *dead_;
  now_ = now;
  const std::size_t bite = flood_guard_.bite(in, now, *this);
  const ssize_t n = nghttp2_session_mem_recv(session_, bytes(in.data()), bite);
  in.remove_prefix(bite);
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
  if (refused_frame_) return fail(refused_frame_->first, refused_frame_->second);
  if (flood_guard_.tripped()) return fail(*flood_guard_.tripped(), H2Error::EnhanceYourCalm);
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
        if (stream == nullptr) {
          release(request->held);
          continue;
        }
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
  block_.decoded = 0;
  block_.fields = 0;
  block_.too_large = false;
  block_.no_room = false;
  block_.bad_scheme = false;
  if (role_ == Role::Server && frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
    auto fresh = std::make_unique<Stream>();
    fresh->opened = now_;
    streams_.emplace(id, std::move(fresh));
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
  block_.decoded += name.size() + value.size();
  if (block_.decoded > kDecodedTimes * limits_.header_bytes) return kBlockIsABomb;
  block_.bytes += name.size() + value.size() + kFieldOverhead;
  // Every field counts, also those that become members of the head.
  if (++block_.fields > limits_.header_fields || block_.bytes > limits_.header_bytes) {
    block_.too_large = true;
  }
  const bool counts = block_.kind == Block::Kind::Request && !block_.too_large;
  if (counts && held_heads_ + block_.bytes > limits_.held_heads) block_.no_room = true;
  // Nothing of it is kept any more; the library must still decode it, for HPACK's sake.
  if (block_.too_large || block_.no_room) return 0;
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
      } else if (name == ":protocol") {
        block_.request.protocol = value;
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
  if (end) move(*stream, Move::PeerEnds);
  if (kind == Block::Kind::Request) {
    if (block_.no_room) {
      // It may be sent again, when what is there has been answered.
      block_.request = RequestHead{};
      reset(id, H2Error::RefusedStream);
      return;
    }
    // Round robin for all streams: one that is large does not hold up one that is live.
    const nghttp2_extpri fair{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 1};
    nghttp2_session_change_extpri_stream_priority(session_, id, &fair, 1);
    H2Request request{id, std::move(block_.request), end, std::nullopt, block_.bytes};
    request.head.has_body = !end;
    if (block_.too_large) {
      request.head.fields = type_alone(request.head.fields);
      request.held =
          request.head.method.size() + request.head.target.size() + request.head.fields.list_size();
    }
    held_heads_ += request.held;
    if (block_.too_large) {
      flood_guard_.our_reset(now_);  // an answer instead of a reset, at the same price
      request.refused = Failure{Code::HeadTooLarge, "the request's head " + size_of_block()};
    } else if (block_.bad_scheme) {
      request.refused = Failure{Code::ClientBad, "the request's scheme is neither http nor https"};
    }
    events_.emplace_back(std::move(request));
    return;
  }
  if (block_.too_large) {
    const std::string what =
        kind == Block::Kind::Trailers ? "response: its trailer section " : "response: its head ";
    refuse(id, H2Error::EnhanceYourCalm, response_too_large(what + size_of_block()));
    return;
  }
  if (stream->machine.lingers()) return;
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

// Which limit the block is over.
std::string H2Core::size_of_block() const {
  if (block_.fields > limits_.header_fields) {
    return "has more than " + std::to_string(limits_.header_fields) + " fields";
  }
  return "is longer than " + std::to_string(limits_.header_bytes) + " bytes";
}

void H2Core::refuse(StreamId id, H2Error code, std::optional<Failure> why) {
  events_.emplace_back(H2Reset{id, static_cast<std::uint32_t>(code), false, false, std::move(why)});
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
      if (Stream* stream = find(frame.hd.stream_id)) move(*stream, Move::PeerResets);
      break;
    case NGHTTP2_SETTINGS:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0) {
        settings_acked_ = true;
      } else if (role_ == Role::Client && !settings_came_) {
        settings_came_ = true;
        events_.emplace_back(H2PeerReady{});
      }
      break;
    case NGHTTP2_GOAWAY:
      goaway_received_ = true;
      events_.emplace_back(H2GoAway{frame.goaway.last_stream_id, frame.goaway.error_code});
      break;
    default:
      break;
  }
}

}  // namespace bottle
