#include "proxy/body/decode_space.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace bottle {

// In front of each block, and as long as keeps the block aligned for every type.
struct alignas(64) DecodeHeap::Header {
  std::size_t size = 0;     // with this header
  std::size_t charged = 0;  // to the space
  bool mapped = false;
};

bool DecodeHeap::charge(Header& header, std::size_t bytes) noexcept {
  if (bytes <= header.charged) return true;
  if (!space_.take(bytes - header.charged)) {
    short_of_space_ = true;
    return false;
  }
  header.charged = bytes;
  return true;
}

void* DecodeHeap::allocate(std::size_t size) noexcept {
  Header header;
  if (size > SIZE_MAX - sizeof(Header)) return nullptr;
  header.size = size + sizeof(Header);
  header.mapped = header.size >= kLazy;
  const auto place = std::find(large_.begin(), large_.end(), nullptr);
  const bool by_use = lazy_ && header.mapped && place != large_.end();
  if (!charge(header, by_use ? 0 : header.size)) return nullptr;
  // A mapping of its own, so that its pages come when they are written and leave when it ends: the
  // heap would keep them.
  void* memory = header.mapped
                     ? ::mmap(nullptr, header.size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                     : std::aligned_alloc(alignof(Header), (header.size + alignof(Header) - 1) /
                                                               alignof(Header) * alignof(Header));
  if (memory == nullptr || memory == MAP_FAILED) {
    space_.give_back(header.charged);
    return nullptr;
  }
  auto* const at = new (memory) Header(header);
  if (by_use) *place = at;
  return at + 1;
}

void DecodeHeap::release(void* block) noexcept {
  if (block == nullptr) return;
  auto* const header = static_cast<Header*>(block) - 1;
  space_.give_back(header->charged);
  std::replace(large_.begin(), large_.end(), header, static_cast<Header*>(nullptr));
  if (header->mapped) {
    ::munmap(header, header->size);
  } else {
    std::free(header);
  }
}

bool DecodeHeap::wrote(std::size_t bytes) noexcept {
  return std::all_of(large_.begin(), large_.end(), [&](Header* header) {
    return header == nullptr || charge(*header, std::min(header->size, bytes + sizeof(Header)));
  });
}

}  // namespace bottle
