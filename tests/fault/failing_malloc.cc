// Preloaded into a program (LD_PRELOAD), it makes single allocations fail: the n-th one after it
// was armed, and as many behind it as asked for. A test arms it through a file that both have
// mapped (FAILING_MALLOC names it); the processes that fork from the program share it. Not for
// builds with sanitizers, which have an allocator of their own.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <unwind.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

constexpr std::size_t kDepth = 40;
using Word = std::atomic<std::uint64_t>;

// As in tests/go/attack/failing_malloc.go.
struct Control {
  Word process;        // the one that allocations are counted of; 0: nothing fails
  Word first;          // the number of the first one that fails, from 1
  Word width;          // so many fail in a row
  Word seen;           // since it was armed
  Word failed;         // of them
  Word depth;          // of the stack of the first one that failed
  Word calls[kDepth];  // its return addresses
};

Control* control = nullptr;
thread_local bool recording = false;

_Unwind_Reason_Code record_call(_Unwind_Context* context, void*) {
  const std::uint64_t at = control->depth.load();
  if (at == kDepth) return _URC_END_OF_STACK;
  control->calls[at] = _Unwind_GetIP(context);
  control->depth = at + 1;
  return _URC_NO_REASON;
}

// Allocations of the unwinding itself do not count.
void record_stack() {
  recording = true;
  _Unwind_Backtrace(record_call, nullptr);
  recording = false;
}

bool fails() {
  if (control == nullptr || recording) return false;
  const std::uint64_t process = control->process.load(std::memory_order_relaxed);
  if (process == 0 || process != static_cast<std::uint64_t>(::getpid())) return false;
  const std::uint64_t number = control->seen.fetch_add(1) + 1;
  const std::uint64_t first = control->first.load();
  if (number < first || number >= first + control->width.load()) return false;
  if (control->failed.fetch_add(1) == 0) record_stack();
  errno = ENOMEM;
  return true;
}

// In the program and before its threads: a sandbox that comes later does not matter.
__attribute__((constructor)) void open_control() {
  const char* const path = std::getenv("FAILING_MALLOC");
  if (path == nullptr) return;
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  void* const memory =
      ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory != MAP_FAILED) control = static_cast<Control*>(memory);
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) void* malloc(std::size_t size) {
  return fails() ? nullptr : __libc_malloc(size);
}

__attribute__((visibility("default"))) void* calloc(std::size_t count, std::size_t size) {
  return fails() ? nullptr : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void* realloc(void* memory, std::size_t size) {
  return fails() ? nullptr : __libc_realloc(memory, size);
}

__attribute__((visibility("default"))) void* aligned_alloc(std::size_t alignment,
                                                           std::size_t size) {
  return fails() ? nullptr : __libc_memalign(alignment, size);
}

__attribute__((visibility("default"))) int posix_memalign(void** memory, std::size_t alignment,
                                                          std::size_t size) {
  *memory = fails() ? nullptr : __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"
