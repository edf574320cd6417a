#include "bench/load/connection.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>
#include <utility>

namespace bottle::bench {
namespace {

constexpr std::size_t kPiece = 64 * 1024;
constexpr int kWindow = 16 * 1024 * 1024;

int dial(const std::string& server) {
  const std::size_t colon = server.rfind(':');
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(server.c_str() + colon + 1)));
  if (colon == server.npos ||
      ::inet_pton(AF_INET, server.substr(0, colon).c_str(), &to.sin_addr) != 1) {
    throw std::runtime_error("--server takes ADDRESS:PORT, and got \"" + server + "\"");
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) throw std::runtime_error(std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS) {
    ::close(fd);
    throw std::runtime_error(std::string("no connection: ") + std::strerror(errno));
  }
  return fd;
}

nghttp2_nv field(std::string_view name, std::string_view value) {
  // nghttp2 does not write to them.
  return {reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(),
          value.size(), NGHTTP2_NV_FLAG_NONE};
}

// The value of Content-Length in a head; npos if there is none.
std::size_t length_in(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto at = std::search(head.begin(), head.end(), kName.begin(), kName.end(), same);
  if (at == head.end()) return std::string_view::npos;
  return std::strtoull(&*at + kName.size(), nullptr, 10);
}

bool is_chunked(std::string_view head) {
  constexpr std::string_view kField = "\r\ntransfer-encoding: chunked\r\n";
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(head.begin(), head.end(), kField.begin(), kField.end(), same) != head.end();
}

std::string_view without_port(std::string_view target) {
  return target.ends_with(":443") ? target.substr(0, target.size() - 4) : target;
}

// An upload is made of bytes without order, as those of an archive or a picture are. Letters
// alone would be one encoded text to a scanner, which is the dearest there is.
const std::string& upload_piece() {
  static const std::string kBytes = [] {
    std::string out(64 * 1024, '\0');
    std::mt19937 random(1);
    for (char& c : out) c = static_cast<char>(random());
    return out;
  }();
  return kBytes;
}

std::string_view type_of(const Plan& plan) {
  return plan.body.empty() ? "application/octet-stream" : "application/json";
}

}  // namespace

Connection::Connection(const Plan& plan, SSL_CTX* context, Owner& owner, SSL_SESSION** session,
                       std::string host)
    : plan_(plan),
      owner_(owner),
      session_(session),
      host_(std::move(host)),
      authority_(without_port(host_)),
      context_(context),
      fd_(dial(plan.server)) {}

Connection::~Connection() {
  nghttp2_session_del(h2_);
  // A session that ends without an alert must not be resumed, unless this says that it was fine.
  if (ssl_ != nullptr) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
  if (fd_ >= 0) ::close(fd_);
}

unsigned Connection::room() const noexcept {
  if (state_ == State::Ended || (plan_.fresh && used_)) return 0;
  return plan_.streams - std::min(plan_.streams, static_cast<unsigned>(under_way()));
}

void Connection::send(std::uint64_t started) {
  used_ = true;
  if (h2_ != nullptr) {
    submit_h2(started);
  } else {
    // Before it is open a request waits for it under a number of its own.
    started_.emplace(-static_cast<std::int32_t>(started_.size()), started);
    if (state_ == State::Open) submit_h1();
  }
  flush();
}

std::uint32_t Connection::events() const noexcept {
  return wants_write_ ? EPOLLIN | EPOLLOUT : EPOLLIN;
}

void Connection::end(const std::string& why) {
  if (state_ == State::Ended) return;
  state_ = State::Ended;
  for (std::size_t i = std::exchange(started_, {}).size(); i > 0; --i) owner_.failed(why);
}

bool Connection::ready() {
  step();
  flush();
  return state_ != State::Ended;
}

void Connection::step() {
  if (state_ == State::Connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return end(std::string("connect: ") + std::strerror(error));
    open_tunnel();
  }
  if (state_ == State::Tunnel) read_tunnel();
  if (state_ == State::Handshake) shake_hands();
  if (state_ == State::Open) read();
}

void Connection::open_tunnel() {
  wants_write_ = false;
  state_ = State::Tunnel;
  if (!plan_.tunnel) {
    state_ = State::Handshake;
  } else {
    out_ = "CONNECT " + host_ + " HTTP/1.1\r\nHost: " + host_ + "\r\n\r\n";
    flush();
  }
}

void Connection::read_tunnel() {
  std::array<char, 4096> piece{};
  const ssize_t got = ::recv(fd_, piece.data(), piece.size(), 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) return end("the proxy closed the tunnel");
  head_.append(piece.data(), static_cast<std::size_t>(got));
  if (!head_.ends_with("\r\n\r\n")) return;
  // Some proxies answer a CONNECT in the version that introduced it.
  if (!head_.starts_with("HTTP/1.1 200") && !head_.starts_with("HTTP/1.0 200"))
    return end("CONNECT: " + head_.substr(9, 3));
  head_.clear();
  state_ = State::Handshake;
}

