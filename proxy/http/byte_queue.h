#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// Body bytes that wait for their reader, in pieces: as they came, small ones put together, so that
// a peer that sends byte by byte does not make many times as much of them. Allocates nothing while
// it is empty. The bound is the owner's: for HTTP/2 it is the window that was granted.
class ByteQueue {
 public:
  void push(Bytes bytes) {
    const std::size_t n = bytes.size();
    if (n == 0) return;
    if (!pieces_.empty() && pieces_.back().size() + bytes.size() <= kSmall) {
      pieces_.back().append(bytes);
    } else {
      pieces_.push_back(std::move(bytes));
    }
    size_ += n;  // last: without memory nothing has changed
  }

  // From the first piece, at most `max` bytes; empty if there is none.
  Bytes take(std::size_t max) {
    if (size_ == 0) return Bytes();
    Bytes& front = pieces_[head_];
    const std::size_t left = front.size() - offset_;
    Bytes out;
    if (left > max) {
      out = front.substr(offset_, max);
      offset_ += max;
    } else {
      out = offset_ == 0 ? std::move(front) : front.substr(offset_);
      drop_first();
    }
    size_ -= out.size();
    return out;
  }

  // The first `n` bytes, n <= size(), to where there is room for them.
  void take_into(char* to, std::size_t n) {
    size_ -= n;
    while (n > 0) {
      const Bytes& front = pieces_[head_];
      const std::size_t part = std::min(n, front.size() - offset_);
      std::memcpy(to, front.data() + offset_, part);
      to += part;
      n -= part;
      offset_ += part;
      if (offset_ == front.size()) drop_first();
    }
  }

  void clear() noexcept {
    clear_pieces();
    offset_ = 0;
    size_ = 0;
  }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // Slots that are held, taken ones included.
  [[nodiscard]] std::size_t slots() const noexcept { return pieces_.size(); }

 private:
  static constexpr std::size_t kSmall = 4096;  // worth copying for the sake of a slot
  static constexpr std::size_t kTaken = 64;    // slots that may stand before the first piece

  void drop_first() {
    free_bytes(pieces_[head_]);
    offset_ = 0;
    if (++head_ == pieces_.size()) {
      clear_pieces();
    } else if (head_ >= kTaken && head_ * 2 >= pieces_.size()) {
      // A queue that is never quite empty would grow for ever.
      pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }
  void clear_pieces() noexcept {
    pieces_.clear();
    head_ = 0;
  }

  std::vector<Bytes> pieces_;
  std::size_t head_ = 0;    // the first piece that is not taken
  std::size_t offset_ = 0;  // so much of it is taken
  std::size_t size_ = 0;
};

}  // namespace bottle
