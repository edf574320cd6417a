#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/base/memory_budget.h"

namespace bottle {

// The memory that all decoders of one worker share. One thread; outlives every decoder.
class DecodeSpace {
 public:
  // It is a part of `budget`, which outlives it; null: of none.
  explicit DecodeSpace(std::size_t limit, MemoryBudget* budget = nullptr)
      : limit_(limit), budget_(budget), room_(std::make_unique_for_overwrite<char[]>(kRoom)) {}
  DecodeSpace(const DecodeSpace&) = delete;
  DecodeSpace& operator=(const DecodeSpace&) = delete;

  // False if that would be more than the limit, or than the budget leaves; then nothing is taken.
  [[nodiscard]] bool take(std::size_t bytes) noexcept {
    if (bytes > limit_ - taken_) return false;
    if (budget_ != nullptr && !budget_->take_if_left(bytes)) return false;
    taken_ += bytes;
    return true;
  }
  void give_back(std::size_t bytes) noexcept {
    taken_ -= bytes;
    if (budget_ != nullptr) budget_->give_back(bytes);
  }
  [[nodiscard]] std::size_t taken() const noexcept { return taken_; }

  // Where a piece is decoded to. Used between two waits: the next user overwrites it.
  [[nodiscard]] ByteSpan room() noexcept { return ByteSpan(room_.get(), kRoom); }

 private:
  static constexpr std::size_t kRoom = 64 * 1024;

  const std::size_t limit_;
  MemoryBudget* const budget_;
  std::size_t taken_ = 0;
  std::unique_ptr<char[]> room_;
};

// The memory of one decoder, for a library that takes an allocator. All of it is charged to the
// space when it is taken, except for blocks of kLazy bytes and more: the kernel gives its pages
// when they are first written, and they are charged by wrote(). Blocks go back to the kernel at
// once.
class DecodeHeap {
 public:
  static constexpr std::size_t kLazy = 1024 * 1024;

  // `lazy`: the library writes a large block from its start on, no faster than wrote() is told.
  DecodeHeap(DecodeSpace& space, bool lazy) noexcept : space_(space), lazy_(lazy) {}
  DecodeHeap(const DecodeHeap&) = delete;
  DecodeHeap& operator=(const DecodeHeap&) = delete;

  // Null if the space is used up (then short_of_space() is true from now on), or the machine's
  // memory is.
  [[nodiscard]] void* allocate(std::size_t size) noexcept;
  void release(void* block) noexcept;
  // So much of every large block may have been written by now. False: the space is used up.
  [[nodiscard]] bool wrote(std::size_t bytes) noexcept;
  [[nodiscard]] bool short_of_space() const noexcept { return short_of_space_; }

 private:
  struct Header;
  [[nodiscard]] bool charge(Header& header, std::size_t bytes) noexcept;

  // More than any of the libraries has at a time; a further one is charged at once.
  static constexpr std::size_t kLargeBlocks = 4;

  DecodeSpace& space_;
  const bool lazy_;
  bool short_of_space_ = false;
  std::array<Header*, kLargeBlocks> large_{};
};

}  // namespace bottle