void Connection::shake_hands() {
  if (!plan_.tls) return open();
  if (ssl_ == nullptr) {
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, fd_);
    SSL_set_connect_state(ssl_);
    const std::string name = host_.substr(0, host_.rfind(':'));
    SSL_set_tlsext_host_name(ssl_, name.c_str());
    SSL_set1_host(ssl_, name.c_str());
    SSL_set_app_data(ssl_, session_);
    if (session_ != nullptr && *session_ != nullptr) SSL_set_session(ssl_, *session_);
  }
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_);
  if (done == 1) {
    if (SSL_session_reused(ssl_) == 1) owner_.resumed();
    return open();
  }
  const int error = SSL_get_error(ssl_, done);
  wants_write_ = error == SSL_ERROR_WANT_WRITE;
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    end(std::string("handshake: ") + (reason != nullptr ? reason : "closed"));
  }
}

void Connection::open() {
  state_ = State::Open;
  auto waiting = std::exchange(started_, {});
  if (plan_.h2) {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(calls, &Connection::header_h2);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, &Connection::data_h2);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, &Connection::closed_h2);
    nghttp2_session_client_new(&h2_, calls, this);
    nghttp2_session_callbacks_del(calls);
    const std::array<nghttp2_settings_entry, 2> settings{
        {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kWindow}, {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}}};
    nghttp2_submit_settings(h2_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(h2_, NGHTTP2_FLAG_NONE, 0, kWindow);
    for (const auto& [number, started] : waiting) submit_h2(started);
  } else if (!waiting.empty()) {
    started_ = std::move(waiting);
    submit_h1();
  }
  flush();
}

long Connection::take(char* into, std::size_t room) {
  if (ssl_ == nullptr) {
    const ssize_t got = ::recv(fd_, into, room, 0);
    if (got > 0) return got;
    return got < 0 && errno == EAGAIN ? -1 : 0;
  }
  ERR_clear_error();
  const int got = SSL_read(ssl_, into, static_cast<int>(room));
  if (got > 0) return got;
  const int error = SSL_get_error(ssl_, got);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? -1 : 0;
}

void Connection::read() {
  static std::array<char, kPiece> piece;
  while (state_ == State::Open) {
    const long got = take(piece.data(), piece.size());
    if (got < 0) return;
    if (got == 0) return end("closed by the peer");
    const std::string_view bytes(piece.data(), static_cast<std::size_t>(got));
    if (h2_ != nullptr) {
      came_h2(bytes);
    } else {
      came_h1(bytes);
    }
  }
}

void Connection::flush() {
  if (state_ == State::Ended || state_ == State::Connecting) return;
  for (;;) {
    if (out_.empty() && h2_ != nullptr) {
      const std::uint8_t* bytes = nullptr;
      while (out_.size() < kPiece) {
        const ssize_t size = nghttp2_session_mem_send(h2_, &bytes);
        if (size <= 0) break;
        out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
      }
    }
    if (out_.empty()) break;
    long sent = 0;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      sent = SSL_write(ssl_, out_.data(), static_cast<int>(out_.size()));
      if (sent <= 0 && SSL_get_error(ssl_, static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE)
        sent = -1;
    } else {
      sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) sent = 0;
    }
    if (sent == 0) return end("the peer takes nothing any more");
    if (sent < 0) {
      wants_write_ = true;
      return;
    }
    out_.erase(0, static_cast<std::size_t>(sent));
  }
  if (state_ != State::Handshake) wants_write_ = false;
}

// ---- HTTP/1.1 ----------------------------------------------------------------------------------

void Connection::submit_h1() {
  out_ += plan_.method + " " + plan_.path + " HTTP/1.1\r\nHost: " + authority_ +
          "\r\nUser-Agent: bench/1\r\nAccept: */*\r\nAccept-Language: en\r\n";
  if (plan_.body_size() > 0) {
    out_ += "Content-Type: " + std::string(type_of(plan_)) +
            "\r\nContent-Length: " + std::to_string(plan_.body_size()) + "\r\n";
  }
  out_ += "\r\n";
  for (std::size_t left = plan_.body.empty() ? plan_.upload : 0; left > 0;) {
    const std::size_t n = std::min(left, upload_piece().size());
    out_.append(upload_piece(), 0, n);
    left -= n;
  }
  out_ += plan_.body;
}

void Connection::came_h1(std::string_view bytes) {
  while (!bytes.empty() && state_ == State::Open) {
    if (!in_body_) {
      head_ += bytes.front();
      bytes.remove_prefix(1);
      if (!head_.ends_with("\r\n\r\n")) continue;
      if (!head_.starts_with("HTTP/1.1 200")) return end("answered with " + head_.substr(9, 3));
      chunked_ = is_chunked(head_);
      left_ = chunked_ ? 0 : length_in(head_);
      if (left_ == std::string_view::npos) return end("an answer without a length");
      head_.clear();
      in_body_ = true;
    }
    if (!(chunked_ ? chunked_h1(bytes) : body_h1(bytes))) continue;
    in_body_ = false;
    if (started_.empty()) return end("an answer to nothing");
    const std::uint64_t started = started_.begin()->second;
    started_.clear();
    owner_.answered(started, std::exchange(body_bytes_, 0));
  }
}

