#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/http/h2_client_engine.h"
#include "proxy/http/h2_engine.h"
#include "tests/support/h2_frames.h"

namespace bottle::test {

// An engine with a peer made of bytes: what was sent to it, and what came of that.
template <class Engine>
class EnginePeer {
 public:
  explicit EnginePeer(bool by_bytes, H2Limits limits) : engine(limits, now), by_bytes_(by_bytes) {}

  bool send(ByteView bytes) {
    const std::size_t step = by_bytes_ ? 1 : std::max<std::size_t>(bytes.size(), 1);
    bool ok = true;
    for (std::size_t at = 0; at < bytes.size() && ok; at += step) {
      auto result = engine.receive(bytes.substr(at, step), now);
      ok = result.has_value();
      if (!ok) failure = result.error();
      take_events();
    }
    return ok;
  }
  void take_events() {
    while (auto event = engine.next_event()) events.push_back(std::move(*event));
  }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> out;
    for (const auto& event : events) {
      if (const auto* one = std::get_if<T>(&event)) out.push_back(*one);
    }
    return out;
  }
  std::size_t count(std::uint8_t type, std::int32_t stream = -1) const {
    return static_cast<std::size_t>(std::count_if(
        frames.begin(), frames.end(),
        [&](const SeenFrame& f) { return f.type == type && (stream < 0 || f.stream == stream); }));
  }
  const SeenFrame* first(std::uint8_t type, std::int32_t stream = -1) const {
    for (const auto& f : frames) {
      if (f.type == type && (stream < 0 || f.stream == stream)) return &f;
    }
    return nullptr;
  }
  std::size_t body_bytes(std::int32_t stream) const {
    std::size_t n = 0;
    for (const auto& f : frames) {
      if (f.type == kDataFrame && f.stream == stream) n += f.payload.size();
    }
    return n;
  }
  // The code of the GOAWAY that was sent; -1 for none.
  std::int64_t goaway_code() const {
    const SeenFrame* f = first(kGoAwayFrame);
    return f == nullptr ? -1 : static_cast<std::int64_t>(f->word(4));
  }
  std::int64_t rst_code(std::int32_t stream) const {
    const SeenFrame* f = first(kRstFrame, stream);
    return f == nullptr ? -1 : static_cast<std::int64_t>(f->word());
  }

  FloodGuard::TimePoint now{};
  Engine engine;
  std::vector<H2Event> events;
  std::vector<SeenFrame> frames;
  std::optional<Failure> failure;
  std::size_t largest_fill = 0;

 protected:
  // Everything the engine has to say, after what it said before.
  void fill(Bytes& said, std::size_t buffer) {
    std::vector<char> out(buffer);
    while (const std::size_t n = engine.fill(ByteSpan(out), now)) {
      said.append(out.data(), n);
      largest_fill = std::max(largest_fill, n);
    }
  }
  // The whole frames of `said`, which keeps the rest.
  void take_frames(Bytes& said) {
    for (auto& f : parse_frames(said)) frames.push_back(std::move(f));
    take_events();
  }

 private:
  bool by_bytes_;
};

// The engine of a server, and a client made of frames.
class Server : public EnginePeer<H2Engine> {
 public:
  explicit Server(bool by_bytes = false, H2Limits limits = {}) : EnginePeer(by_bytes, limits) {}

  // Preface and SETTINGS both ways.
  void greet(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> theirs = {}) {
    ASSERT_TRUE(send(kClientPreface + settings(theirs) + settings_ack()));
    flush();
    frames.clear();
  }
  void flush(std::size_t buffer = 64 * 1024) {
    fill(said_, buffer);
    take_frames(said_);
  }
  bool exchange(ByteView bytes) {
    const bool ok = send(bytes);
    flush();
    return ok;
  }

 private:
  Bytes said_;
};

// The engine of a client, and an origin made of frames.
class Client : public EnginePeer<H2ClientEngine> {
 public:
  explicit Client(bool by_bytes = false, H2Limits limits = {}) : EnginePeer(by_bytes, limits) {}

  void greet(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> theirs = {}) {
    flush();
    ASSERT_TRUE(send(settings(theirs) + settings_ack()));
    flush();
    frames.clear();
  }
  void flush() {
    fill(said_, 64 * 1024);
    if (!magic_seen_ && said_.size() >= kClientPreface.size()) {
      ASSERT_EQ(said_.substr(0, kClientPreface.size()), kClientPreface);
      said_.erase(0, kClientPreface.size());
      magic_seen_ = true;
    }
    take_frames(said_);
  }

 private:
  Bytes said_;
  bool magic_seen_ = false;
};

// A request with more fields.
inline FieldList with(FieldList more) {
  FieldList fields = request_fields();
  for (auto& f : more) fields.push_back(std::move(f));
  return fields;
}

inline ResponseHead ok_head() {
  ResponseHead head;
  head.status = 200;
  head.has_body = true;
  return head;
}

inline Chunk piece(Bytes bytes, bool end = false) {
  Chunk chunk;
  chunk.data = std::move(bytes);
  chunk.end = end;
  return chunk;
}

}  // namespace bottle::test
