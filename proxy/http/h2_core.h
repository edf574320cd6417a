#pragma once

#include <nghttp2/nghttp2.h>

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "proxy/base/result.h"
#include "proxy/http/byte_queue.h"
#include "proxy/http/chunk.h"
#include "proxy/http/closed_streams.h"
#include "proxy/http/h2_stream_machine.h"
#include "proxy/http/h2_types.h"

// Private to h2_endpoint.cc and the two engines' files: what both roles have in common, and the
// only place beside them that knows nghttp2.
namespace bottle {

// The header list of one outgoing frame. Names are lower-cased, values trimmed; fields that HTTP/2
// forbids (RFC 9113 section 8.2.2) are left out. The views stay good until clear().
class H2FieldList {
 public:
  void clear();
  void add(std::string_view name, std::string_view value);
  void add(const Fields& fields);
  // Clears the list and starts it with the status and the fields.
  void begin(const ResponseHead& head);
  void add_length(std::optional<std::uint64_t> length);
  // As RFC 9113 section 6.5.2 counts it.
  [[nodiscard]] std::size_t size() const { return bytes_.size() + 32 * extents_.size(); }
  // Null if a name or value cannot be sent.
  [[nodiscard]] const std::vector<nghttp2_nv>* build();

 private:
  struct Extent {
    std::size_t name, name_size, value, value_size;
  };
  std::string bytes_;
  std::vector<Extent> extents_;
  std::vector<nghttp2_nv> nva_;
  bool bad_ = false;
};

// One nghttp2 session with everything the library leaves to its user. Callbacks only write values
// down: they call no other code, throw nothing and never enter the library's send or receive
// functions.
class H2Core final : private FloodGuard::Judge {
 public:
  using TimePoint = FloodGuard::TimePoint;
  enum class Role : std::uint8_t { Server, Client };

  H2Core(Role role, const H2Limits& limits, TimePoint now);
  H2Core(const H2Core&) = delete;
  H2Core& operator=(const H2Core&) = delete;
  virtual ~H2Core();

  [[nodiscard]] Result<void> receive(ByteView in, TimePoint now);
  [[nodiscard]] Result<void> receive_some(ByteView& in, TimePoint now);
  [[nodiscard]] std::optional<H2Event> next_event();

  [[nodiscard]] Result<void> submit_head(StreamId stream, const ResponseHead& head, bool end);
  [[nodiscard]] Result<void> submit_interim(StreamId stream, const ResponseHead& head);
  [[nodiscard]] Result<StreamId> submit_request(const RequestHead& head, bool end);
  [[nodiscard]] bool has_capacity() const;

  void offer(StreamId stream, Chunk chunk);
  [[nodiscard]] std::size_t room(StreamId stream);
  void consumed(StreamId stream, std::size_t n);
  void release(std::size_t n);
  void reset(StreamId stream, H2Error code);
  void cut(StreamId stream, H2Error code);
  void shutdown_notice();
  void goaway(H2Error code);
  void terminate(H2Error code);

  [[nodiscard]] std::size_t fill(ByteSpan out, TimePoint now);
  [[nodiscard]] bool wants_write() const;
  [[nodiscard]] bool congested() const;
  [[nodiscard]] std::optional<TimePoint> due() const;
  [[nodiscard]] bool done() const;
  [[nodiscard]] std::size_t open_streams() const { return streams_.size(); }
  [[nodiscard]] std::size_t queued() const { return queued_; }
  [[nodiscard]] std::size_t queued(StreamId stream) const;
  [[nodiscard]] std::size_t held_heads() const { return held_heads_; }
  [[nodiscard]] bool settings_acked() const { return settings_acked_; }
  [[nodiscard]] bool settings_came() const { return settings_came_; }
  [[nodiscard]] bool takes_tunnels() const;

 private:
  // Of a stream that goes on after its answer: what comes is thrown away.
  struct Linger {
    std::size_t thrown_away = 0;
    std::size_t owed = 0;    // of that, window that it gets back as the flood guard allows
    TimePoint owed_until{};  // then that is asked again
    TimePoint until{};       // then it is reset, unless more comes
    TimePoint end{};         // ... and then in any case
  };

  struct Stream {
    H2StreamMachine machine;
    ByteQueue queue;                 // body bytes to send
    std::size_t unread = 0;          // received, not consumed
    std::optional<Fields> trailers;  // to send after the queue
    std::uint32_t interim = 0;       // 1xx heads that came
    bool announced = false;          // the application was told of it
    bool final_head = false;         // the response's head came (client)
    bool starved = false;            // room() said 0
    TimePoint opened{};              // its head began to come (server)
    bool taken = false;              // bytes of its body were read by the application
    bool answering = false;          // its answer's head was sent (server)
    bool reset_seen = false;         // a RST_STREAM came, which the library may not have seen
    H2Error cut_code = H2Error::InternalError;
    Linger linger;
    std::size_t heads = 0;  // bytes of heads and trailers that wait to be sent
  };

