#include "proxy/http/h2_core_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "proxy/base/keep_trying.h"

namespace bottle {
namespace {

template <class Get>
void* until_it_comes(Get get) noexcept {
  for (int tries = 0;; ++tries) {
    if (void* const memory = get()) return memory;
    await_memory(tries);
  }
}

}  // namespace

nghttp2_mem memory_that_comes() noexcept {
  nghttp2_mem memory{};
  memory.malloc = [](std::size_t size, void*) {
    return until_it_comes([size] { return std::malloc(std::max<std::size_t>(1, size)); });
  };
  memory.calloc = [](std::size_t count, std::size_t size, void*) {
    return until_it_comes([=] { return std::calloc(std::max<std::size_t>(1, count), size); });
  };
  memory.realloc = [](void* old, std::size_t size, void*) {
    return until_it_comes([=] { return std::realloc(old, std::max<std::size_t>(1, size)); });
  };
  memory.free = [](void* old, void*) { std::free(old); };
  return memory;
}

}  // namespace bottle
