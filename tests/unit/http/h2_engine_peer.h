#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "proxy/http/h2_engine.h"
#include "tests/support/h2_frames.h"

namespace bottle::test {

// The engine with a peer made of bytes: what was sent to it, and what came of that.
class Server {
 public:
  explicit Server(bool by_bytes = false, H2Limits limits = {})
      : engine(limits, now), by_bytes_(by_bytes) {}

  // Preface and SETTINGS both ways.
  void greet(std::initializer_list<std::pair<std::uint16_t, std::uint32_t>> theirs = {}) {
    ASSERT_TRUE(send(kClientPreface + settings(theirs) + settings_ack()));
    flush();
    frames.clear();
  }
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
  // Everything the engine has to say.
  void flush(std::size_t buffer = 64 * 1024) {
    std::vector<char> out(buffer);
    while (const std::size_t n = engine.fill(ByteSpan(out), now)) {
      rest_.append(out.data(), n);
      largest_fill = std::max(largest_fill, n);
    }
    for (auto& f : parse_frames(rest_)) frames.push_back(std::move(f));
    take_events();
  }
  bool exchange(ByteView bytes) {
    const bool ok = send(bytes);
    flush();
    return ok;
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
  H2Engine engine;
  std::vector<H2Event> events;
  std::vector<SeenFrame> frames;
  std::optional<Failure> failure;
  std::size_t largest_fill = 0;

 private:
  bool by_bytes_;
  Bytes rest_;
};

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
