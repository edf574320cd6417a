#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <csignal>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "certs/certificate_authority.h"
#include "certs/openssl_ptr.h"
#include "proxy/base/task_group.h"
#include "proxy/contract/fd.h"
#include "proxy/tls/tls_acceptor.h"

namespace bottle::test {

// `theirs` is for code that blocks in a thread of its own.
struct Pair {
  asio::ip::tcp::socket ours;
  Fd theirs;
};

inline Pair connected_pair(asio::io_context& io) {
  using asio::ip::tcp;
  tcp::acceptor acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0));
  Fd theirs(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const tcp::endpoint at = acceptor.local_endpoint();
  if (::connect(theirs.get(), at.data(), static_cast<socklen_t>(at.size())) != 0) {
    throw std::runtime_error("connect to loopback failed");
  }
  const int on = 1;
  ::setsockopt(theirs.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A peer that hangs must fail its test, not the run.
  const timeval patience{.tv_sec = 20, .tv_usec = 0};
  ::setsockopt(theirs.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(theirs.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return Pair{acceptor.accept(), std::move(theirs)};
}

// Joins at the end of its scope; an exception in it is a failed test.
class Thread {
 public:
  explicit Thread(std::function<void()> body)
      : thread_([run = std::move(body)] {
          // OpenSSL's own sockets raise it; ours must not, so it stays on in the main thread.
          sigset_t pipe{};
          sigaddset(&pipe, SIGPIPE);
          pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
          run();
        }) {}
  ~Thread() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::thread thread_;
};

// Reads until the stream gives no more, `room` bytes at a time.
inline awaitable<void> read_all(ByteStream& stream, std::size_t room, std::string& out,
                                IoStatus& end) {
  std::string block(room, '\0');
  for (;;) {
    const IoResult got = co_await stream.read_some(block);
    if (!got.ok()) {
      end = got.status;
      co_return;
    }
    EXPECT_GT(got.n, 0U);
    out.append(block, 0, got.n);
  }
}
inline awaitable<void> write_all(ByteStream& stream, std::string_view data, IoResult& out) {
  out = co_await stream.write_all(data);
}
inline awaitable<void> shut_down(ByteStream& stream) { co_await stream.shutdown(); }

// Runs a reader and a writer that neither get nor may send, until `end_them` ends them; both must
// end as cancelled. How much was written.
inline std::size_t end_reader_and_writer(asio::io_context& io, ByteStream& stream,
                                         std::string_view much,
                                         const std::function<void(TaskGroup&)>& end_them) {
  IoStatus read_end = IoStatus::Ok;
  IoResult wrote;
  std::string got;
  TaskGroup tasks(io.get_executor());
  tasks.spawn(read_all(stream, 1000, got, read_end));
  tasks.spawn(write_all(stream, much, wrote));
  io.restart();
  io.run_for(std::chrono::milliseconds(20));
  EXPECT_EQ(tasks.size(), 2U);
  end_them(tasks);
  io.run_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(tasks.empty());
  EXPECT_EQ(read_end, IoStatus::Cancelled);
  EXPECT_EQ(wrote.status, IoStatus::Cancelled);
  return wrote.n;
}

// A plain OpenSSL client that blocks. Trusts `root_pem`.
struct Client {
  openssl::SslCtxPtr context{SSL_CTX_new(TLS_client_method())};
  openssl::SslPtr ssl;
  int tickets = 0;
  openssl::SslSessionPtr session;  // the newest

  explicit Client(const std::string& root_pem) {
    const openssl::BioPtr in(BIO_new_mem_buf(root_pem.data(), static_cast<int>(root_pem.size())));
    const openssl::X509Ptr root(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.get());
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_set_app_data(context.get(), this);
    SSL_CTX_sess_set_new_cb(context.get(), [](SSL* ssl_in, SSL_SESSION* given) {
      auto* self = static_cast<Client*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl_in)));
      ++self->tickets;
      self->session.reset(given);
      return 1;
    });
  }

  void use(const Fd& fd, const std::string& sni) {
    // Else the end of the old one spoils its session.
    if (ssl) SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN);
    ssl.reset(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), fd.get());
    if (!sni.empty()) SSL_set_tlsext_host_name(ssl.get(), sni.c_str());
  }
  void offer(const std::string& alpn_wire) {
    SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(alpn_wire.data()),
                        static_cast<unsigned>(alpn_wire.size()));
  }
  // 0, or the reason code of what went wrong.
  int connect() {
    ERR_clear_error();
    return SSL_connect(ssl.get()) == 1 ? 0 : reason();
  }
  static int reason() {
    const unsigned long error = ERR_get_error();
    return error == 0 ? -1 : ERR_GET_REASON(error);
  }
  int write(const std::string& text) {
    return SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
  }
  // Up to that many bytes; fewer only at the end.
  std::string read(std::size_t size) {
    std::string text(size, '\0');
    std::size_t have = 0;
    while (have < size) {
      const int n = SSL_read(ssl.get(), text.data() + have, static_cast<int>(size - have));
      if (n <= 0) break;
      have += static_cast<std::size_t>(n);
    }
    text.resize(have);
    return text;
  }
  std::string alpn() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
};

inline std::string offer_of(std::initializer_list<std::string> names) {
  std::string wire;
  for (const std::string& name : names) wire += static_cast<char>(name.size()) + name;
  return wire;
}

// One worker's TLS, with a CA for everything.
struct Worker {
  asio::io_context io{1};
  TimerWheel wheel{io.get_executor()};
  RecordBuffers buffers;
  std::unique_ptr<CertificateAuthority> ca = make_ca();
  LeafCache leaves{*ca};
  TicketKeys tickets;

  static std::unique_ptr<CertificateAuthority> make_ca() {
    CaOptions options;
    options.names = CaNames::Any;
    return CertificateAuthority::create(options).value();
  }
};

// Runs one coroutine to its end, and not until the timers of the wheel have run off. In a task
// group, as all of the project's coroutines are.
inline awaitable<void> run_in_group(Executor executor, awaitable<void> body) {
  TaskGroup tasks(std::move(executor));
  tasks.spawn(std::move(body));
  co_await tasks.join();
}

inline void run(Worker& worker, awaitable<void> body) {
  bool done = false;
  std::exception_ptr error;
  asio::co_spawn(worker.io, run_in_group(worker.io.get_executor(), std::move(body)),
                 [&error, &done](std::exception_ptr e) {
                   error = std::move(e);
                   done = true;
                 });
  worker.io.restart();
  const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done && std::chrono::steady_clock::now() < patience) {
    worker.io.run_one_for(std::chrono::seconds(1));
  }
  if (error) std::rethrow_exception(error);
  if (!done) throw std::runtime_error("the test's coroutine did not end within 30 s");
}

inline ServerName name_of(std::string_view text) { return ServerName::parse(text).value(); }

}  // namespace bottle::test
