#pragma once

#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/base/deadline.h"
#include "proxy/base/task_group.h"
#include "proxy/http/h1_parser.h"
#include "proxy/http/http1_session.h"
#include "proxy/http/http2_session.h"
#include "tests/support/h2_frames.h"
#include "tests/support/memory_pipe.h"
#include "tests/support/run_until.h"
#include "tests/support/script_handler.h"

namespace bottle::test {

enum class Protocol : std::uint8_t { H1, H2 };

// Adds to ScriptHandler's paths:
//   /status/NNN    that status, without a body
//   /hold          takes the request and never reads its body
//   /denied-later  refused by policy, but only when the client has gone
//   /liar          ten bytes declared, `liar` bytes given
class BenchHandler final : public Handler {
 public:
  BenchHandler(ScriptHandler& script, const Executor& executor)
      : script_(script), never_(executor) {}
  std::string next_id() override { return script_.next_id(); }
  awaitable<Response> handle(Request request, Exchange& exchange) override {
    const std::string target = request.head.target;
    Response response;
    if (target == "/hold" || target == "/denied-later") {
      ++script_.handled;
      const bool happened = co_await never_.wait();
      script_.cancelled += happened ? 0 : 1;
      response.head.status = 0;
      if (target == "/denied-later") response = refuse(Failure{Code::Denied, "no"}, exchange);
    } else if (target.starts_with("/status/")) {
      response.head.status = std::stoi(target.substr(8));
    } else if (target == "/liar") {
      response.head.has_body = true;
      response.head.content_length = 10;
      response.body = std::make_unique<BytesSource>(Bytes(liar, 'l'));
    } else {
      response = co_await script_.handle(std::move(request), exchange);
    }
    co_return response;
  }
  Response refuse(const Failure& failure, Exchange& exchange) override {
    return script_.refuse(failure, exchange);
  }
  void finished(const Exchange& exchange) noexcept override { script_.finished(exchange); }

  std::size_t liar = 0;

 private:
  ScriptHandler& script_;
  Event never_;
};

// One answer as the client saw it.
struct Answer {
  int status = 0;
  std::string path;  // X-Path
  Bytes body;
  bool trailers = false;
  bool closes = false;  // h1: "Connection: close" (or the version) said so
  bool whole = false;   // it ended as it should
  bool broken = false;  // it ended otherwise
};

// A session of either protocol over a pipe, and a client at the pipe's other end. One coroutine
// plays the client; nothing is read unless it says so.
class SessionBench : public testing::Test {
 public:
  static constexpr std::size_t kPipe = 64 * 1024;

 protected:
  explicit SessionBench(Protocol protocol_in)
      : protocol(protocol_in),
        wheel(io.get_executor()),
        handler(io.get_executor()),
        front(handler, io.get_executor()),
        pipe(io.get_executor(), kPipe),
        tasks(io.get_executor()) {
    nghttp2_hd_inflate_new(&inflater_);
  }
  ~SessionBench() override { nghttp2_hd_inflate_del(inflater_); }

  void play(awaitable<void> client) { run_until_done(io, std::move(client)); }

  void start(Http1Session::Arrival arrival = Http1Session::Arrival::Tunnel) {
    Destination destination;
    destination.host = "a.test";
    destination.port = 443;
    const bool listener = protocol == Protocol::H1 && arrival == Http1Session::Arrival::Listener;
    const bool named_by_host = arrival == Http1Session::Arrival::Server && !server_has_name;
    context.emplace(SessionContext{io.get_executor(), wheel, *serves, drain, limits, rules,
                                   listener || named_by_host ? Destination{} : destination,
                                   listener ? Scheme::Http : Scheme::Https, doorkeeper, false,
                                   place, account});
    if (protocol == Protocol::H1) {
      h1.emplace(pipe.b(), *context, arrival);
    } else {
      h2_session.emplace(pipe.b(), *context, h2);
    }
    tasks.spawn(serve());
  }

  // ---- what the client says

