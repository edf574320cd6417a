#include "launcher/watch/view.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "launcher/process/plain_text.h"
#include "launcher/watch/audit_words.h"
#include "launcher/watch/columns.h"

namespace bottle::launcher::watch {
namespace {

using Mode = WatchState::Mode;
using State = ExchangeRow::State;

constexpr int kLeastRows = 10;
constexpr int kLeastColumns = 44;
constexpr int kWideScreen = 100;  // columns from which the bottles have more room
constexpr int kPanelRows = 3;

std::int64_t now_of(const WatchState& state) { return state.now_ms / 1000; }

const WatchedBottle* bottle_of(const WatchState& state, const std::string& id) {
  const auto found = std::find_if(state.bottles.begin(), state.bottles.end(),
                                  [&id](const WatchedBottle& one) { return one.id == id; });
  return found == state.bottles.end() ? nullptr : &*found;
}

std::string counted(std::size_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

void draw_title(Screen& screen, const WatchState& state, const std::vector<Row>& rows) {
  const int width = screen.size().columns;
  std::size_t open = 0;
  std::size_t refused = 0;
  std::size_t failed = 0;
  for (const auto& [number, row] : rows) {
    if (row->state == State::kOpen) ++open;
    if (row->state == State::kRefused) ++refused;
    if (row->state == State::kFailed || row->state == State::kCut) ++failed;
  }
  const bool filtered = !state.filter.empty() && state.mode != Mode::kFilter;
  std::string text = (filtered ? " " : " bottle watch  ") + counted(rows.size(), "line", "lines") +
                     ", " + std::to_string(open) + " open, " + std::to_string(refused) +
                     " refused, " + std::to_string(failed) + " failed";
  if (filtered) text += "  /" + state.filter;
  screen.put(0, 0, std::string(static_cast<std::size_t>(width), ' '), Ink::kBar);
  const std::string right =
      std::string(state.follows ? "follows " : "paused  ") + time_words(now_of(state)).substr(11);
  const int room = width - static_cast<int>(right.size()) - 6;
  screen.put(0, 0, text, Ink::kBar, room);
  screen.put_right(0, 0, width - 5, right, Ink::kBar);
  screen.put_right(0, 0, width - 1, "UTC", Ink::kBar);
}

std::string bottle_words(const WatchState& state, const WatchedBottle& bottle) {
  const std::string name = printable(bottle.name);
  if (bottle.ended) return name + " ended";
  return name + " " + duration_words(now_of(state) - bottle.started);
}

void draw_bottles(Screen& screen, const WatchState& state, const Layout& layout) {
  if (layout.left == 0) return;
  const int width = layout.left - 1;
  const int from = 1;
  const int to = layout.foot;
  screen.rule_down(width, from, to);
  screen.put(from, 0, "BOTTLES", Ink::kFaint, width);
  const auto mark = [&screen, width](int row, bool chosen) {
    if (chosen) screen.paint(row, 0, width, Ink::kSelected);
  };
  screen.put(from + 1, 0, state.only.empty() ? ">all" : " all", Ink::kPlain, width);
  mark(from + 1, state.only.empty());
  const int room = to - from - 2;
  const int count = static_cast<int>(state.bottles.size());
  const bool two_lines = 2 * count <= room;
  const int height = two_lines ? 2 : 1;
  // The chosen one is always among those that have room.
  int chosen = 0;
  for (int i = 0; i < count; ++i) {
    if (state.bottles[static_cast<std::size_t>(i)].id == state.only) chosen = i;
  }
  const int first = std::max(chosen - room / height + 1, 0);
  int row = from + 2;
  for (int i = first; i < count && row + height <= to; ++i, row += height) {
    const WatchedBottle& bottle = state.bottles[static_cast<std::size_t>(i)];
    const bool is_chosen = bottle.id == state.only;
    const Ink ink = bottle.ended ? Ink::kFaint : Ink::kPlain;
    screen.put(row, 0, (is_chosen ? ">" : " ") + printable(bottle.id), ink, width);
    mark(row, is_chosen);
    if (two_lines) screen.put(row + 1, 1, bottle_words(state, bottle), Ink::kFaint, width - 1);
  }
}

void draw_asks(Screen& screen, const WatchState& state, const Layout& layout) {
  if (layout.asks == 0) return;
  const int chosen = static_cast<int>(state.selected_ask);
  const int first = layout.top_ask;
  const bool has_keys = state.asks_have_keys && state.mode == Mode::kList;
  for (int i = 0; i < layout.asks; ++i) {
    const int row = layout.first_ask + i;
    const WatchedAsk& ask = state.asks[static_cast<std::size_t>(first + i)];
    const bool is_chosen = first + i == chosen && has_keys;
    const auto left = std::max<std::int64_t>(ask.ends - now_of(state), 0);
    const std::string right =
        (ask.waiting > 1 ? std::to_string(ask.waiting) + " wait, " : std::string()) +
        std::to_string(left) + " s";
    const int room = layout.width - static_cast<int>(right.size()) - 1;
    const std::string head = std::string(is_chosen ? ">ASK " : " ASK ");
    screen.put(row, layout.left, std::string(static_cast<std::size_t>(layout.width), ' '),
               Ink::kWaiting);
    screen.put(row, layout.left,
               head + ask.place() + "  " + printable(ask.method) + " " + printable(ask.path),
               Ink::kWaiting, room);
    screen.put_right(row, layout.left, layout.width, right, Ink::kWaiting);
    if (is_chosen) screen.paint(row, layout.left, layout.width, Ink::kSelected);
  }
  screen.rule_across(layout.first_ask + layout.asks, layout.left, layout.left + layout.width);
}

void draw_list(Screen& screen, const WatchState& state, const Layout& layout,
               const std::vector<Row>& rows) {
  const Columns columns(layout.width, state.only.empty() && state.bottles.size() > 1);
  columns.draw_head(screen, layout.head, layout.left);
  if (rows.empty()) {
    const bool none = state.bottles.empty();
    screen.put(layout.body + 1, layout.left + 1,
               none                   ? "no bottle runs; bottle start starts one"
               : state.filter.empty() ? "nothing yet"
                                      : "no line has \"" + state.filter + "\"; Esc ends the filter",
               Ink::kFaint, layout.width - 1);
    return;
  }
  const bool has_keys = !state.asks_have_keys;
  std::size_t at = row_at(rows, state.top);
  for (int i = 0; i < layout.rows && at < rows.size(); ++i, ++at) {
    const int row = layout.body + i;
    columns.draw_row(screen, row, layout.left, *rows[at].second, now_of(state));
    if (rows[at].first != state.selected) continue;
    if (has_keys) screen.paint(row, layout.left, layout.width, Ink::kSelected);
  }
}

void draw_lines(Screen& screen, const WatchState& state, const Layout& layout,
                const std::vector<std::string>& lines) {
  for (int i = 0; i < layout.rows; ++i) {
    const int at = state.scrolled + i;
    if (at >= static_cast<int>(lines.size())) break;
    screen.put(layout.body + i, layout.left, lines[static_cast<std::size_t>(at)], Ink::kPlain,
               layout.width);
  }
  if (static_cast<int>(lines.size()) > layout.rows + state.scrolled) {
    screen.put_right(layout.head, layout.left, layout.width, "more: Down, PageDown", Ink::kFaint);
  }
}

std::string facts_of(const ExchangeRow& row) {
  std::string out = "route " + (row.route.empty() ? "-" : row.route) + ", scanned " +
                    (row.scanned.empty() ? "nothing" : row.scanned);
  if (row.state == State::kOpen) return out;
  out += ", " + amount_words(row.bytes_in) + " out, " + amount_words(row.bytes_out) + " in";
  if (row.total_ms) out += ", " + plain_number(*row.total_ms) + " ms";
  return out;
}

std::string why_of(const ExchangeRow& row) {
  if (row.reason.empty()) return row.findings.empty() ? row.detail : row.findings;
  return row.reason + (row.by.empty() ? "" : " by " + row.by) +
         (row.detail.empty() ? "" : ": " + row.detail) +
         (row.findings.empty() ? "" : "  " + row.findings);
}

void draw_panel(Screen& screen, const WatchState& state, const Layout& layout) {
  const int left = layout.left;
  screen.rule_across(layout.panel, left, left + layout.width);
  const auto line = [&screen, &layout, left](int number, std::string_view text, Ink ink) {
    screen.put(layout.panel + number, left, text, ink, layout.width);
  };
  if (state.asks_have_keys && state.mode == Mode::kList) {
    const WatchedAsk& ask = state.asks[state.selected_ask];
    line(1, ask.place() + " is not allowed in bottle " + ask.bottle, Ink::kStrong);
    line(2, "a allow until the bottle ends   o this request only", Ink::kPlain);
    line(3, "s allow and save in the manifest   d refuse", Ink::kPlain);
    return;
  }
  const auto found = state.history.rows().find(state.selected);
  if (found == state.history.rows().end()) return;
  const ExchangeRow& row = found->second;
  if (row.is_event()) {
    line(1, row.kind, Ink::kStrong);
    line(2, row.where(), Ink::kPlain);
    if (row.where() != row.detail) line(3, row.detail, Ink::kPlain);
    return;
  }
  line(1, shortened(row.method_words() + " " + row.where(), layout.width), Ink::kStrong);
  line(2, facts_of(row), Ink::kPlain);
  if (!row.to_allow.empty()) {
    line(3,
         (row.reason.empty() ? "not in the allowlist" : row.reason) +
             "   a allow   o once   s allow and save",
         ink_of(row.state));
  } else {
    line(3, why_of(row), ink_of(row.state));
  }
}

std::string keys_of(const WatchState& state) {
  switch (state.mode) {
    case Mode::kHelp:
    case Mode::kDetail:
      return "Up Down PageUp PageDown scroll   any other key goes back";
    case Mode::kFilter:
      return {};
    case Mode::kList:
      return std::string("q quit  ? help  / filter  Enter detail  f follow  Left Right bottle") +
             (state.asks.empty() ? "" : "  Tab asks");
  }
  return {};
}

void draw_foot(Screen& screen, const WatchState& state, const Layout& layout) {
  const int width = screen.size().columns;
  if (state.mode == Mode::kFilter) {
    const int end = screen.put(layout.foot, 0, "/" + state.filter, Ink::kStrong, width - 1);
    screen.put(layout.foot, end, "_", Ink::kSelected);
    return;
  }
  const bool told = !state.note.empty() && state.now_ms - state.note_since < kNoteMs;
  if (told) {
    // A long one takes rows of the panel, too.
    const auto lines = wrapped(state.note, width, kPanelRows + 1);
    int row = layout.foot - static_cast<int>(lines.size()) + 1;
    for (const auto& line : lines) {
      screen.put(row, 0, std::string(static_cast<std::size_t>(width), ' '), Ink::kPlain);
      screen.put(row++, 0, line, state.note_is_trouble ? Ink::kTrouble : Ink::kGood, width);
    }
  } else {
    screen.put(layout.foot, 0, keys_of(state), Ink::kFaint, width);
  }
}

}  // namespace

Layout::Layout(const WatchState& state, Size size) {
  fits = size.rows >= kLeastRows && size.columns >= kLeastColumns;
  if (!fits) return;
  if (state.bottles_shown) left = size.columns < kWideScreen ? 15 : 24;
  width = size.columns - left;
  first_ask = 1;
  const int all_asks = static_cast<int>(state.asks.size());
  asks = std::min(all_asks, size.rows / 4);
  top_ask = std::clamp(static_cast<int>(state.selected_ask) - asks + 1, 0, all_asks - asks);
  head = first_ask + (asks == 0 ? 0 : asks + 1);
  body = head + 1;
  foot = size.rows - 1;
  panel = foot - kPanelRows - 1;
  rows = panel - body;
}

Screen draw(const WatchState& state, Size size) {
  Screen screen(size);
  const Layout layout(state, size);
  if (!layout.fits) {
    screen.put(0, 0, "too small", Ink::kPlain);
    screen.put(1, 0, std::to_string(kLeastColumns) + " x " + std::to_string(kLeastRows),
               Ink::kPlain);
    return screen;
  }
  const auto rows = visible_rows(state);
  draw_title(screen, state, rows);
  draw_bottles(screen, state, layout);
  draw_asks(screen, state, layout);
  const auto found = state.history.rows().find(state.selected);
  if (state.mode == Mode::kHelp) {
    screen.put(layout.head, layout.left, "KEYS", Ink::kFaint, layout.width);
    draw_lines(screen, state, layout, help_lines());
  } else if (state.mode == Mode::kDetail && found != state.history.rows().end()) {
    screen.put(layout.head, layout.left, "DETAIL", Ink::kFaint, layout.width);
    draw_lines(screen, state, layout, detail_lines(state, found->second, layout.width));
  } else {
    draw_list(screen, state, layout, rows);
  }
  draw_panel(screen, state, layout);
  draw_foot(screen, state, layout);
  return screen;
}

std::vector<std::string> detail_lines(const WatchState& state, const ExchangeRow& row, int width) {
  constexpr int kLabel = 11;
  constexpr std::size_t kMostLines = 100;
  std::vector<std::string> out;
  const auto add = [&out, width](const std::string& label, const std::string& value) {
    if (value.empty()) return;
    std::string head = label;
    for (const auto& line : wrapped(value, width - kLabel, kMostLines)) {
      head.resize(kLabel, ' ');
      out.push_back(head + line);
      head.clear();
    }
  };
  const WatchedBottle* const bottle = bottle_of(state, row.bottle);
  add("bottle", row.bottle + (bottle == nullptr ? "" : "  " + printable(bottle->name)));
  add("time", row.time);
  add("id", row.id);
  add("kind", row.kind);
  add("verdict", std::string(state_word(row.state)) + (row.by.empty() ? "" : " by " + row.by));
  add("reason", row.reason);
  add("detail", row.detail);
  add("findings", row.findings);
  if (!row.to_allow.empty()) {
    add("to allow", "bottle allow " + row.bottle.substr(0, 4) + " " + row.to_allow +
                        "   or the key a here (o once, s also in the manifest)");
  }
  add("method", row.method);
  add("host", row.host + (row.port.empty() ? "" : ":" + row.port));
  add("path", row.path);
  add("status", row.status);
  add("route", row.route);
  add("scanned", row.scanned.empty() ? "nothing" : row.scanned);
  add("changed", row.changed);
  add("protocols", row.protocols);
  if (row.state != State::kOpen && !row.is_event()) {
    add("bytes", amount_words(row.bytes_in) + " out, " + amount_words(row.bytes_out) + " in");
  }
  if (row.first_ms) add("first byte", plain_number(*row.first_ms) + " ms");
  if (row.total_ms) add("total", plain_number(*row.total_ms) + " ms");
  if (!row.count.empty()) add("events", row.count);
  return out;
}

std::vector<std::string> help_lines() {
  return {
      "Up Down k j   move                 Home End g G  first, last",
      "PageUp PageDown                    f  follow new lines, or stand",
      "Enter  all of a line               /  filter; Esc ends it",
      "Left Right  one bottle, or all     b  hide or show the bottles",
      "q  quit                            Ctrl-L  draw again",
      "",
      "On a line whose host is not in the allowlist:",
      "a  allow the host until the bottle ends",
      "o  ... for one request",
      "s  ... and write it into the manifest, too",
      "",
      "Asks are requests that wait for your word (ask in the manifest):",
      "Tab  give the keys to the asks, or to the lines",
      "a o s  as above                    d  refuse it",
      "",
      "OUT and IN are body bytes from and to the agent.",
  };
}

}  // namespace bottle::launcher::watch
