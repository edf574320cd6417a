#include "proxy/base/frame_cache.h"

#include <new>

namespace bottle {

void* FrameCache::take(std::size_t size) {
  if (size == 0 || size > kLargest) return ::operator new(size);
  const std::size_t row = row_of(size);
  Block* const block = rows_[row];
  if (block == nullptr) return ::operator new(size_of(row));
  rows_[row] = block->next;
  kept_ -= size_of(row);
  return block;
}

void FrameCache::give(void* memory, std::size_t size) noexcept {
  if (size == 0 || size > kLargest || kept_ + size > kKept) {
    ::operator delete(memory);
    return;
  }
  const std::size_t row = row_of(size);
  rows_[row] = ::new (memory) Block{rows_[row]};
  kept_ += size_of(row);
}

void FrameCache::clear() noexcept {
  for (Block*& row : rows_) {
    while (row != nullptr) {
      Block* const block = row;
      row = block->next;
      ::operator delete(block);
    }
  }
  kept_ = 0;
}

FrameCache& FrameCache::of_thread() noexcept {
  static thread_local constinit FrameCache cache;
  return cache;
}

}  // namespace bottle
