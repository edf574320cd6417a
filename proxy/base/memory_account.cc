#include "proxy/base/memory_account.h"

#include <boost/asio/post.hpp>
#include <new>

namespace bottle {

std::shared_ptr<MemoryAccount> MemoryAccount::open(MemoryBudget& budget, Executor executor) {
  auto account =
      std::make_shared<MemoryAccount>(budget, std::move(executor), MemoryBudget::kOfConnection);
  budget.add(*account);
  return account;
}

MemoryAccount::MemoryAccount(MemoryBudget& budget, Executor executor, std::size_t most)
    : budget_(budget), executor_(std::move(executor)), most_(most) {}

MemoryAccount::~MemoryAccount() { budget_.remove(*this); }

MemoryAccount::EndedBy::EndedBy(MemoryAccount* account, Cancellable& end) noexcept
    : account_(account) {
  if (account_ != nullptr) before_ = std::exchange(account_->end_, &end);
}

MemoryAccount::EndedBy::~EndedBy() {
  if (account_ == nullptr) return;
  account_->end_ = before_;
  if (before_ == nullptr) account_->budget_.remove(*account_);  // the connection is over
}

// A connection that is listed is there, so its loop runs.
bool MemoryAccount::end_later() noexcept {
  const auto self = weak_from_this().lock();
  if (self == nullptr) return false;  // another thread is about to take it off the list
  try {
    asio::post(executor_, [self] {
      if (self->end_ != nullptr) self->end_->cancel();
    });
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void MemoryAccount::take(std::size_t bytes, bool grows) noexcept {
  held_.fetch_add(bytes, std::memory_order_relaxed);
  if (grows) grown_.fetch_add(bytes, std::memory_order_relaxed);
  budget_.take(bytes);
}

void MemoryAccount::give_back(std::size_t bytes, bool grows) noexcept {
  held_.fetch_sub(bytes, std::memory_order_relaxed);
  if (grows) grown_.fetch_sub(bytes, std::memory_order_relaxed);
  budget_.give_back(bytes, *this);
}

MemoryHold& MemoryHold::operator=(MemoryHold&& other) noexcept {
  if (this == &other) return *this;
  set(0);
  account_ = std::move(other.account_);
  bytes_ = std::exchange(other.bytes_, 0);
  kind_ = other.kind_;
  return *this;
}

void MemoryHold::set(std::size_t bytes) noexcept {
  if (account_ == nullptr || bytes == bytes_) return;
  const bool grows = kind_ == Kind::Grows;
  const std::size_t before = std::exchange(bytes_, bytes);
  if (bytes > before) {
    account_->take(bytes - before, grows);
  } else {
    account_->give_back(before - bytes, grows);
  }
}

}  // namespace bottle
