#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

// The launcher reads credentials and hands them to bottle-proxy. So that nothing of them stays in
// memory that was freed, in the copies that strings make when they grow or are moved, everything is
// overwritten when it is freed. The launcher does little, so the time does not matter.
#if defined(__SANITIZE_ADDRESS__)
#define BOTTLE_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BOTTLE_ADDRESS_SANITIZER
#endif
#endif

#ifdef BOTTLE_ADDRESS_SANITIZER
// It has an operator of its own, and can do the same.
extern "C" const char* __asan_default_options() { return "max_free_fill_size=1073741824"; }
#else
void operator delete(void* memory) noexcept {
  if (memory != nullptr) ::explicit_bzero(memory, ::malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
#endif