bool Connection::body_h1(std::string_view& bytes) {
  const std::size_t n = std::min(left_, bytes.size());
  left_ -= n;
  came_body(bytes.substr(0, n));
  bytes.remove_prefix(n);
  return left_ == 0;
}

bool Connection::chunked_h1(std::string_view& bytes) {
  if (left_ > 0) {
    // A chunk's end is no end of the body: its last one has no bytes.
    static_cast<void>(body_h1(bytes));
    return false;
  }
  if (bytes.empty()) return false;
  line_ += bytes.front();
  bytes.remove_prefix(1);
  if (!line_.ends_with('\n')) return false;
  const std::string line = std::exchange(line_, {});
  if (line == "\r\n") return std::exchange(last_chunk_, false);
  if (!last_chunk_) {
    left_ = std::strtoull(line.c_str(), nullptr, 16);
    last_chunk_ = left_ == 0;
  }
  return false;
}

// ---- Bodies of both ----------------------------------------------------------------------------

void Connection::came_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (!plan_.events) return;
  constexpr std::string_view kSent = "\"sent\":";
  events_ += bytes;
  for (std::size_t end = 0; (end = events_.find("\n\n")) != std::string::npos;) {
    const std::size_t at = events_.find(kSent);
    if (at < end) owner_.event(std::strtoull(&events_[at + kSent.size()], nullptr, 10));
    events_.erase(0, end + 2);
  }
}

// ---- HTTP/2 ------------------------------------------------------------------------------------

void Connection::submit_h2(std::uint64_t started) {
  // The last one is for requests with a body alone.
  const std::array fields{field(":method", plan_.method),  field(":scheme", "https"),
                          field(":authority", authority_), field(":path", plan_.path),
                          field("user-agent", "bench/1"),  field("accept", "*/*"),
                          field("accept-language", "en"),  field("content-type", type_of(plan_))};
  const std::size_t size = plan_.body_size();
  nghttp2_data_provider body{};
  body.read_callback = &Connection::body_h2;
  const std::int32_t stream =
      nghttp2_submit_request(h2_, nullptr, fields.data(), fields.size() - (size > 0 ? 0 : 1),
                             size > 0 ? &body : nullptr, nullptr);
  if (stream < 0) return end(nghttp2_strerror(stream));
  started_[stream] = started;
  if (size > 0) to_upload_[stream] = size;
}

ssize_t Connection::body_h2(nghttp2_session*, std::int32_t stream, std::uint8_t* out,
                            std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                            void* self) {
  auto& me = *static_cast<Connection*>(self);
  const std::string& text = me.plan_.body;
  std::size_t& left = me.to_upload_[stream];
  std::size_t n = std::min(left, room);
  if (text.empty()) {
    const std::size_t at = left % upload_piece().size();
    n = std::min(n, upload_piece().size() - at);
    std::memcpy(out, upload_piece().data() + at, n);
  } else {
    std::memcpy(out, text.data() + text.size() - left, n);
  }
  left -= n;
  if (left == 0) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(n);
}

int Connection::header_h2(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                          std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                          std::uint8_t, void* self) {
  const std::string_view text(reinterpret_cast<const char*>(name), name_size);
  const std::string_view status(reinterpret_cast<const char*>(value), value_size);
  if (text != ":status" || status == "200") return 0;
  auto& me = *static_cast<Connection*>(self);
  if (me.started_.erase(frame->hd.stream_id) > 0) {
    me.owner_.failed("answered with " + std::string(status));
  }
  return 0;
}

int Connection::data_h2(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t* bytes,
                        std::size_t size, void* self) {
  static_cast<Connection*>(self)->came_body({reinterpret_cast<const char*>(bytes), size});
  return 0;
}

int Connection::closed_h2(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self) {
  auto& me = *static_cast<Connection*>(self);
  const auto found = me.started_.find(stream);
  if (found == me.started_.end()) return 0;
  const std::uint64_t started = found->second;
  me.started_.erase(found);
  me.to_upload_.erase(stream);
  if (error != 0) {
    me.owner_.failed(std::string("stream: ") + nghttp2_http2_strerror(error));
  } else {
    me.owner_.answered(started, std::exchange(me.body_bytes_, 0));
  }
  return 0;
}

void Connection::came_h2(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      h2_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) return end(nghttp2_strerror(static_cast<int>(taken)));
  if (nghttp2_session_want_read(h2_) == 0 && nghttp2_session_want_write(h2_) == 0) {
    end("the session is over");
  }
}

}  // namespace bottle::bench
