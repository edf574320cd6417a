#include "proxy/base/shares.h"

#include <cassert>

namespace bottle {

Shares::Part::Part(Shares& shares, Party party) : party_(party) {
  client_ = join(shares.clients_, party.client);
  try {
    place_ = join(shares.places_, party.place);
  } catch (...) {
    part_from(shares.clients_, client_, party.client);
    throw;
  }
  shares_ = &shares;
}

Shares::Part& Shares::Part::operator=(Part&& other) noexcept {
  if (this == &other) return *this;
  leave();
  shares_ = std::exchange(other.shares_, nullptr);
  client_ = other.client_;
  place_ = other.place_;
  party_ = other.party_;
  held_ = std::exchange(other.held_, 0);
  return *this;
}

void Shares::Part::leave() noexcept {
  if (shares_ == nullptr) return;
  give_back(held_);
  part_from(shares_->clients_, client_, party_.client);
  part_from(shares_->places_, place_, party_.place);
  shares_ = nullptr;
}

bool Shares::Part::has_room(std::size_t n) const noexcept {
  return place_has_room(n) && shares_->may_grow(client_, n);
}

bool Shares::Part::place_has_room(std::size_t n) const noexcept {
  return n <= shares_->left() && shares_->may_grow(place_, n);
}

void Shares::Part::take(std::size_t n) noexcept {
  assert(n <= shares_->left());
  held_ += n;
  shares_->taken_ += n;
  if (client_ != nullptr) client_->held += n;
  if (place_ != nullptr) place_->held += n;
}

void Shares::Part::give_back(std::size_t n) noexcept {
  assert(n <= held_);
  held_ -= n;
  shares_->taken_ -= n;
  if (client_ != nullptr) client_->held -= n;
  if (place_ != nullptr) place_->held -= n;
}

bool Shares::may_grow(const Account* account, std::size_t n) const noexcept {
  if (account == nullptr) return true;
  return n == 0 || (account->held + n - 1) / times_ < left();
}

Shares::Account* Shares::join(Accounts& accounts, std::uint64_t id) {
  if (id == 0) return nullptr;
  Account& account = accounts[id];
  ++account.parts;
  return &account;
}

void Shares::part_from(Accounts& accounts, Account* account, std::uint64_t id) noexcept {
  if (account != nullptr && --account->parts == 0) accounts.erase(id);
}

}  // namespace bottle
