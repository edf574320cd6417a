#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bottle::launcher::watch {

// One line of the view: an exchange that runs or is over, something that was refused before it was
// one, or a change of the policy or of secrets. Every text is printable and short.
struct ExchangeRow {
  enum class State : std::uint8_t {
    kOpen,
    kAllowed,
    kLearned,  // allowed, though the allowlist does not have the host
    kRefused,
    kFailed,
    kCut,
    kChanged,  // another policy, other secrets
    kAsked,    // a person was asked about a host
    kEvent,    // any other line without a verdict
    kLost,     // lines of the log, or the end of an exchange whose bottle has ended
  };
  std::string bottle{};  // its id
  std::string id{};
  std::string kind{};
  std::string time{};  // as in the log, UTC
  State state = State::kOpen;
  std::string method{};
  std::string host{};
  std::string port{};
  std::string path{};
  std::string status{};
  double bytes_in = 0;
  double bytes_out = 0;
  std::string route{};
  std::string scanned{};  // "request_body, response_body"
  std::string changed{};
  std::string protocols{};  // "h2 > http/1.1"
  std::optional<double> first_ms{};
  std::optional<double> total_ms{};
  std::string reason{};
  std::string by{};
  std::string detail{};
  std::string findings{};
  std::string count{};     // of the events that a folded line stands for
  std::string to_allow{};  // HOST or HOST:PORT, where `bottle allow` would let it through

  // No exchange, and nothing that was to be one.
  bool is_event() const {
    return state == State::kChanged || state == State::kAsked || state == State::kEvent;
  }
  // "GET" or "-"; "api.example.com:8443/v1", or "(no host)".
  std::string method_words() const;
  std::string where() const;
  // The time of day, "11:00:19".
  std::string clock() const;
};

// "ok", "REFUSED", …: at most seven characters.
std::string_view state_word(ExchangeRow::State state);

// nullopt: it is no audit line, or one whose exchange has a line of its own.
std::optional<ExchangeRow> row_of(const std::string& bottle, std::string_view line);

// Seconds since 1970 of a time of the log; nullopt: it is none.
std::optional<std::int64_t> seconds_of(std::string_view time);

// The opposite, "2026-11-30T11:00:19".
std::string time_words(std::int64_t seconds);

}  // namespace bottle::launcher::watch
