#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "proxy/base/bytes.h"

namespace bottle {

// Body bytes that wait for their reader, in the pieces in which they came. Allocates nothing while
// it is empty. The bound is the owner's: for HTTP/2 it is the window that was granted.
class ByteQueue {
 public:
  void push(Bytes bytes) {
    if (bytes.empty()) return;
    size_ += bytes.size();
    pieces_.push_back(std::move(bytes));
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
      front = Bytes();
      offset_ = 0;
      if (++head_ == pieces_.size()) clear_pieces();
    }
    size_ -= out.size();
    return out;
  }

  void clear() noexcept {
    clear_pieces();
    offset_ = 0;
    size_ = 0;
  }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  void clear_pieces() noexcept {
    pieces_.clear();
    head_ = 0;
  }

  std::vector<Bytes> pieces_;
  std::size_t head_ = 0;    // the first piece that is not taken
  std::size_t offset_ = 0;  // what of it is
  std::size_t size_ = 0;
};

}  // namespace bottle
