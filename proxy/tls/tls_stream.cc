#include "proxy/tls/tls_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cassert>
#include <new>
#include <stdexcept>
#include <utility>

#include "certs/openssl_ptr.h"
#include "proxy/base/io_wait.h"
#include "proxy/tls/socket_io.h"
#include "proxy/tls/tls_stream_bio.h"

namespace bottle {

using asio::ip::tcp;
using socket_io::Took;

namespace {

// Room for one whole record however small the caller's buffer is (RFC 8446 section 5.2).
constexpr std::size_t kOneRecord = 5 + 16384 + 256;

}  // namespace

// One stay inside OpenSSL, without a wait in it. Lends the kept input at its start; at its end the
// input that was not used is kept, and what OpenSSL wrote is given to the socket: the worker's
// shared buffers are free for the next stream.
class TlsStream::Turn {
 public:
  explicit Turn(TlsStream& stream) noexcept : stream_(stream) {
    if (ERR_peek_error() != 0) ERR_clear_error();  // which takes long also with nothing to clear
    stream_.input_ = stream_.kept_;
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    Bytes& kept = stream_.kept_;
    const ByteView input = std::exchange(stream_.input_, {});
    if (input.empty()) {
      if (!kept.empty()) free_bytes(kept);
    } else if (input.data() != kept.data()) {
      keep(input);
    }
    // Bytes that a reader could not send before go now, unless a writer is at it.
    const bool drains = stream_.machine_.writer() == TlsMachine::Writer::Drains;
    const bool left_over = !stream_.unsent_.empty() && !drains;
    if (left_over || !stream_.buffers_.to_send.empty()) stream_.send_now();
  }

 private:
  // Without memory, bytes are missing in the middle: the stream is broken.
  void keep(ByteView input) noexcept {
    try {
      // A copy first: `input` may lie in `kept_`.
      stream_.kept_ = Bytes(input);
    } catch (const std::bad_alloc&) {
      free_bytes(stream_.kept_);
      stream_.fail(IoStatus::Protocol);
    }
  }

