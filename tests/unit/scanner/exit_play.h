#pragma once

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proxy/ledger/local_ledger.h"
#include "proxy/ledger/rewrites.h"
#include "proxy/ledger/ticket.h"
#include "proxy/scanner/pipelock_upstream.h"
#include "tests/support/scripted_peer.h"
#include "tests/unit/scanner/scanner_words.h"

// A scanner with an exit behind it, played together from a list of acts: what the one writes to the
// front and what the other tells it, in the order that the test wants.
namespace bottle::test {

struct Act {
  enum class Kind : unsigned char {
    TakeHead,  // reads a request's head
    TakeBody,  // … and `size` bytes of its body
    Claim,     // the exit has the request, and begins
    Claims,    // … and does not begin
    Tell,
    TellBody,  // `text` as BodyNews, in the front's credit
    Say,       // the scanner writes `text`
    Pause,
    LetGo,  // the exit's end goes
    Gone,   // the scanner's connection is reset
    Again   // back to the first act
  };
  Kind kind;
  std::string text;
  std::optional<ExitNews> news;
  std::size_t size = 0;
  std::chrono::milliseconds time{0};
};
using Acts = std::vector<Act>;

inline Act act(Act::Kind kind, std::string text = {}) {
  return Act{kind, std::move(text), {}, 0, {}};
}
inline Act take_head() { return act(Act::Kind::TakeHead); }
inline Act take_body(std::size_t size) { return Act{Act::Kind::TakeBody, {}, {}, size, {}}; }
inline Act claim() { return act(Act::Kind::Claim); }
inline Act claims() { return act(Act::Kind::Claims); }
inline Act tell(ExitNews news) { return Act{Act::Kind::Tell, {}, std::move(news), 0, {}}; }
inline Act tell_body(std::string text) { return act(Act::Kind::TellBody, std::move(text)); }
inline Act says(std::string text) { return act(Act::Kind::Say, std::move(text)); }
inline Act waits(std::chrono::milliseconds time) { return Act{Act::Kind::Pause, {}, {}, 0, time}; }
inline Act let_go() { return act(Act::Kind::LetGo); }
inline Act dies() { return act(Act::Kind::Gone); }
inline Act once_more() { return act(Act::Kind::Again); }

struct PlayRecord {
  std::string received;
  std::vector<std::string> tickets;
  std::optional<Admission> admission;
  std::string refused;      // the word of a claim that failed
  std::size_t told = 0;     // body bytes
  bool front_gone = false;  // seen by the exit
  bool began = false;
  bool finished = false;
};

inline std::string ticket_in(const std::string& head) {
  const std::string name = "\r\nX-Bottle-Exchange: ";
  const std::size_t at = head.rfind(name);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size();
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

// False: the front's end is gone.
inline awaitable<bool> tell_in_credit(ExitEnd& end, std::string text, PlayRecord& record) {
  while (!text.empty()) {
    const bool may = co_await end.wait();
    if (!may || end.over()) co_return false;
    BodyNews news;
    news.data = text.substr(0, std::min({text.size(), end.room(), kSidePiece}));
    text.erase(0, news.data.size());
    record.told += news.data.size();
    end.tell(std::move(news));
  }
  co_return true;
}

inline awaitable<bool> take_more(ByteStream& stream, PlayRecord& record) {
  std::string room(4096, '\0');
  const IoResult got = co_await stream.read_some(room);
  record.received.append(room, 0, got.n);
  co_return got.ok();
}

inline awaitable<void> play_exit(std::unique_ptr<ByteStream> stream, Acts acts, LocalLedger& ledger,
                                 Executor executor, PlayRecord& record) {
  std::size_t parsed = 0;
  std::string request;
  std::unique_ptr<ExitEnd> end;
  for (std::size_t i = 0; i < acts.size(); ++i) {
    const Act& now = acts[i];
    switch (now.kind) {
      case Act::Kind::TakeHead: {
        std::size_t found = record.received.find("\r\n\r\n", parsed);
        while (found == std::string::npos) {
          const bool more = co_await take_more(*stream, record);
          if (!more) co_return;
          found = record.received.find("\r\n\r\n", parsed);
        }
        request = record.received.substr(parsed, found + 4 - parsed);
        record.tickets.push_back(ticket_in(request));
        parsed = found + 4;
        break;
      }
      case Act::Kind::TakeBody: {
        while (record.received.size() < parsed + now.size) {
          const bool more = co_await take_more(*stream, record);
          if (!more) co_return;
        }
        parsed += now.size;
        break;
      }
      case Act::Kind::Claim:
      case Act::Kind::Claims: {
        auto claimed = ledger.claim(ticket_in(request), executor);
        if (!claimed) {
          record.refused = claimed.error().reason;
          break;
        }
        end = std::move(*claimed);
        record.admission = end->admission();
        if (now.kind == Act::Kind::Claim) record.began = end->begin();
        break;
      }
      case Act::Kind::Tell:
        if (end) end->tell(*now.news);
        break;
      case Act::Kind::TellBody: {
        const bool told = co_await tell_in_credit(*end, now.text, record);
        if (!told) {
          record.front_gone = true;
          co_return;
        }
        break;
      }
      case Act::Kind::Say: {
        const IoResult wrote = co_await stream->write_all(now.text);
        if (!wrote.ok()) co_return;
        break;
      }
      case Act::Kind::Pause: {
        const bool slept = co_await sleep_for(now.time);
        if (!slept) co_return;
        break;
      }
      case Act::Kind::LetGo:
        end.reset();
        break;
      case Act::Kind::Gone:
        stream->close();
        break;
      case Act::Kind::Again:
        i = static_cast<std::size_t>(-1);
        break;
    }
  }
  record.finished = true;
  bool more = true;
  while (more) {
    const bool got = co_await take_more(*stream, record);
    more = got;
  }
  record.front_gone = end && end->over();
}

class PlayDialer final : public Dialer {
 public:
  PlayDialer(asio::io_context& io, TaskGroup& peers, LocalLedger& ledger)
      : io_(io), peers_(peers), ledger_(ledger) {}
  PlayRecord& will_play(Acts acts) {
    records_.push_back(std::make_unique<PlayRecord>());
    acts_.push_back({std::move(acts), records_.back().get()});
    return *records_.back();
  }
  awaitable<Result<Connection>> dial(const Destination&, Scheme, std::uint64_t) override {
    ++dials;
    if (acts_.empty()) co_return Failure{Code::ScannerUnavailable, "nobody there"};
    auto [acts, record] = std::move(acts_.front());
    acts_.pop_front();
    pipes_.push_back(std::make_unique<MemoryPipe>(io_.get_executor(), 256 * 1024));
    peers_.spawn(
        play_exit(pipes_.back()->take_b(), std::move(acts), ledger_, io_.get_executor(), *record));
    Connection connection;
    connection.stream = pipes_.back()->take_a();
    co_return connection;
  }
  int dials = 0;

 private:
  asio::io_context& io_;
  TaskGroup& peers_;
  LocalLedger& ledger_;
  std::deque<std::pair<Acts, PlayRecord*>> acts_;
  std::vector<std::unique_ptr<PlayRecord>> records_;
  std::vector<std::unique_ptr<MemoryPipe>> pipes_;
};

// ---- what the two say
// ----------------------------------------------------------------------------

inline HeadNews head_news(int status, std::vector<std::pair<std::string, std::string>> fields = {},
                          bool has_body = true) {
  HeadNews news;
  news.head.status = status;
  news.head.has_body = has_body;
  for (const auto& [name, value] : fields) news.head.fields.add(name, value);
  return news;
}
inline EndNews end_news(const std::string& body) {
  EndNews news;
  news.bytes = body.size();
  news.digest = sha256(body);
  return news;
}
inline FailureNews failure_news(Code code, std::string_view reason, DecidedBy by) {
  FailureNews news;
  news.failure = Failure(code, "told by the exit", reason);
  news.by = by;
  return news;
}

// A head as Go writes one that went through: names in its case, sorted, Date and framing behind.
inline std::string relayed_head(const ResponseHead& shown, const std::string& framing) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const Field field : shown.fields) {
    std::string name(field.name);
    bool upper = true;
    for (char& c : name) {
      c = static_cast<char>(upper ? std::toupper(static_cast<unsigned char>(c))
                                  : std::tolower(static_cast<unsigned char>(c)));
      upper = c == '-';
    }
    fields.emplace_back(std::move(name), std::string(field.value));
  }
  if (!shown.fields.has("date")) fields.emplace_back("Date", "Mon, 01 Jan 2024 00:00:00 GMT");
  std::sort(fields.begin(), fields.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string out = "HTTP/1.1 " + std::to_string(shown.status) + " X\r\n";
  for (const auto& [name, value] : fields) out += name + ": " + value + "\r\n";
  return out + framing + "\r\n";
}
inline std::string relayed(const HeadNews& news, const std::string& body,
                           const std::string& id = "e1", bool bypass_body = false) {
  return relayed_head(shown_to_scanner(news.head, id, bypass_body),
                      "Content-Length: " + std::to_string(body.size()) + "\r\n") +
         body;
}
struct ExitWorld : PipeWorld {
  explicit ExitWorld(PipelockOptions options_in = {})
      : PipeWorld(PoolLimits::for_scanner()),
        dial(io, peers, ledger),
        spool(spool_limits(), decode),
        upstream(dial, pool, spool, std::move(options_in), &ledger) {}
  ~ExitWorld() { finish(); }
  Outcome ask(Request request, Ask how = {}) {
    how.scheme = Scheme::Https;
    how.destination.port = 443;
    return PipeWorld::ask(upstream, std::move(request), std::move(how));
  }

  LocalLedger ledger;
  PlayDialer dial;
  DecodeSpace decode{DecodeLimits{}.memory_bytes};
  Spool spool;
  PipelockUpstream upstream;
};

}  // namespace bottle::test
