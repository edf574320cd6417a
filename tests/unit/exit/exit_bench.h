#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "certs/certificate_authority.h"
#include "proxy/exit/exit_server.h"
#include "proxy/ledger/local_ledger.h"
#include "proxy/tls/tcp_stream.h"
#include "tests/support/run_until.h"
#include "tests/support/script_handler.h"
#include "tests/unit/ledger/admissions.h"

namespace bottle::test {

// An origin that answers as it is told.
class ScriptOrigins final : public Upstream {
 public:
  explicit ScriptOrigins(const Executor& executor) : feed(executor), never_(executor) {
    head.fields.add("Content-Type", "text/plain");
  }
  awaitable<Result<Response>> send(Request request, Exchange& exchange, Passage& passage) override {
    ++asked;
    heads.push_back(request.head);
    to.push_back(exchange.destination().host_port());
    passage.protocol = protocol;
    Bytes body;
    if (request.body) {
      auto all = co_await read_all(*request.body);
      if (!all) co_return all.error();
      body = std::move(*all);
    }
    bodies.push_back(std::move(body));
    for (const ResponseHead& interim : interims) static_cast<void>(exchange.interim(interim));
    if (never) {
      const bool happened = co_await never_.wait();
      if (!happened) ++cancelled;
      co_return Failure{Code::Cancelled, "cancelled"};
    }
    if (failure) co_return *failure;
    Response response;
    response.head = head;
    if (live) {
      response.head.has_body = true;
      response.body = std::make_unique<LiveSource>(feed);
    } else if (!answer.empty()) {
      response.head.has_body = true;
      response.head.content_length = answer.size();
      response.body = std::make_unique<BytesSource>(answer);
    }
    co_return response;
  }

  // Its behaviour.
  std::string protocol = "http/1.1";
  std::vector<ResponseHead> interims;
  ResponseHead head;
  Bytes answer;  // the body, unless it is the feed's
  bool live = false;
  LiveFeed feed;
  bool never = false;
  std::optional<Failure> failure;
  // The requests that it got.
  int asked = 0;
  int cancelled = 0;
  std::vector<RequestHead> heads;
  std::vector<std::string> to;
  std::vector<Bytes> bodies;

 private:
  Event never_;
};

// The scanner's end of a connection to the exit.
class ScannersEnd {
 public:
  explicit ScannersEnd(asio::ip::tcp::socket socket) : stream_(std::move(socket)) {}
  awaitable<void> say(Bytes bytes) {
    const IoResult put = co_await stream_.write_all(bytes);
    static_cast<void>(put);
  }
  // Until `text` came, or the end; what was read so far.
  awaitable<Bytes> hear(std::string text) {
    std::vector<char> buffer(16 * 1024);
    while (heard_.find(text) == Bytes::npos) {
      const IoResult got = co_await stream_.read_some(ByteSpan(buffer));
      if (!got.ok()) {
        ended = got.status;
        break;
      }
      heard_.append(buffer.data(), got.n);
    }
    EXPECT_NE(heard_.find(text), Bytes::npos) << "not heard: " << text << "\nbut: " << heard_;
    co_return heard_;
  }
  awaitable<Bytes> hear_to_end() {
    std::vector<char> buffer(16 * 1024);
    for (;;) {
      const IoResult got = co_await stream_.read_some(ByteSpan(buffer));
      if (!got.ok()) {
        ended = got.status;
        co_return std::move(heard_);
      }
      heard_.append(buffer.data(), got.n);
    }
  }
  void forget() { heard_.clear(); }
  void leave() { stream_.close(); }

  std::optional<IoStatus> ended;

 private:
  TcpStream stream_;
  Bytes heard_;
};

// An exit on a loopback port, plain HTTP unless a test brings TLS, between a ledger and a script.
class ExitBench : public testing::Test {
 protected:
  ExitBench() : wheel(io.get_executor()), origins(io.get_executor()), tasks_(io.get_executor()) {
    std::string name = testing::TempDir() + "/exit-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    PolicySpec spec;
    spec.allow = {"api.test", "b.test"};
    policy = std::make_unique<LivePolicy>(
        std::make_shared<const Policy>(Policy::make(std::move(spec)).value()));
    CaOptions options;
    options.names = CaNames::Any;
    ca = CertificateAuthority::create(options).value();
    audit = AuditSink::open(audit_file()).value();
    SpoolLimits spool_limits;
    spool_limits.directory = directory_;
    spool_limits.body_bytes = 1 << 20;
    spool = std::make_unique<Spool>(spool_limits, decode);
  }
  ~ExitBench() override {
    for (const std::string& part : audit_files(audit_file())) ::unlink(part.c_str());
    ::rmdir(directory_.c_str());
  }

