#include "proxy/contract/locked_bytes.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

namespace bottle {

LockedBytes::LockedBytes(std::size_t size) {
  if (size == 0) return;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  mapped_ = (size + page - 1) / page * page;
  void* const block =
      ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) throw std::bad_alloc();
  bytes_ = std::span<char>(static_cast<char*>(block), size);
  locked_ = ::mlock(block, mapped_) == 0;
  (void)::madvise(block, mapped_, MADV_DONTDUMP);
  (void)::madvise(block, mapped_, MADV_WIPEONFORK);
}

LockedBytes::~LockedBytes() {
  if (mapped_ == 0) return;
  ::explicit_bzero(bytes_.data(), bytes_.size());
  ::munmap(bytes_.data(), mapped_);
}

}  // namespace bottle
