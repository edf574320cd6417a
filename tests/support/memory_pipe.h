#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "proxy/base/byte_stream.h"
#include "proxy/base/event.h"

namespace bottle::test {

// Two ByteStreams, each reading what the other wrote; the network of session tests. Holds at most
// `capacity` unread bytes each way, so that a writer waits for a slow reader.
class MemoryPipe {
 public:
  explicit MemoryPipe(const Executor& executor, std::size_t capacity = 256 * 1024)
      : there_(executor, capacity),
        back_(executor, capacity),
        a_(std::make_unique<End>(back_, there_)),
        b_(std::make_unique<End>(there_, back_)) {}
  MemoryPipe(const MemoryPipe&) = delete;
  MemoryPipe& operator=(const MemoryPipe&) = delete;

  [[nodiscard]] ByteStream& a() noexcept { return *a_; }
  [[nodiscard]] ByteStream& b() noexcept { return *b_; }
  // For code that owns its stream. The pipe must still outlive it.
  [[nodiscard]] std::unique_ptr<ByteStream> take_a() noexcept { return std::move(a_); }
  [[nodiscard]] std::unique_ptr<ByteStream> take_b() noexcept { return std::move(b_); }

 private:
  struct Direction {
    Direction(const Executor& executor, std::size_t most)
        : capacity(most), readable(executor), writable(executor) {}
    Bytes bytes;
    const std::size_t capacity;
    bool ended = false;   // the writer will write no more
    bool closed = false;  // one of the two is gone
    Event readable;
    Event writable;
  };

  class End final : public ByteStream {
   public:
    End(Direction& in, Direction& out) : in_(in), out_(out) {}
    ~End() override { close(); }

    awaitable<IoResult> read_some(ByteSpan into) override {
      while (closed_ || in_.bytes.empty()) {
        IoResult over;
        over.status = closed_      ? IoStatus::Cancelled
                      : in_.ended  ? IoStatus::Eof
                      : in_.closed ? IoStatus::Reset
                                   : IoStatus::Ok;
        if (!over.ok()) co_return over;
        const bool news = co_await in_.readable.wait();
        over.status = IoStatus::Cancelled;
        if (!news) co_return over;
      }
      IoResult got;
      got.n = std::min(into.size(), in_.bytes.size());
      std::copy_n(in_.bytes.data(), got.n, into.data());
      in_.bytes.erase(0, got.n);
      in_.writable.set_later();
      co_return got;
    }
    awaitable<IoResult> write_all(ByteView data) override {
      IoResult put;
      while (!data.empty()) {
        put.status = closed_                     ? IoStatus::Cancelled
                     : out_.closed || out_.ended ? IoStatus::Reset
                                                 : IoStatus::Ok;
        if (!put.ok()) co_return put;
        const std::size_t room = out_.capacity - std::min(out_.capacity, out_.bytes.size());
        if (room > 0) {
          const std::size_t n = std::min(room, data.size());
          out_.bytes.append(data.substr(0, n));
          data.remove_prefix(n);
          put.n += n;
          out_.readable.set_later();
          continue;
        }
        const bool news = co_await out_.writable.wait();
        if (!news) {
          put.status = IoStatus::Cancelled;
          co_return put;
        }
      }
      co_return put;
    }
    awaitable<void> shutdown() override {
      out_.ended = true;
      out_.readable.set_later();
      co_return;
    }
    void cancel() noexcept override {
      in_.readable.cancel();
      out_.writable.cancel();
    }
    void close() noexcept override {
      if (closed_) return;
      closed_ = true;
      in_.closed = true;
      out_.closed = true;
      cancel();
      in_.writable.set_later();
      out_.readable.set_later();
    }
    [[nodiscard]] bool readable_now() noexcept override {
      return !in_.bytes.empty() || in_.ended || in_.closed;
    }

   private:
    Direction& in_;
    Direction& out_;
    bool closed_ = false;
  };

  Direction there_;
  Direction back_;
  std::unique_ptr<End> a_;
  std::unique_ptr<End> b_;
};

}  // namespace bottle::test
