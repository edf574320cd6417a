#include "proxy/scanner/scanner_life.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr const char* kUptime = "uptime_seconds";
constexpr double kMostSeconds = 1e9;

struct Health {
  std::chrono::microseconds uptime{0};
  std::chrono::microseconds rounded{0};  // the uptime may be wrong by so much
  std::string facts;
};

std::optional<Health> read_health(std::string_view text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto uptime = json.find(kUptime);
  if (uptime == json.end() || !uptime->is_number()) return std::nullopt;
  const double seconds = uptime->get<double>();
  if (!(seconds >= 0 && seconds < kMostSeconds)) return std::nullopt;
  Health health;
  health.uptime = std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
  health.rounded = seconds == std::floor(seconds) ? std::chrono::microseconds(1'000'000)
                                                  : std::chrono::microseconds(1'000);
  json.erase(uptime);
  // The switch that stops everything is no part of what it scans for.
  json.erase(std::string(problem_code::kKillSwitchActive));
  health.facts = json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  return health;
}

}  // namespace

void ScannerLife::expect(std::string facts) {
  const std::lock_guard lock(mutex_);
  facts_ = std::move(facts);
}

bool ScannerLife::is_due(Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  return heard_before_ && now - asked_ >= kAsksEvery;
}

std::string ScannerLife::facts() {
  const std::lock_guard lock(mutex_);
  return heard_before_ ? facts_ : std::string();
}

void ScannerLife::heard(std::string_view health, Clock::time_point asked,
                        Clock::time_point answered) {
  const auto read = read_health(health);
  const std::lock_guard lock(mutex_);
  std::optional<Start> start;
  bool same = false;
  if (read) {
    start = Start{asked - read->uptime - read->rounded, answered - read->uptime + read->rounded};
    if (start_) {
      start_->first = std::max(start_->first, start->first);
      start_->last = std::min(start_->last, start->last);
      same = start_->first <= start_->last && read->facts == facts_;
    }
  }
  // Of the scanner of an earlier process only the facts are known.
  if (!heard_before_ && read && !facts_.empty()) same = read->facts == facts_;
  const bool expected = heard_before_ || !facts_.empty();
  if (expected && !same) known_.begin_epoch();
  if (!heard_before_) same = false;
  heard_before_ = true;
  asked_ = answered;
  if (same) return;
  start_ = start;
  facts_ = read ? read->facts : std::string();
}

}  // namespace bottle
