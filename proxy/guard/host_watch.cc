#include "proxy/guard/host_watch.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/guard/shapes/token_text.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxRun = 40;
constexpr double kMaxBits = 300;

// How much a character of a run can carry, by what the run is made of.
constexpr double kHexBits = 4;
constexpr double kMixedBits = 5;  // base32
constexpr double kDigitBits = 3.3;
constexpr double kWordBits = 2;
constexpr std::size_t kShortRun = 8;  // a shorter mixture is a counter or a version: "v2", "eu1"
// Of letters: long runs of words have less entropy a letter than random ones.
constexpr double kMaxLetterEntropy = 4.2;

bool is_hex_letter(char c) noexcept { return c >= 'a' && c <= 'f'; }

struct Run {
  double bits = 0;
  bool is_data = false;
};

// Letters and digits without a hyphen, an underscore or a dot between them.
Run judge(std::string_view run) noexcept {
  const auto digits = static_cast<std::size_t>(std::count_if(run.begin(), run.end(), is_digit));
  const auto length = static_cast<double>(run.size());
  Run out;
  if (digits == run.size()) {
    out.bits = length * kDigitBits;
    out.is_data = run.size() > kMaxRun;
  } else if (digits == 0) {
    const bool random = run.size() > kMaxRun && entropy(run) > kMaxLetterEntropy;
    out.bits = length * (random ? kMixedBits : kWordBits);
    out.is_data = random;
  } else {
    const bool hex =
        std::all_of(run.begin(), run.end(), [](char c) { return is_digit(c) || is_hex_letter(c); });
    const double each = run.size() < kShortRun ? kWordBits : hex ? kHexBits : kMixedBits;
    out.bits = length * each;
    out.is_data = run.size() > kMaxRun;
  }
  return out;
}

Failure suspicious(std::string_view host, std::string_view parent) {
  return Failure(Code::Denied, "the name " + std::string(host) + " looks like data",
                 problem_code::kHostNameSuspicious,
                 "A long random name is refused if " +
                     (parent.empty() ? "no entry" : "only *." + std::string(parent)) +
                     " allows it. If it is needed, ask the person who runs the bottle to add "
                     "--allow with the whole name.");
}

Failure too_many(std::string_view parent) {
  return Failure(Code::Denied,
                 "more than " + std::to_string(HostWatch::kMaxNewNames) + " new names " +
                     (parent.empty() ? "that no entry allows" : "below " + std::string(parent)) +
                     " within 10 minutes",
                 problem_code::kTooManyNames,
                 "Use names that were used before, or wait. If more are needed, ask the person who "
                 "runs the bottle to add --allow with the whole names.");
}

}  // namespace

bool looks_like_data(std::string_view labels) noexcept {
  constexpr std::string_view kBetween = "-_.";
  double bits = 0;
  while (!labels.empty()) {
    const std::size_t end = std::min(labels.find_first_of(kBetween), labels.size());
    const Run run = end == 0 ? Run{} : judge(labels.substr(0, end));
    bits += run.bits;
    if (run.is_data || bits > kMaxBits) return true;
    labels.remove_prefix(std::min(end + 1, labels.size()));
  }
  return false;
}

HostWatch::HostWatch(NewNames& names) : names_(names) {
  const auto count = std::min<std::uint64_t>(names.count, kMaxNames);
  known_.insert(names.names.begin(), names.names.begin() + static_cast<std::ptrdiff_t>(count));
}

Result<void> HostWatch::look(std::string_view host, std::string_view parent, TimePoint now) {
  if (host.size() <= parent.size() + 1) return {};  // the wildcard's own name
  const std::size_t below = parent.empty() ? 0 : parent.size() + 1;
  const std::lock_guard lock(mutex_);
  // Below which wildcard it was let through is a part of it.
  std::string text(host);
  text.append(1, '/').append(parent);
  const std::uint64_t name = keyed_number(names_.key, text);
  if (known_.contains(name)) return {};
  if (looks_like_data(host.substr(0, host.size() - below))) return suspicious(host, parent);
  NewNames::Parent& owner = parent_of(parent);
  std::int64_t& oldest = owner.times[owner.count % kMaxNewNames];
  const std::int64_t time = now.time_since_epoch().count();
  const auto window = std::chrono::duration_cast<TimePoint::duration>(kWindow).count();
  if (owner.count >= kMaxNewNames && oldest + window > time) return too_many(parent);
  oldest = time;
  ++owner.count;
  remember(name);
  return {};
}

NewNames::Parent& HostWatch::parent_of(std::string_view parent) noexcept {
  const std::uint64_t hash = keyed_number(names_.key, parent);
  const std::size_t first = hash % NewNames::kParents;
  for (std::size_t n = 0; n < NewNames::kParents; ++n) {
    NewNames::Parent& place = names_.parents[(first + n) % NewNames::kParents];
    if (place.hash == 0) place.hash = hash;
    if (place.hash == hash) return place;
  }
  return names_.parents[first];  // of another one, too: both have less
}

void HostWatch::remember(std::uint64_t name) {
  std::uint64_t& place = names_.names[names_.count % kMaxNames];
  if (names_.count >= kMaxNames) known_.erase(place);
  known_.insert(name);
  place = name;
  ++names_.count;
}

}  // namespace bottle
