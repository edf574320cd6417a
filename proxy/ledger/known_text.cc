#include "proxy/ledger/known_text.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace bottle {
namespace {

constexpr std::size_t kSets = KnownText::kBytes / 2 / (8 * sizeof(TextMark));
static_assert((kSets & (kSets - 1)) == 0);

TextMark first_half(const Digest& digest) {
  TextMark mark;
  std::memcpy(&mark.high, digest.data(), sizeof mark.high);
  std::memcpy(&mark.low, digest.data() + sizeof mark.high, sizeof mark.low);
  return mark;
}

}  // namespace

KnownText::KnownText() {
  const MacKey random;
  const std::string_view purpose = "texts that are no news";
  const Digest first = random.mac(purpose);
  const Digest second = random.mac(std::string(purpose) + ", the other half of the key");
  std::memcpy(key_.data(), first.data(), first.size());
  std::memcpy(key_.data() + first.size(), second.data(), second.size());
}

KnownText::Place KnownText::place_of(const Destination& destination, Scheme scheme) const {
  const std::string where =
      std::string(scheme == Scheme::Https ? "https://" : "http://") + destination.host_port();
  return Place{.passed = mark_of("passed " + where),
               .said = mark_of("said " + where),
               .answered = mark_of("answered " + where)};
}

TextMark KnownText::mark_of(ByteView text) const {
  Sha256 hash = begin();
  return first_half(hash.finish(text));
}

Sha256 KnownText::begin() const {
  Sha256 hash;
  hash.update(ByteView(key_.data(), key_.size()));
  return hash;
}

TextMark KnownText::mark(Sha256& text) { return first_half(text.finish()); }

TextMark KnownText::in_place(Kind kind, const Place& place, TextMark mark) noexcept {
  const TextMark& mask = kind == Kind::Passed ? place.passed
                         : kind == Kind::Said ? place.said
                                              : place.answered;
  mark.high ^= mask.high;
  mark.low ^= mask.low;
  return mark;
}

std::vector<KnownText::Set>& KnownText::table_of(Kind kind) noexcept {
  return kind == Kind::Said ? said_ : passed_;
}

bool KnownText::has_any(Kind kind) {
  const std::lock_guard lock(mutex_);
  return !table_of(kind).empty();
}

bool KnownText::has(Kind kind, const Place& place, TextMark mark) {
  mark = in_place(kind, place, mark);
  const std::lock_guard lock(mutex_);
  auto& table = table_of(kind);
  if (table.empty() || mark == TextMark()) return false;
  Set& set = table[mark.low & (kSets - 1)];
  const auto found = std::find(set.begin(), set.end(), mark);
  if (found == set.end()) return false;
  std::rotate(set.begin(), found, found + 1);
  return true;
}

void KnownText::add_said(const Place& place, std::span<const TextMark> marks) {
  const std::lock_guard lock(mutex_);
  add(Kind::Said, place, marks);
}

void KnownText::add_passed(std::uint64_t epoch, Kind kind, const Place& place,
                           std::span<const TextMark> marks) {
  const std::lock_guard lock(mutex_);
  if (epoch == epoch_) add(kind, place, marks);
}

void KnownText::add(Kind kind, const Place& place, std::span<const TextMark> marks) {
  auto& table = table_of(kind);
  if (table.empty() && !marks.empty()) table.resize(kSets);
  for (TextMark mark : marks) {
    mark = in_place(kind, place, mark);
    Set& set = table[mark.low & (kSets - 1)];
    auto found = std::find(set.begin(), set.end(), mark);
    if (found == set.end()) {
      found = set.end() - 1;
      *found = mark;
    }
    std::rotate(set.begin(), found, found + 1);
  }
}

// The key, and behind it the number and the marks of each place that has some.
Bytes KnownText::save() {
  const std::lock_guard lock(mutex_);
  Bytes out(key_.data(), key_.size());
  for (std::size_t i = 0; i < passed_.size(); ++i) {
    if (passed_[i].front() == TextMark()) continue;
    const auto number = static_cast<std::uint32_t>(i);
    out.append(reinterpret_cast<const char*>(&number), sizeof number);
    out.append(reinterpret_cast<const char*>(passed_[i].data()), sizeof(Set));
  }
  return out;
}

bool KnownText::restore(ByteView saved) {
  constexpr std::size_t kPlace = sizeof(std::uint32_t) + sizeof(Set);
  const std::lock_guard lock(mutex_);
  if (saved.size() < key_.size() || (saved.size() - key_.size()) % kPlace != 0) return false;
  std::vector<Set> passed(kSets);
  for (ByteView rest = saved.substr(key_.size()); !rest.empty(); rest.remove_prefix(kPlace)) {
    std::uint32_t number = 0;
    std::memcpy(&number, rest.data(), sizeof number);
    if (number >= kSets) return false;
    std::memcpy(passed[number].data(), rest.data() + sizeof number, sizeof(Set));
  }
  std::memcpy(key_.data(), saved.data(), key_.size());
  passed_ = std::move(passed);
  return true;
}

std::uint64_t KnownText::epoch() {
  const std::lock_guard lock(mutex_);
  return epoch_;
}

void KnownText::begin_epoch() {
  const std::lock_guard lock(mutex_);
  ++epoch_;
  std::fill(passed_.begin(), passed_.end(), Set());
}

}  // namespace bottle
