#pragma once

#include <cassert>
#include <cstddef>

namespace bottle {

// Memory of its owner's for one thing of Asio's at a time: what is put there allocates nothing. It
// outlives what is in it.
template <std::size_t kSize>
class Place {
 public:
  // Gives it out. A copy gives out the same place.
  template <class T>
  class Allocator {
   public:
    using value_type = T;
    explicit Allocator(Place& place) noexcept : place_(&place) {}
    template <class U>
    explicit Allocator(const Allocator<U>& other) noexcept : place_(other.place_) {}
    T* allocate(std::size_t n) const {
      static_assert(sizeof(T) <= kSize && alignof(T) <= alignof(std::max_align_t));
      assert(n == 1);
      static_cast<void>(n);
      return reinterpret_cast<T*>(place_->bytes_);
    }
    void deallocate(T*, std::size_t) const noexcept {}
    template <class U>
    bool operator==(const Allocator<U>& other) const noexcept {
      return place_ == other.place_;
    }

   private:
    template <class U>
    friend class Allocator;
    Place* place_;
  };

  Place() = default;
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] Allocator<void> allocator() noexcept { return Allocator<void>(*this); }

 private:
  alignas(std::max_align_t) std::byte bytes_[kSize];
};

}  // namespace bottle
