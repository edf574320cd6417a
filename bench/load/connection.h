#pragma once

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bench/load/plan.h"

namespace bottle::bench {

// Hears of the answers of its connections.
class Owner {
 public:
  virtual ~Owner() = default;
  // A handshake is done, with a session of before.
  virtual void resumed() = 0;
  // A request's answer is whole. `started`: when it was due, in nanoseconds.
  virtual void answered(std::uint64_t started, std::size_t bytes) = 0;
  // An event of a stream came; `sent`: when it left its origin, in nanoseconds.
  virtual void event(std::uint64_t sent) = 0;
  // A request failed; `why` is a word for people.
  virtual void failed(const std::string& why) = 0;
};

// One connection of the load: socket, CONNECT, TLS, HTTP/1.1 or HTTP/2. It never blocks: call
// ready() when epoll says so.
class Connection {
 public:
  // All outlive it. `session`: the TLS session to go on with, and where the newest is kept; null:
  // none.
  Connection(const Plan& plan, SSL_CTX* context, Owner& owner, SSL_SESSION** session,
             std::string host);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  [[nodiscard]] int fd() const noexcept { return fd_; }
  // How many more requests it takes now.
  [[nodiscard]] unsigned room() const noexcept;
  // Sends one; `started` comes back with its answer.
  void send(std::uint64_t started);
  // Reads and writes what goes. False: it has ended, and its requests have failed.
  [[nodiscard]] bool ready();
  // For epoll.
  [[nodiscard]] std::uint32_t events() const noexcept;
  // No request is under way, and none is taken any more.
  [[nodiscard]] bool spent() const noexcept { return plan_.fresh && used_ && under_way() == 0; }

 private:
  enum class State : std::uint8_t { Connecting, Tunnel, Handshake, Open, Ended };

  [[nodiscard]] std::size_t under_way() const noexcept { return started_.size(); }
  void end(const std::string& why);
  void step();
  void open_tunnel();
  void read_tunnel();
  void shake_hands();
  void open();
  void read();
  void flush();
  long take(char* into, std::size_t room);
  void came_h1(std::string_view bytes);
  // Takes what `bytes` begin with of a body, and removes it. True: the body is whole.
  [[nodiscard]] bool body_h1(std::string_view& bytes);
  [[nodiscard]] bool chunked_h1(std::string_view& bytes);
  void came_body(std::string_view bytes);
  void came_h2(std::string_view bytes);
  void submit_h1();
  void submit_h2(std::uint64_t started);

  static ssize_t body_h2(nghttp2_session*, std::int32_t, std::uint8_t* out, std::size_t room,
                         std::uint32_t* flags, nghttp2_data_source* source, void* self);
  static int header_h2(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* self);
  static int data_h2(nghttp2_session*, std::uint8_t, std::int32_t, const std::uint8_t*,
                     std::size_t size, void* self);
  static int closed_h2(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* self);

  const Plan& plan_;
  Owner& owner_;
  SSL_SESSION** const session_;
  const std::string host_;       // of the requests
  const std::string authority_;  // with the port, where it is not 443
  SSL_CTX* const context_;
  int fd_ = -1;
  SSL* ssl_ = nullptr;
  nghttp2_session* h2_ = nullptr;
  State state_ = State::Connecting;
  bool wants_write_ = true;
  bool used_ = false;
  std::string out_;       // not sent yet
  std::string head_;      // of an answer, HTTP/1.1
  std::size_t left_ = 0;  // of the answer's body, or of its chunk, HTTP/1.1
  bool chunked_ = false;
  bool last_chunk_ = false;
  std::string line_;    // of a chunk's size
  std::string events_;  // came, and have no end yet
  std::size_t body_bytes_ = 0;
  bool in_body_ = false;
  std::map<std::int32_t, std::uint64_t> started_;  // by stream; HTTP/1.1: 0
  std::map<std::int32_t, std::size_t> to_upload_;
};

}  // namespace bottle::bench
