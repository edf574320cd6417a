#include "launcher/watch/history.h"

#include <utility>

namespace bottle::launcher::watch {
namespace {

std::string key_of(const ExchangeRow& row) { return row.bottle + " " + row.id; }

}  // namespace

void History::add(ExchangeRow row) {
  const std::string key = key_of(row);
  if (row.state != ExchangeRow::State::kOpen) {
    if (const auto began = open_.find(key); began != open_.end()) {
      rows_.at(began->second) = std::move(row);
      open_.erase(began);
      return;
    }
  }
  make_room();
  // A proxy gives each id once; of a log that has one twice the first beginning counts.
  if (row.state == ExchangeRow::State::kOpen && !open_.emplace(key, next_).second) return;
  rows_.emplace_hint(rows_.end(), next_++, std::move(row));
}

void History::no_more_of(const std::string& bottle) {
  for (auto at = open_.begin(); at != open_.end();) {
    ExchangeRow& row = rows_.at(at->second);
    if (row.bottle != bottle) {
      ++at;
      continue;
    }
    row.state = ExchangeRow::State::kLost;
    row.detail = "it began, and the log does not have its end";
    at = open_.erase(at);
  }
}

void History::make_room() {
  if (rows_.size() < most_) return;
  auto victim = rows_.begin();
  if (open_.size() < rows_.size()) {
    while (victim->second.state == ExchangeRow::State::kOpen) ++victim;
  }
  if (victim->second.state == ExchangeRow::State::kOpen) open_.erase(key_of(victim->second));
  rows_.erase(victim);
}

}  // namespace bottle::launcher::watch
