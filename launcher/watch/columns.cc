#include "launcher/watch/columns.h"

#include <algorithm>
#include <array>
#include <cstdio>

namespace bottle::launcher::watch {
namespace {

using State = ExchangeRow::State;

constexpr int kClock = 8;
constexpr int kState = 7;
constexpr int kStatus = 3;
constexpr int kBottle = 4;
constexpr int kRoute = 13;
constexpr int kScanned = 7;
constexpr int kBytes = 5;
constexpr int kMs = 6;
constexpr int kWhereAtLeast = 30;  // before a column is added that can be left out

std::string number_text(const char* format, double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), format, std::clamp(number, 0.0, 1e15));
  return text.data();
}

std::string scanned_words(const ExchangeRow& row) {
  const bool request = row.scanned.find("request_body") != std::string::npos;
  const bool response = row.scanned.find("response_body") != std::string::npos;
  if (request && response) return "req+res";
  return request ? "req" : response ? "res" : "-";
}

// The host is whole as long as there is room for it and some of the path.
std::string where_words(const ExchangeRow& row, int width) {
  constexpr std::size_t kPathAtLeast = 6;
  const auto room = static_cast<std::size_t>(std::max(width, 1));
  const std::string whole =
      row.where() +
      (row.count.empty() || row.state == State::kLost ? "" : " (" + row.count + " times)");
  if (row.host.empty() || whole.size() <= room) return whole;
  const std::size_t host = whole.find('/');
  if (host == std::string::npos || host >= room) return shortened(whole, width);
  if (host + kPathAtLeast > room) return whole;  // its end is cut
  return whole.substr(0, host) + shortened(whole.substr(host), width - static_cast<int>(host));
}

}  // namespace

struct Columns::Texts {
  std::string clock, bottle, state, status, method, where, route, scanned, in, out, ms;
};

Columns::Columns(int width, bool with_bottle) : method_(width < 56 ? 4 : 7) {
  where_ = width - (kClock + 1 + kState + 1 + kStatus + 1 + method_ + 1) - (1 + kBytes + 1 + kMs);
  const auto take = [this](int cells) {
    if (where_ - cells - 1 < kWhereAtLeast) return false;
    where_ -= cells + 1;
    return true;
  };
  bottle_ = with_bottle && take(kBottle);
  scanned_ = take(kScanned);
  route_ = take(kRoute);
  bytes_in_ = take(kBytes);
}

void Columns::draw(Screen& screen, int row, int left, const Texts& texts, Ink state,
                   Ink where) const {
  int at = left;
  const auto column = [&screen, &at, row](int width, std::string_view text, Ink ink) {
    screen.put(row, at, text, ink, width);
    at += width + 1;
  };
  const auto number = [&screen, &at, row, where](int width, std::string_view text) {
    screen.put_right(row, at, width, text, where == Ink::kFaint ? where : Ink::kPlain);
    at += width + 1;
  };
  const Ink plain = where == Ink::kFaint ? where : Ink::kPlain;
  column(kClock, texts.clock, Ink::kFaint);
  if (bottle_) column(kBottle, texts.bottle.substr(0, kBottle), plain);
  column(kState, texts.state, state);
  column(kStatus, texts.status, plain);
  column(method_, texts.method, plain);
  column(where_, texts.where, where);
  if (route_) column(kRoute, texts.route, plain);
  if (scanned_) column(kScanned, texts.scanned, plain);
  if (bytes_in_) number(kBytes, texts.out);
  number(kBytes, texts.in);
  number(kMs, texts.ms);
}

void Columns::draw_head(Screen& screen, int row, int left) const {
  const Texts texts{.clock = "TIME",
                    .bottle = "ID",
                    .state = "VERDICT",
                    .status = "ST",
                    .method = "METHOD",
                    .where = "HOST AND PATH",
                    .route = "ROUTE",
                    .scanned = "SCANNED",
                    .in = "IN",
                    .out = "OUT",
                    .ms = "MS"};
  draw(screen, row, left, texts, Ink::kFaint, Ink::kFaint);
}

void Columns::draw_row(Screen& screen, int row, int left, const ExchangeRow& exchange,
                       std::int64_t now) const {
  const bool is_open = exchange.state == State::kOpen;
  const bool is_event = exchange.is_event();
  Texts texts{.clock = exchange.clock(),
              .bottle = exchange.bottle,
              .state = std::string(state_word(exchange.state)),
              .status = exchange.status.empty() || exchange.status == "0" ? "-" : exchange.status,
              .method = exchange.method_words(),
              .where = where_words(exchange, where_),
              .route = exchange.route.empty() ? "-" : exchange.route,
              .scanned = scanned_words(exchange),
              .in = short_bytes(exchange.bytes_out),
              .out = short_bytes(exchange.bytes_in),
              .ms = exchange.total_ms ? short_ms(*exchange.total_ms) : "-"};
  if (is_open || is_event) texts.in = texts.out = "-";
  if (exchange.state == State::kChanged) texts.ms = "-";
  if (is_open) {
    if (const auto began = seconds_of(exchange.time)) {
      texts.ms = short_ms(static_cast<double>(std::max<std::int64_t>(now - *began, 0)) * 1000);
    }
  }
  const bool is_bad = exchange.state == State::kRefused || exchange.state == State::kFailed ||
                      exchange.state == State::kCut || exchange.state == State::kLost;
  draw(screen, row, left, texts, ink_of(exchange.state), is_bad ? Ink::kStrong : Ink::kPlain);
}

Ink ink_of(State state) {
  switch (state) {
    case State::kOpen:
    case State::kLearned:
      return Ink::kWaiting;
    case State::kAllowed:
      return Ink::kGood;
    case State::kRefused:
      return Ink::kBad;
    case State::kFailed:
    case State::kCut:
    case State::kLost:
      return Ink::kTrouble;
    case State::kChanged:
    case State::kAsked:
    case State::kEvent:
      return Ink::kStrong;
  }
  return Ink::kPlain;
}

std::string plain_number(double number) { return number_text("%.0f", number); }

std::string short_bytes(double bytes) {
  constexpr std::array<const char*, 5> kUnits{"", "K", "M", "G", "T"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1024;
    ++unit;
  }
  const bool fraction = unit > 0 && bytes < 9.95;
  return number_text(fraction ? "%.1f" : "%.0f", bytes) + kUnits[unit];
}

std::string short_ms(double ms) {
  if (ms < 99'999.5) return plain_number(ms);
  if (ms < 9'999'000) return plain_number(ms / 1000) + "s";
  return plain_number(ms / 60'000) + "min";
}

}  // namespace bottle::launcher::watch
