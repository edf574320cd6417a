#pragma once

#include <sys/mman.h>

#include <new>
#include <type_traits>

namespace bottle {

// A value in memory that a process shares with those that it forks, all bytes zero at first: what
// one of them wrote is there for the next, whatever ended it. std::bad_alloc if there is no memory.
template <class Value>
class Lasting {
  static_assert(std::is_trivially_copyable_v<Value> && std::is_trivially_destructible_v<Value>,
                "no constructor runs, and a process may end at any byte");

 public:
  Lasting()
      : memory_(::mmap(nullptr, sizeof(Value), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                       -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::bad_alloc();
  }
  Lasting(const Lasting&) = delete;
  Lasting& operator=(const Lasting&) = delete;
  ~Lasting() { ::munmap(memory_, sizeof(Value)); }

  [[nodiscard]] Value& value() const noexcept { return *static_cast<Value*>(memory_); }

 private:
  void* const memory_;
};

}  // namespace bottle