  awaitable<void> say(std::string_view bytes) {
    const IoResult put = co_await pipe.a().write_all(bytes);
    static_cast<void>(put);
  }
  awaitable<void> greet() {
    if (protocol == Protocol::H1) co_return;
    const Bytes hello = kClientPreface + settings() + settings_ack();
    co_await say(hello);
    while (!settings_seen_) {
      const bool more = co_await pump(kLong);
      if (!more) break;
    }
    EXPECT_TRUE(settings_seen_);
  }
  awaitable<void> ask(std::string_view method, std::string_view path) {
    const FieldList none;
    co_await ask_with(method, path, none);
  }
  awaitable<void> ask_with(std::string_view method, std::string_view path,
                           const FieldList& fields) {
    co_await send_head(method, path, fields, true);
  }
  // `size` is declared; the pieces follow.
  awaitable<void> begin_upload(std::string_view path, std::size_t size) {
    const FieldList none;
    co_await begin_upload_with(path, size, none);
  }
  awaitable<void> begin_upload_with(std::string_view path, std::size_t size,
                                    const FieldList& fields) {
    FieldList all = fields;
    all.emplace_back("content-length", std::to_string(size));
    co_await send_head("POST", path, all, false);
  }
  awaitable<void> send_piece(std::string_view piece, bool end) {
    if (protocol == Protocol::H1) {
      co_await say(piece);
      co_return;
    }
    while (!piece.empty()) {
      const std::size_t n = std::min<std::size_t>(piece.size(), 16 * 1024);
      while (window_ < n || stream_window_ < n) {
        const bool more = co_await pump(kLong);
        if (!more) co_return;
      }
      window_ -= n;
      stream_window_ -= n;
      const Bytes out = data(last_stream_, piece.substr(0, n), end && n == piece.size());
      co_await say(out);
      piece.remove_prefix(n);
    }
  }
  // Without a pause that is longer than a moment; how many of `size` bytes went.
  awaitable<std::size_t> send_as_much_as_goes(std::size_t size) {
    const Bytes piece(16 * 1024, 'u');
    std::size_t sent = 0;
    while (sent < size) {
      if (protocol == Protocol::H2) {
        while (window_ < piece.size() || stream_window_ < piece.size()) {
          const bool more = co_await pump(kMoment);
          if (!more) co_return sent;
        }
        co_await send_piece(piece, false);
        sent += piece.size();
        continue;
      }
      Deadline patience(wheel, pipe.a(), kMoment);
      const IoResult put = co_await pipe.a().write_all(piece);
      sent += put.n;
      if (!put.ok()) break;
    }
    co_return sent;
  }

  // ---- what it hears

  // The next answer, in the order of the requests.
  awaitable<Answer> next_answer() {
    while (!finished(front_answer())) {
      const bool more = co_await pump(kLong);
      if (!more) break;
    }
    Answer answer = std::move(front_answer());
    answer.broken = !answer.whole;
    if (!answers_.empty()) answers_.pop_front();
    if (!order_.empty()) order_.pop_front();
    co_return answer;
  }
  // Until the answer that is under way ends with `text`.
  awaitable<void> read_until_body(std::string_view text) {
    while (!front_answer().body.ends_with(text)) {
      const bool more = co_await pump(kLong);
      if (!more) break;
    }
    EXPECT_TRUE(front_answer().body.ends_with(text)) << front_answer().body;
  }
  awaitable<void> read_until_size(std::size_t size) {
    while (front_answer().body.size() < size) {
      const bool more = co_await pump(kLong);
      if (!more) break;
    }
    EXPECT_GE(front_answer().body.size(), size);
  }
  awaitable<void> read_until_interim(int status) {
    while (interims.empty() || interims.back() != status) {
      const bool more = co_await pump(kLong);
      if (!more) break;
    }
    EXPECT_FALSE(interims.empty());
  }

  // ---- ends