  // The header block that is being received; blocks cannot interleave (RFC 9113 section 4.3).
  struct Block {
    enum class Kind : std::uint8_t { None, Request, Response, Trailers };
    Kind kind = Kind::None;
    RequestHead request;
    ResponseHead response;
    Fields trailers;
    std::size_t bytes = 0;
    std::size_t decoded = 0;  // of names and values
    std::size_t fields = 0;
    bool too_large = false;
    bool no_room = false;  // the connection holds too many heads already
    bool bad_scheme = false;
  };

  using Move = H2StreamMachine::Move;
  using Sending = H2StreamMachine::Sending;

  [[nodiscard]] Stream* find(StreamId id);  // null also if it is closed
  [[nodiscard]] Stream* find_any(StreamId id);
  // Ends the connection if the move is illegal.
  void move(Stream& stream, Move move);
  [[nodiscard]] std::size_t room_of(StreamId id, const Stream& stream) const;
  void wake_starved();
  FloodGuard::Worth judge(StreamId id, bool first) override;
  FloodGuard::ResetPrice price_of_reset(StreamId id) override;
  void depends_on_itself() override;
  FloodGuard::Worth refuse_frame(const char* what, H2Error code);
  void begin_linger(StreamId id, Stream& stream);
  void discard(StreamId id, Stream& stream, std::size_t n);
  void pay_owed(StreamId id, Stream& stream);
  void end_linger();
  [[nodiscard]] bool hold(Stream& stream, std::size_t heads);
  [[nodiscard]] bool hold_trailers(Stream& stream, std::optional<Fields> trailers);
  void let_go(Stream& stream, std::size_t heads);
  void drop_queue(Stream& stream);
  bool flush_resets();
  Result<void> fail(Failure failure, H2Error code);
  // Takes the result of a call of the library: without memory the connection ends.
  void check(int result) noexcept;
  Failure peer_failure(const char* what) const;
  void append_data(StreamId id, ByteView data);
  void end_data(StreamId id);

  void refuse(StreamId id, H2Error code, std::optional<Failure> why = std::nullopt);
  [[nodiscard]] std::string size_of_block() const;

  void on_begin_block(const nghttp2_frame& frame);
  int on_field(ByteView name, ByteView value);
  void on_block_end(const nghttp2_frame& frame);
  void on_frame(const nghttp2_frame& frame);
  void on_data(StreamId id, ByteView data);
  void on_frame_sent(const nghttp2_frame& frame);
  void on_stream_closed(StreamId id, std::uint32_t code);
  void on_refused_frame(const nghttp2_frame& frame);
  ssize_t read_body(StreamId id, std::size_t length, std::uint32_t& flags);
  int write_data(StreamId id, const std::uint8_t* frame_header, std::size_t length);

  struct Callbacks;  // the C functions
  [[nodiscard]] static nghttp2_data_provider body_provider();
  friend struct Callbacks;

  const Role role_;
  const H2Limits limits_;
  FloodGuard flood_guard_;
  nghttp2_session* session_ = nullptr;
  TimePoint now_;

  std::unordered_map<StreamId, std::unique_ptr<Stream>> streams_;
  std::vector<H2Event> events_;
  std::size_t next_event_ = 0;
  Block block_;
  H2FieldList list_;

  std::vector<StreamId> starved_;
  std::vector<StreamId> cuts_;
  std::size_t queued_ = 0;

  std::vector<StreamId> lingering_;
  ClosedStreams closed_;
  StreamId highest_ = 0;        // that the peer has opened (server)
  std::size_t held_heads_ = 0;  // requests' and answers', see H2Limits
  std::optional<std::pair<Failure, H2Error>> refused_frame_;

  ByteSpan out_;  // only during fill()
  std::size_t out_size_ = 0;
  std::string carry_;    // a frame's rest that did not fit
  bool paused_ = false;  // the buffer was full before a DATA frame

  std::optional<Failure> dead_;
  bool goaway_received_ = false;
  bool goaway_sent_ = false;
  bool settings_acked_ = false;
  bool settings_came_ = false;
  bool callback_failed_ = false;  // out of memory inside a callback
  bool stuck_ = false;            // the frames that wait cannot be sent
};

}  // namespace bottle
