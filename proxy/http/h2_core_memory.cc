#include "proxy/http/h2_core_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

#include "proxy/base/keep_trying.h"

namespace bottle {
namespace {

constexpr std::size_t kOwnMapping = 16 * 1024;

// In front of each block; keeps it aligned for every type.
struct alignas(std::max_align_t) Header {
  std::size_t size = 0;  // with this header
};

void* try_to_get(std::size_t whole) noexcept {
  if (whole < kOwnMapping) return std::malloc(whole);
  void* const memory =
      ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

void* allocate(std::size_t size, void*) {
  if (size > SIZE_MAX - sizeof(Header)) return nullptr;
  const std::size_t whole = size + sizeof(Header);
  for (int tries = 0;; ++tries) {
    if (void* const memory = try_to_get(whole)) return new (memory) Header{whole} + 1;
    await_memory(tries);
  }
}

void release(void* block, void*) {
  if (block == nullptr) return;
  auto* const header = static_cast<Header*>(block) - 1;
  if (header->size < kOwnMapping) {
    std::free(header);
  } else {
    ::munmap(header, header->size);
  }
}

void* allocate_zeroed(std::size_t count, std::size_t size, void*) {
  if (size != 0 && count > SIZE_MAX / size) return nullptr;
  void* const block = allocate(count * size, nullptr);
  // A mapping is zero, and to write it would be to take its pages.
  if (block != nullptr && count * size + sizeof(Header) < kOwnMapping) {
    std::memset(block, 0, count * size);
  }
  return block;
}

void* reallocate(void* block, std::size_t size, void*) {
  void* const moved = allocate(size, nullptr);
  if (moved == nullptr || block == nullptr) return moved;
  const std::size_t before = (static_cast<Header*>(block) - 1)->size - sizeof(Header);
  std::memcpy(moved, block, std::min(before, size));
  release(block, nullptr);
  return moved;
}

}  // namespace

nghttp2_mem* h2_memory() noexcept {
  static nghttp2_mem memory{nullptr, &allocate, &release, &allocate_zeroed, &reallocate};
  return &memory;
}

}  // namespace bottle