  awaitable<void> leave() {
    pipe.a().close();
    co_await tasks.join();
    EXPECT_TRUE(over);
  }
  // Until the session ends by itself.
  awaitable<void> until_over() {
    for (;;) {
      const bool more = co_await pump(kLong);
      if (!more) break;
    }
    EXPECT_FALSE(timed_out) << "the session does not end";
    if (timed_out) pipe.a().close();
    co_await tasks.join();
    EXPECT_TRUE(over);
  }
  awaitable<void> until_logged(std::size_t lines) {
    for (int i = 0; i < 400 && handler.log.size() < lines; ++i) {
      const bool waited = co_await sleep_for(std::chrono::milliseconds(5));
      if (!waited) break;
    }
  }
  // Lets everything that is due run.
  awaitable<void> settle() {
    const asio::use_awaitable_t<Executor> token;
    for (int i = 0; i < 100; ++i) co_await asio::post(io, token);
  }

  static constexpr std::chrono::milliseconds kMoment{60};
  static constexpr std::chrono::milliseconds kLong{5000};

  const Protocol protocol;
  asio::io_context io{1};
  TimerWheel wheel;
  ScriptHandler handler;
  BenchHandler front;
  Handler* serves = &front;
  DrainSignal drain;
  SessionLimits limits;
  H2Limits h2;
  RequestRules rules;
  MemoryPipe pipe;
  TaskGroup tasks;
  bool server_has_name = true;  // Arrival::Server: a.test was named before the first request
  std::optional<SessionContext> context;
  const Doorkeeper* doorkeeper = nullptr;
  IdleList::Place* place = nullptr;
  std::shared_ptr<MemoryAccount> account;
  std::optional<Http1Session> h1;
  std::optional<Http2Session> h2_session;
  Http1End h1_end;
  std::vector<int> interims;
  Bytes rest;  // read and not understood yet
  bool over = false;
  bool timed_out = false;

 private:
  awaitable<void> serve() {
    if (h1) {
      h1_end = co_await h1->run(Bytes());
    } else {
      co_await h2_session->run();
    }
    pipe.b().close();
    over = true;
  }

  awaitable<void> send_head(std::string_view method, std::string_view path, const FieldList& fields,
                            bool ends) {
    Bytes out;
    if (protocol == Protocol::H1) {
      order_.push_back(0);
      methods_.emplace_back(method);
      out.append(method).append(" ").append(path).append(" HTTP/1.1\r\nHost: a.test\r\n");
      for (const auto& [name, value] : fields) {
        out.append(name).append(": ").append(value).append("\r\n");
      }
      out += "\r\n";
    } else {
      last_stream_ += 2;
      order_.push_back(last_stream_);
      stream_window_ = initial_window_;
      FieldList all = request_fields(method, path);
      all.insert(all.end(), fields.begin(), fields.end());
      out = headers(last_stream_, all, ends);
    }
    answers_.emplace_back();
    co_await say(out);
  }

  static bool finished(const Answer& answer) { return answer.whole || answer.broken; }
  Answer& front_answer() {
    if (answers_.empty()) answers_.emplace_back();
    return answers_.front();
  }

  // Reads once; false if nothing came in that time, or never will.
  awaitable<bool> pump(std::chrono::milliseconds patience) {
    std::vector<char> buffer(16 * 1024);
    Deadline deadline(wheel, pipe.a(), patience);
    const IoResult got = co_await pipe.a().read_some(ByteSpan(buffer));
    if (!got.ok()) {
      timed_out = deadline.fired();
      co_return false;
    }
    rest.append(buffer.data(), got.n);
    if (protocol == Protocol::H1) {
      hear_h1();
    } else {
      const Bytes credit = hear_h2();
      if (!credit.empty()) co_await say(credit);
    }
    co_return true;
  }