  TlsStream& stream_;
};

TlsStream::TlsStream(tcp::socket socket, ssl_ctx_st* context, Role role, RecordBuffers& buffers,
                     Bytes already_read)
    : socket_(std::move(socket)), buffers_(buffers), kept_(std::move(already_read)) {
  boost::system::error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  openssl::SslPtr ssl(SSL_new(context));
  BIO* bio = BIO_new(TlsStreamBio::method());
  if (!ssl || bio == nullptr) {
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_mode(ssl.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_set_mode(ssl.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_set_msg_callback(ssl.get(), &TlsStreamBio::on_message);
  SSL_set_msg_callback_arg(ssl.get(), this);
  if (role == Role::Server) {
    SSL_set_accept_state(ssl.get());
  } else {
    SSL_set_connect_state(ssl.get());
  }
  ssl_ = ssl.release();
}

TlsStream::~TlsStream() {
  // A connection that was just closed is no reason to forget its session (RFC 5246 section 7.2.1):
  // OpenSSL would mark it as not resumable.
  if (machine_.handshake_done() && ssl_error_ == 0) SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN);
  SSL_free(ssl_);
}

void TlsStream::go(Move move) noexcept {
  bool moved = false;
  try {
    moved = machine_.move(move).has_value();
  } catch (const std::bad_alloc&) {
    // It did not move, and there is no memory to say why.
  }
  // A defect of our own: the machine is broken, and so is what is read.
  if (!moved && end_ == IoStatus::Ok) end_ = IoStatus::Protocol;
}

// OpenSSL cannot go on, in neither direction.
void TlsStream::fail(IoStatus status) noexcept {
  go(Move::Breaks);
  if (end_ == IoStatus::Ok) end_ = status;
}

TlsStream::Step TlsStream::classify(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_NONE:
      return Step::Done;
    case SSL_ERROR_WANT_READ:
      return Step::WantsRead;
    case SSL_ERROR_ZERO_RETURN:
      // Reading is over; we may still write.
      end_ = IoStatus::Eof;
      return Step::Failed;
    default:
      break;
  }
  ssl_error_ = ERR_peek_error();
  ERR_clear_error();
  const bool alert =
      machine_.handshake_done() && ERR_GET_LIB(ssl_error_) == ERR_LIB_SSL && alerted();
  fail(alert ? IoStatus::Reset : IoStatus::Protocol);
  return Step::Failed;
}

// One recv into the worker's buffer. True if there is new input; false if the socket has none now
// (end_ is still Ok), or none ever again.
bool TlsStream::receive(std::size_t room) {
  room = hello_.allow(std::min(room, buffers_.received.size()));
  if (room == 0) {
    refuse_hello();
    return false;
  }
  std::size_t n = 0;
  const Took took =
      socket_io::receive(socket_.native_handle(), {buffers_.received.data(), room}, n);
  may_have_more_ = took == Took::Some && n == room;
  switch (took) {
    case Took::Some:
      break;
    case Took::WouldBlock:
      return false;
    case Took::End:
      end_ = IoStatus::Truncated;
      return false;
    case Took::Broken:
      fail(IoStatus::Reset);
      return false;
  }
  input_ = {buffers_.received.data(), n};
  hello_.came(input_);
  if (hello_.refuses()) {
    refuse_hello();
    return false;
  }
  // A writer that waits for input (see write_all) must look again: we took it.
  if (machine_.writer() == TlsMachine::Writer::AwaitsInput) {
    boost::system::error_code ignored;
    socket_.cancel(ignored);
  }
  return true;
}

// Gives the socket what it takes now, the oldest bytes first. A socket that takes nothing any more
// may still have something to read (an early answer), so this ends writing only.
void TlsStream::send_now() noexcept {
  Bytes& fresh = buffers_.to_send;
  ByteView rest = unsent_.empty() ? ByteView(fresh) : ByteView(unsent_);
  const Took took = socket_io::send(socket_.native_handle(), rest);
  if (took == Took::Broken) go(Move::SendFails);
  if (took == Took::Broken || rest.empty()) {
    free_bytes(unsent_);
  } else {
    try {
      unsent_ = Bytes(rest);
    } catch (const std::bad_alloc&) {
      go(Move::SendFails);
      free_bytes(unsent_);
    }
  }
  fresh.clear();
}

awaitable<IoStatus> TlsStream::wait_readable(std::uint64_t cancels) {
  const bool before = co_await task_cancelled();
  if (before || cancels != cancels_) co_return IoStatus::Cancelled;
  const auto ec = co_await wait_until_ready(socket_, tcp::socket::wait_read);
  if (cancels != cancels_) co_return IoStatus::Cancelled;
  if (!ec) co_return IoStatus::Ok;
  if (ec != asio::error::operation_aborted) co_return IoStatus::Reset;
  const bool after = co_await task_cancelled();
  // Aborted without either: the reader woke a writer that waits for input.
  co_return after ? IoStatus::Cancelled : IoStatus::Ok;
}

// Until the socket has taken everything.
awaitable<IoStatus> TlsStream::drain(std::uint64_t cancels) {
  while (!unsent_.empty()) {
    const bool before = co_await task_cancelled();
    if (before || cancels != cancels_) co_return IoStatus::Cancelled;
    go(Move::DrainBegins);
    const auto ec = co_await wait_until_ready(socket_, tcp::socket::wait_write);
    go(Move::DrainEnds);
    if (cancels != cancels_) co_return IoStatus::Cancelled;
    if (ec && ec != asio::error::operation_aborted) co_return IoStatus::Reset;
    writing_.renew();
    if (!unsent_.empty()) send_now();
  }
  co_return machine_.send_failed() ? IoStatus::Reset : IoStatus::Ok;
}

awaitable<IoStatus> TlsStream::give_way(TurnBudget& turn, std::uint64_t cancels) {
  co_await turn.give_way();
  const bool cancelled = co_await task_cancelled();
  co_return cancelled || cancels != cancels_ ? IoStatus::Cancelled : IoStatus::Ok;
}

TlsStream::Step TlsStream::handshake_step() {
  Turn turn(*this);
  for (;;) {
    const Step step = classify(SSL_do_handshake(ssl_));
    if (step != Step::WantsRead) return step;
    if (!may_have_more_ || !receive(buffers_.received.size())) {
      return end_ == IoStatus::Ok ? Step::WantsRead : Step::Failed;
    }
  }
}

// The turn goes with the frame that has it.
struct TlsStream::LeavesLine {
  explicit LeavesLine(TlsStream& stream_in) noexcept : stream(stream_in) {}
  LeavesLine(const LeavesLine&) = delete;
  LeavesLine& operator=(const LeavesLine&) = delete;
  ~LeavesLine() { stream.in_line_ = nullptr; }
  TlsStream& stream;
};

awaitable<IoStatus> TlsStream::handshake(HandshakeLimits limits) {
  const std::uint64_t cancels = cancels_;
  hello_ = HelloGate(limits.hello_bytes);
  hello_.came(kept_);
  if (hello_.refuses()) {
    const Turn sends(*this);
    refuse_hello();
    co_return end_;
  }
  std::optional<HandshakeTurns::Turn> turn;
  const LeavesLine at_the_end(*this);
  if (limits.turns != nullptr) in_line_ = &turn.emplace(*limits.turns);
  const IoStatus status = co_await take_steps(cancels);
  co_return status;
}

awaitable<IoStatus> TlsStream::take_steps(std::uint64_t cancels) {
  for (;;) {
    if (in_line_ != nullptr) {
      const bool called = co_await in_line_->begin();
      if (!called || cancels != cancels_) co_return IoStatus::Cancelled;
    }
    const Step step = handshake_step();
    if (in_line_ != nullptr) in_line_->end();
    if (step == Step::Done) go(Move::HandshakeDone);
    if (step == Step::Failed) co_return end_;
    const IoStatus drained = co_await drain(cancels);
    if (drained != IoStatus::Ok) co_return drained;
    if (step == Step::Done) co_return IoStatus::Ok;
    const IoStatus waited = co_await wait_readable(cancels);
    if (waited != IoStatus::Ok) co_return waited;
    may_have_more_ = true;
  }
}

// Ok with n = 0: nothing to read now.
IoResult TlsStream::read_now(ByteSpan into) {
  Turn turn(*this);
  std::size_t total = 0;
  while (total < into.size()) {
    std::size_t n = 0;
    const int result = SSL_read_ex(ssl_, into.data() + total, into.size() - total, &n);
    if (result == 1) {
      total += n;
      if (SSL_pending(ssl_) > 0 || !input_.empty()) continue;
      break;
    }
    const Step step = classify(result);
    if (total > 0) break;  // the next call shows the reason of the end
    if (step == Step::Failed) return {end_, 0};
    if (!may_have_more_ || !receive(std::max(into.size() + kOneRecord / 8, kOneRecord))) {
      return {end_, 0};
    }
  }
  certificate_wish_ = CertificateWish::Settled;
  return {IoStatus::Ok, total};
}

awaitable<IoResult> TlsStream::read_some(ByteSpan into) {
  assert(!into.empty());
  const std::uint64_t cancels = cancels_;
  if (reading_.spent()) {
    const IoStatus turn = co_await give_way(reading_, cancels);
    if (turn != IoStatus::Ok) co_return IoResult{turn, 0};
  }
  for (;;) {
    if (!socket_.is_open()) co_return IoResult{IoStatus::Cancelled, 0};
    if (end_ != IoStatus::Ok) co_return IoResult{end_, 0};
    if (may_have_more_ || !kept_.empty() || SSL_pending(ssl_) > 0) {
      const IoResult got = read_now(into);
      reading_.spend_bytes(got.n);
      if (got.n > 0 || got.status != IoStatus::Ok) co_return got;
    }
    if (may_have_more_) continue;
    const IoStatus waited = co_await wait_readable(cancels);
    if (waited != IoStatus::Ok) co_return IoResult{waited, 0};
    reading_.renew();
    may_have_more_ = true;
  }
}

TlsStream::Step TlsStream::encrypt(ByteView part) {
  Turn turn(*this);
  std::size_t n = 0;
  const int result = SSL_write_ex(ssl_, part.data(), part.size(), &n);
  return result == 1 ? Step::Done : classify(result);
}

awaitable<IoResult> TlsStream::write_all(ByteView data) {
  const std::uint64_t cancels = cancels_;
  std::size_t done = 0;
  while (done < data.size()) {
    if (!socket_.is_open()) co_return IoResult{IoStatus::Cancelled, done};
    if (!machine_.may_write()) {
      co_return IoResult{end_ == IoStatus::Ok ? IoStatus::Reset : end_, done};
    }
    const IoStatus earlier = co_await drain(cancels);
    if (earlier != IoStatus::Ok) co_return IoResult{earlier, done};
    if (writing_.spent()) {
      const IoStatus turn = co_await give_way(writing_, cancels);
      if (turn != IoStatus::Ok) co_return IoResult{turn, done};
      continue;  // the stream may have been closed meanwhile
    }
    const ByteView part = data.substr(done, kWriteChunk);
    writing_.spend_bytes(part.size());
    const Step step = encrypt(part);
    if (step == Step::Done) {
      done += part.size();
      continue;
    }
    if (step == Step::Failed) {
      co_return IoResult{machine_.broken() ? end_ : IoStatus::Reset, done};
    }
    // The peer's post-handshake message has come in part: OpenSSL finishes it before it writes. If
    // a reader takes the rest, it wakes us.
    go(Move::InputAwaited);
    const IoStatus waited = co_await wait_readable(cancels);
    go(Move::InputCame);
    if (waited != IoStatus::Ok) co_return IoResult{waited, done};
    {
      Turn turn(*this);
      if (input_.empty()) (void)receive(kOneRecord);
    }
    if (end_ != IoStatus::Ok) co_return IoResult{end_, done};
  }
  const IoStatus drained = co_await drain(cancels);
  co_return IoResult{drained, done};
}

awaitable<void> TlsStream::shutdown() {
  if (!machine_.may_end()) co_return;
  go(Move::EndGoes);
  {
    Turn turn(*this);
    SSL_shutdown(ssl_);
  }
  const IoStatus drained = co_await drain(cancels_);
  if (drained != IoStatus::Ok) co_return;
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void TlsStream::cancel() noexcept {
  ++cancels_;
  if (in_line_ != nullptr) in_line_->leave();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void TlsStream::close() noexcept {
  ++cancels_;
  if (in_line_ != nullptr) in_line_->leave();
  go(Move::Breaks);
  boost::system::error_code ignored;
  socket_.close(ignored);
}

// Looks through OpenSSL, not at the socket alone: what waits there may be a session ticket, which
// is nothing to read.
bool TlsStream::readable_now() noexcept {
  if (!socket_.is_open() || machine_.broken() || end_ != IoStatus::Ok) return true;
  if (SSL_pending(ssl_) > 0) return true;
  Turn turn(*this);
  for (;;) {
    char byte = 0;
    std::size_t n = 0;
    const int result = SSL_peek_ex(ssl_, &byte, 1, &n);
    if (result == 1 || classify(result) == Step::Failed) return true;
    if (!receive(kOneRecord)) return end_ != IoStatus::Ok;
  }
}

}  // namespace bottle