  // Plays a test beside the server, then stops that.
  void play(awaitable<void> test) { run_until_done(io, beside_server(std::move(test))); }

  // ---- the front

  Admission admission(std::string id, std::string method = "GET", Bytes body = {}) const {
    Admission made = admission_of(std::move(id));
    made.scheme = Scheme::Http;
    made.destination = parse_authority("api.test", 80).value();
    RequestHead& head = made.scanned.head;
    head.scheme = Scheme::Http;
    head.method = std::move(method);
    head.has_body = !body.empty();
    made.scanned.has_body = !body.empty();
    made.scanned.body_bytes = body.size();
    made.scanned.body_digest = sha256(body);
    made.sent.head = head;
    return made;
  }
  std::unique_ptr<FrontEnd> admit(const Admission& admitted) {
    auto front = ledger.admit(admitted, io.get_executor());
    ticket = front->ticket();
    return front;
  }
  static awaitable<std::optional<ExitNews>> news(FrontEnd& front) {
    for (;;) {
      auto told = front.next();
      if (told) co_return told;
      const bool there = co_await front.wait();
      EXPECT_TRUE(there);
      if (!there) co_return std::nullopt;
    }
  }
  template <class News>
  static News expect(std::optional<ExitNews> news) {
    const bool right = news && std::holds_alternative<News>(*news);
    EXPECT_TRUE(right) << "other news: " << (news ? static_cast<int>(news->index()) : -1);
    if (news) {
      if (const auto* failed = std::get_if<FailureNews>(&*news)) {
        EXPECT_TRUE(right) << failed->failure.reason << ": " << failed->failure.detail;
      }
    }
    return right ? std::get<News>(std::move(*news)) : News();
  }

  // ---- the scanner

  ScannersEnd connect() {
    asio::ip::tcp::socket socket(io);
    socket.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port_));
    return ScannersEnd(std::move(socket));
  }
  // The request of admission(), as the scanner passes it on.
  Bytes relayed(const std::string& lines = {}, const std::string& start = "GET /v1?q=1") const {
    return start + " HTTP/1.1\r\nHost: api.test\r\nAccept: */*\r\nX-Bottle-Exchange: " + ticket +
           "\r\nUser-Agent: Go-http-client/1.1\r\n" + lines + "\r\n";
  }
  Bytes relayed_post(const Bytes& body) const {
    return relayed("Content-Length: " + std::to_string(body.size()) + "\r\n", "POST /v1?q=1") +
           body;
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

  // Lets everything run that is due.
  static awaitable<void> settle() {
    const bool slept = co_await sleep_for(std::chrono::milliseconds(20));
    static_cast<void>(slept);
  }
  template <class Condition>
  static awaitable<bool> until(Condition condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) co_return true;
      co_await settle();
    }
    co_return condition();
  }

  // ---- the log

  [[nodiscard]] std::string audit_file() const { return directory_ + "/audit.jsonl"; }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::vector<std::string> all;
    for (const std::string& part : audit_files(audit_file())) {
      std::ifstream in(part);
      for (std::string line; std::getline(in, line);) all.push_back(std::move(line));
    }
    return all;
  }
  // The one line there is.
  [[nodiscard]] std::string line() const {
    const std::vector<std::string> all = lines();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? "" : all.back();
  }

  ExitServer& server() { return *server_; }

  asio::io_context io{1};
  TimerWheel wheel;
  ScriptOrigins origins;
  LocalLedger ledger;
  std::unique_ptr<LivePolicy> policy;
  std::unique_ptr<CertificateAuthority> ca;
  TicketKeys tickets;
  RecordBuffers records;
  std::unique_ptr<AuditSink> audit;
  DecodeSpace decode{DecodeLimits{}.memory_bytes};
  std::unique_ptr<Spool> spool;
  ExitLimits limits;
  KnownText* known_texts = nullptr;
  std::string ticket;

 private:
  awaitable<void> beside_server(awaitable<void> test) {
    start();
    tasks_.spawn(server_->run());
    TaskGroup body(io.get_executor());
    body.spawn(std::move(test));
    co_await body.join();
    server_->stop();
    co_await tasks_.join();
    server_.reset();
  }
  void start() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        ::listen(socket, 64) != 0 ||
        ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      throw std::runtime_error("no port of the loopback");
    }
    port_ = ntohs(address.sin_port);
    ExitServices services{io,     wheel,  ledger, *policy, *ca,         tickets, records, origins,
                          *spool, *spool, decode, *audit,  known_texts, "x-",    limits};
    server_ = std::make_unique<ExitServer>(std::move(services), std::vector<int>{socket});
  }

  std::string directory_;
  std::uint16_t port_ = 0;
  TaskGroup tasks_;
  std::unique_ptr<ExitServer> server_;
};

}  // namespace bottle::test