  void hear_h1() {
    std::size_t at = 0;  // the answer that is being read
    while (at < answers_.size() && answers_[at].whole) ++at;
    while (!rest.empty()) {
      if (at == answers_.size()) {
        ADD_FAILURE() << "bytes that answer nothing: " << rest;
        return;
      }
      Answer& answer = answers_[at];
      parser_.set_request_method(methods_.front());
      const auto fed = parser_.feed(rest);
      if (!fed) {
        ADD_FAILURE() << fed.error().detail << ": " << rest;
        return;
      }
      rest.erase(0, *fed);
      if (parser_.head_ready()) {
        const ResponseHead head = parser_.take_head();
        if (head.status < 200) {
          interims.push_back(head.status);
          parser_.reset();
          continue;
        }
        answer.status = head.status;
        answer.path = head.fields.find("x-path").value_or("");
        answer.closes = !head.keep_alive;
      }
      answer.body += parser_.take_body();
      if (!parser_.message_complete()) continue;
      answer.trailers = parser_.take_trailers().has_value();
      answer.whole = true;
      parser_.reset();
      methods_.pop_front();
      ++at;
    }
  }

  Answer* answer_of(std::int32_t stream) {
    for (std::size_t i = 0; i < order_.size(); ++i) {
      if (order_[i] == stream) return &answers_[i];
    }
    return nullptr;
  }

  // Gives back what to say to it: window for what was read.
  Bytes hear_h2() {
    Bytes credit;
    for (const SeenFrame& seen : parse_frames(rest)) {
      Answer* answer = answer_of(seen.stream);
      if (seen.type == kSettingsFrame && (seen.flags & kAck) == 0) {
        settings_seen_ = true;
        for (std::size_t i = 0; i + 6 <= seen.payload.size(); i += 6) {
          const std::uint32_t id = seen.word(i) >> 16U;
          if (id == NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE) initial_window_ = seen.word(i + 2);
        }
      } else if (seen.type == kWindowFrame) {
        if (seen.stream == 0) window_ += seen.word();
        if (seen.stream == last_stream_) stream_window_ += seen.word();
      } else if (seen.type == kHeadersFrame) {
        const bool interim = inflate(seen.payload, answer);
        if (answer != nullptr && !interim && seen.ends()) answer->whole = true;
      } else if (seen.type == kDataFrame) {
        if (answer != nullptr) {
          answer->body += seen.payload;
          answer->whole = answer->whole || seen.ends();
        }
        const auto n = static_cast<std::uint32_t>(seen.payload.size());
        if (n > 0) credit += window_update(0, n);
        if (n > 0 && !seen.ends()) credit += window_update(seen.stream, n);
      } else if (seen.type == kRstFrame && answer != nullptr && !answer->whole) {
        answer->broken = true;
      }
    }
    return credit;
  }

  // True for an interim head.
  bool inflate(const Bytes& block, Answer* answer) {
    const auto* in = reinterpret_cast<const std::uint8_t*>(block.data());
    std::size_t size = block.size();
    const bool first = answer != nullptr && answer->status == 0;
    bool interim = false;
    for (;;) {
      nghttp2_nv field;
      int flags = 0;
      const auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags, in, size, 1);
      if (used < 0) {
        ADD_FAILURE() << "a header block that cannot be read";
        return false;
      }
      in += used;
      size -= static_cast<std::size_t>(used);
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        const std::string name(reinterpret_cast<const char*>(field.name), field.namelen);
        const std::string value(reinterpret_cast<const char*>(field.value), field.valuelen);
        if (name == ":status" && value.starts_with('1')) {
          interims.push_back(std::stoi(value));
          interim = true;
        } else if (name == ":status" && answer != nullptr) {
          answer->status = std::stoi(value);
        } else if (name == "x-path" && answer != nullptr) {
          answer->path = value;
        } else if (answer != nullptr && !first) {
          answer->trailers = true;
        }
      }
      if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0) break;
    }
    nghttp2_hd_inflate_end_headers(inflater_);
    return interim;
  }

  H1ResponseParser parser_;
  nghttp2_hd_inflater* inflater_ = nullptr;
  std::deque<Answer> answers_;      // those that were not taken, in the order of the requests
  std::deque<std::int32_t> order_;  // their streams
  std::deque<std::string> methods_;
  std::int32_t last_stream_ = -1;
  bool settings_seen_ = false;
  std::uint64_t window_ = 65535;
  std::uint64_t stream_window_ = 65535;
  std::uint32_t initial_window_ = 65535;
};

}  // namespace bottle::test
