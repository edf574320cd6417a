#pragma once

#include <array>
#include <cstddef>

namespace bottle {

// Memory for coroutines' frames: a block that was freed serves the next frame of about its size.
// Asio's own store has eight places, which are searched, and none for what is above a KiB, as a
// third of our frames are; the C library takes long for those. It keeps a bounded amount. One
// thread; its end frees nothing: clear() does.
class FrameCache {
 public:
  static constexpr std::size_t kKept = 256 * 1024;  // bytes
  static constexpr std::size_t kLargest = 8 * 1024;

  // At least `size` bytes, aligned as operator new does. Throws std::bad_alloc.
  [[nodiscard]] void* take(std::size_t size);
  // `size` as it was for take(), which another thread's cache may have been asked.
  void give(void* block, std::size_t size) noexcept;
  void clear() noexcept;

  [[nodiscard]] std::size_t kept() const noexcept { return kept_; }

  // The calling thread's. Its own end frees nothing.
  [[nodiscard]] static FrameCache& of_thread() noexcept;

 private:
  struct Block {
    Block* next;
  };
  static constexpr std::size_t kStep = 16;
  static constexpr std::size_t kLeast = sizeof(Block);
  static constexpr std::size_t kRows = kLargest / kStep + 1;

  // Blocks of one row have the same size, the largest that belongs to it: one that the C library's
  // allocator wastes nothing of.
  [[nodiscard]] static constexpr std::size_t row_of(std::size_t size) noexcept {
    return (size + kStep - 1 - kLeast) / kStep;
  }
  [[nodiscard]] static constexpr std::size_t size_of(std::size_t row) noexcept {
    return row * kStep + kLeast;
  }

  std::array<Block*, kRows> rows_{};
  std::size_t kept_ = 0;
};

}  // namespace bottle
