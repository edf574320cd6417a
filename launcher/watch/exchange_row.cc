#include "launcher/watch/exchange_row.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "launcher/process/plain_text.h"
#include "launcher/watch/audit_words.h"
#include "proxy/contract/audit_schema.h"

namespace bottle::launcher::watch {
namespace {

using State = ExchangeRow::State;

constexpr std::size_t kMostName = 255;
constexpr std::size_t kMostText = 1000;  // of a path, a detail, the findings

std::optional<double> number_of(const nlohmann::json& entry, const char* key) {
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

std::string list_of(const nlohmann::json& entry, const char* key) {
  constexpr std::size_t kMostWords = 8;
  const auto found = entry.find(key);
  if (found == entry.end() || !found->is_array()) return {};
  std::string out;
  for (std::size_t i = 0; i < found->size() && i < kMostWords; ++i) {
    const auto& word = (*found)[i];
    if (!word.is_string()) continue;
    out += (out.empty() ? "" : ", ") + printable(word.get_ref<const std::string&>(), 40);
  }
  return out;
}

State state_of(const nlohmann::json& entry) {
  const std::string kind = text_of(entry, audit_key::kKind);
  if (kind == to_string(AuditKind::Begin)) return State::kOpen;
  if (kind == to_string(AuditKind::LostLines) || kind == to_string(AuditKind::TornLine)) {
    return State::kLost;
  }
  if (kind == to_string(AuditKind::PolicyChanged) || kind == to_string(AuditKind::SecretsChanged)) {
    return State::kChanged;
  }
  if (kind == to_string(AuditKind::Ask)) return State::kAsked;
  const std::string verdict = text_of(entry, audit_key::kVerdict);
  if (verdict.empty()) return State::kEvent;
  if (verdict == to_string(Verdict::Allowed)) {
    return entry.contains(audit_key::kLearned) ? State::kLearned : State::kAllowed;
  }
  if (verdict == to_string(Verdict::Refused)) return State::kRefused;
  if (verdict == to_string(Verdict::Cut)) return State::kCut;
  return State::kFailed;
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
  int out = -1;
  if (text.size() < at + count) return out;
  const char* const end = text.data() + at + count;
  const auto read = std::from_chars(text.data() + at, end, out);
  return read.ptr == end ? out : -1;
}

}  // namespace

std::string ExchangeRow::method_words() const { return method.empty() ? "-" : method; }

std::string ExchangeRow::where() const {
  if (state == State::kChanged || (state == State::kLost && host.empty())) return detail;
  if (host.empty()) return path.empty() ? "(no host)" : path;
  return host + (port.empty() || port == "443" ? "" : ":" + port) + path;
}

std::string ExchangeRow::clock() const { return time.size() < 19 ? time : time.substr(11, 8); }

std::string_view state_word(State state) {
  switch (state) {
    case State::kOpen:
      return "open";
    case State::kAllowed:
      return "ok";
    case State::kLearned:
      return "learned";
    case State::kRefused:
      return "REFUSED";
    case State::kFailed:
      return "FAILED";
    case State::kCut:
      return "CUT";
    case State::kChanged:
      return "changed";
    case State::kAsked:
      return "asked";
    case State::kEvent:
      return "event";
    case State::kLost:
      return "LOST";
  }
  return "";
}

std::optional<ExchangeRow> row_of(const std::string& bottle, std::string_view line) {
  const auto entry = nlohmann::json::parse(line, nullptr, false);
  if (!entry.is_object() || entry.contains(audit_key::kBegun)) return std::nullopt;
  if (is(entry, audit_key::kKind, to_string(AuditKind::LogEnd))) return std::nullopt;
  ExchangeRow out;
  out.bottle = bottle;
  out.id = text_of(entry, audit_key::kId, kMostName);
  out.kind = text_of(entry, audit_key::kKind, kMostName);
  out.time = text_of(entry, audit_key::kTime, kMostName);
  out.state = state_of(entry);
  out.method = text_of(entry, audit_key::kMethod, kMostName);
  out.host = text_of(entry, audit_key::kHost, kMostName);
  out.port = text_of(entry, audit_key::kPort, kMostName);
  out.path = text_of(entry, audit_key::kPath, kMostText);
  out.status = text_of(entry, audit_key::kStatus, kMostName);
  out.bytes_in = number_of(entry, audit_key::kBytesIn).value_or(0);
  out.bytes_out = number_of(entry, audit_key::kBytesOut).value_or(0);
  out.route = text_of(entry, audit_key::kRoute, kMostName);
  out.scanned = list_of(entry, audit_key::kScanned);
  out.changed = list_of(entry, audit_key::kChanged);
  const std::string client = text_of(entry, audit_key::kClientProtocol, kMostName);
  const std::string upstream = text_of(entry, audit_key::kUpstreamProtocol, kMostName);
  if (!client.empty()) out.protocols = client + " > " + (upstream.empty() ? "-" : upstream);
  out.first_ms = number_of(entry, audit_key::kTtfb);
  out.total_ms = number_of(entry, audit_key::kTotal);
  out.reason = text_of(entry, audit_key::kReason, kMostName);
  out.by = text_of(entry, audit_key::kBy, kMostName);
  out.detail = text_of(entry, audit_key::kDetail, kMostText);
  out.findings = findings_words(entry).substr(0, kMostText);
  out.count = text_of(entry, audit_key::kCount, kMostName);
  out.to_allow = host_to_allow(entry);
  if (out.state == State::kAsked) {
    const std::string who = text_of(entry, audit_key::kWho, kMostName);
    out.detail = text_of(entry, audit_key::kAnswer, kMostName) + (who.empty() ? "" : " by " + who) +
                 ", " + out.detail;
  }
  if (out.kind == to_string(AuditKind::LostLines))
    out.detail = out.count + " lines of the log are missing";
  return out;
}

std::optional<std::int64_t> seconds_of(std::string_view time) {
  const int year = digits(time, 0, 4);
  const int month = digits(time, 5, 2);
  const int day = digits(time, 8, 2);
  const int hour = digits(time, 11, 2);
  const int minute = digits(time, 14, 2);
  const int second = digits(time, 17, 2);
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (month < 0 || day < 0 || !date.ok() || hour < 0 || minute < 0 || second < 0) {
    return std::nullopt;
  }
  const std::chrono::seconds whole = std::chrono::sys_days(date).time_since_epoch() +
                                     std::chrono::hours(hour) + std::chrono::minutes(minute) +
                                     std::chrono::seconds(second);
  return whole.count();
}

std::string time_words(std::int64_t seconds) {
  const std::chrono::sys_seconds moment{std::chrono::seconds(seconds)};
  const auto day = std::chrono::floor<std::chrono::days>(moment);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(moment - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d",
                static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

}  // namespace bottle::launcher::watch
