#include "proxy/free_memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "proxy/base/frame_cache.h"

namespace bottle {
namespace {

// A block of this size or more is a mapping of its own, which goes back when it is freed. Without
// a fixed value the allocator raises it to the largest block that was ever freed.
constexpr int kOwnMapping = 128 * 1024;

std::chrono::nanoseconds cpu_of_process() noexcept {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace

bool FreeMemory::Rule::look(Duration cpu, std::size_t resident) noexcept {
  const bool quiet = cpu_ && cpu - *cpu_ < kQuietTime;
  cpu_ = cpu;
  quiet_ = quiet ? quiet_ + 1 : 0;
  if (quiet_ < kQuietLooks) return false;
  const bool grown = resident >= low_ + std::max(kLeastGrowth, low_ / 32);
  if (!grown && (again_ == 0 || ++since_ < again_)) return false;
  since_ = 0;
  again_ = grown ? kAgain : again_ * 2;
  if (again_ > kLastAgain) again_ = 0;
  return true;
}

FreeMemory::FreeMemory(boost::asio::io_context& io, std::function<void()> before)
    : timer_(io),
      before_(std::move(before)),
      statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {
  if (statm_) {
    wait();
  } else {
    spdlog::warn("/proc/self/statm cannot be read: freed memory is not given back: {}",
                 std::strerror(errno));
  }
}

void FreeMemory::stop() { timer_.cancel(); }

void FreeMemory::set_up_allocator() noexcept {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, kOwnMapping);
#endif
}

void FreeMemory::renew_thread_cache() noexcept {
  FrameCache::of_thread().clear();
#ifdef __GLIBC__
  constexpr std::size_t kSmallest = 24;
  constexpr std::size_t kLargest = 1032;
  constexpr std::size_t kStep = 16;
  std::array<void*, 7> old{};
  std::array<void*, 7> fresh{};
  // Through volatile, or the compiler leaves out what comes to nothing.
  void* (*volatile take)(std::size_t) = &std::malloc;
  for (std::size_t size = kSmallest; size <= kLargest; size += kStep) {
    for (void*& block : old) block = take(size);
    for (void*& block : fresh) block = take(size);
    // The cache is full of these when those come.
    for (void* block : fresh) std::free(block);
    for (void* block : old) std::free(block);
  }
#endif
}

void FreeMemory::wait() {
  timer_.expires_after(due_ ? std::chrono::milliseconds(kMoment) : kLook);
  timer_.async_wait([this](boost::system::error_code ec) {
    if (ec) return;
    std::exchange(due_, false) ? give_back() : look();
    wait();
  });
}

void FreeMemory::look() {
  const auto now = resident();
  if (!now || !rule_.look(cpu_of_process(), *now)) return;
  due_ = true;
  before_();
  renew_thread_cache();
}

void FreeMemory::give_back() {
#ifdef __GLIBC__
  const std::size_t before = resident().value_or(0);
  const auto begun = std::chrono::steady_clock::now();
  ::malloc_trim(0);
  const auto took = std::chrono::steady_clock::now() - begun;
  const std::size_t after = resident().value_or(before);
  spdlog::debug("memory: {} KiB before, {} KiB after the free pages went back, in {} us",
                before / 1024, after / 1024,
                std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  rule_.gave_back(after);
#endif
}

std::optional<std::size_t> FreeMemory::resident() const noexcept {
  std::array<char, 128> text{};
  const ssize_t size = ::pread(statm_.get(), text.data(), text.size(), 0);
  if (size <= 0) return std::nullopt;
  // size resident shared …, in pages
  const char* const end = text.data() + size;
  const char* at = std::find(static_cast<const char*>(text.data()), end, ' ');
  std::size_t pages = 0;
  if (at == end || std::from_chars(at + 1, end, pages).ec != std::errc()) return std::nullopt;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace bottle
