#include "launcher/watch/model.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <utility>

#include "launcher/process/plain_text.h"
#include "launcher/watch/view.h"
#include "proxy/contract/host_pattern.h"

namespace bottle::launcher::watch {
namespace {

using Mode = WatchState::Mode;

constexpr std::uint64_t kNoRow = std::numeric_limits<std::uint64_t>::max();

bool holds(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end();
}

bool passes(const ExchangeRow& row, const WatchState& state) {
  if (!state.only.empty() && row.bottle != state.only) return false;
  if (state.filter.empty()) return true;
  const std::array<std::string_view, 7> texts{
      row.method, row.status, row.reason, row.route, row.by, row.detail, state_word(row.state)};
  return holds(row.where(), state.filter) ||
         std::any_of(texts.begin(), texts.end(),
                     [&state](std::string_view text) { return holds(text, state.filter); });
}

}  // namespace

std::string WatchedAsk::place() const { return printable(host) + ":" + std::to_string(port); }

std::string WatchedAsk::to_allow() const {
  return allow_entry(host, is_usual_port(port) ? std::nullopt : std::optional(port));
}

std::vector<Row> visible_rows(const WatchState& state) {
  std::vector<Row> out;
  for (const auto& [number, row] : state.history.rows()) {
    if (passes(row, state)) out.emplace_back(number, &row);
  }
  return out;
}

std::size_t row_at(const std::vector<Row>& rows, std::uint64_t number) {
  const auto found =
      std::lower_bound(rows.begin(), rows.end(), number,
                       [](const Row& row, std::uint64_t wanted) { return row.first < wanted; });
  const auto at = static_cast<std::size_t>(found - rows.begin());
  return std::min(at, rows.size() - 1);
}

void Model::bottle_started(WatchedBottle bottle) {
  if (has_bottle(bottle.id)) return;
  state_.bottles.push_back(std::move(bottle));
}

void Model::bottle_ended(const std::string& id) {
  std::size_t ended = 0;
  for (auto& bottle : state_.bottles) {
    if (bottle.id == id) bottle.ended = true;
    if (bottle.ended) ++ended;
  }
  state_.history.no_more_of(id);
  asks_are(id, {});
  if (ended <= kMaxEnded) return;
  const auto oldest = std::find_if(state_.bottles.begin(), state_.bottles.end(),
                                   [](const WatchedBottle& one) { return one.ended; });
  if (oldest->id == state_.only) state_.only.clear();
  state_.bottles.erase(oldest);
}

bool Model::has_bottle(const std::string& id) const {
  return std::any_of(state_.bottles.begin(), state_.bottles.end(),
                     [&id](const WatchedBottle& one) { return one.id == id; });
}

void Model::audit_line(const std::string& bottle, std::string_view line) {
  auto row = row_of(bottle, line);
  if (row) state_.history.add(std::move(*row));
}

void Model::asks_are(const std::string& bottle, std::vector<WatchedAsk> asks) {
  auto& all = state_.asks;
  const auto is_in = [](const std::vector<WatchedAsk>& list, const WatchedAsk& one) {
    return std::any_of(list.begin(), list.end(), [&one](const WatchedAsk& other) {
      return other.bottle == one.bottle && other.ask == one.ask;
    });
  };
  const std::optional<WatchedAsk> chosen =
      all.empty() ? std::nullopt : std::optional(all[state_.selected_ask]);
  const bool none_before = all.empty();
  const bool any_new = std::any_of(
      asks.begin(), asks.end(), [&all, &is_in](const WatchedAsk& one) { return !is_in(all, one); });
  bell_ = bell_ || any_new;
  // A long note covers the answers that an ask can have.
  if (any_new) state_.note.clear();
  std::erase_if(all, [&bottle](const WatchedAsk& one) { return one.bottle == bottle; });
  for (auto& one : asks) all.push_back(std::move(one));
  // The chosen one stays chosen. If it is over, its neighbour is, and has to settle first.
  if (chosen) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].bottle == chosen->bottle && all[i].ask == chosen->ask) state_.selected_ask = i;
    }
  }
  state_.selected_ask = all.empty() ? 0 : std::min(state_.selected_ask, all.size() - 1);
  if (all.empty()) state_.asks_have_keys = false;
  if (none_before && !all.empty()) state_.asks_have_keys = true;
}

void Model::note(const std::string& text, bool is_trouble) {
  state_.note = printable(text, 500);
  state_.note_is_trouble = is_trouble;
  state_.note_since = state_.now_ms;
}

std::vector<Action> Model::take_actions() { return std::exchange(actions_, {}); }

bool Model::take_bell() { return std::exchange(bell_, false); }

Screen Model::screen(Size size) {
  fit(size);
  if (const std::string now = target(); now != shown_target_) {
    shown_target_ = now;
    changed_ = state_.now_ms;
  }
  drawn_.screen_has(state_, size);
  return draw(state_, size);
}

void Model::fit(Size size) {
  const Layout layout(state_, size);
  page_ = std::max(layout.rows, 1);
  if (state_.mode == Mode::kHelp || state_.mode == Mode::kDetail) {
    const ExchangeRow* const row = selected_row();
    if (state_.mode == Mode::kDetail && row == nullptr) state_.mode = Mode::kList;
    const auto lines = state_.mode == Mode::kHelp ? help_lines()
                       : row != nullptr           ? detail_lines(state_, *row, layout.width)
                                                  : std::vector<std::string>();
    const int most = std::max(static_cast<int>(lines.size()) - page_, 0);
    state_.scrolled = std::clamp(state_.scrolled, 0, most);
  }
  const auto rows = visible_rows(state_);
  if (rows.empty()) {
    state_.selected = kNoRow;
    return;
  }
  const std::size_t selected = state_.follows ? rows.size() - 1 : row_at(rows, state_.selected);
  const auto page = static_cast<std::size_t>(page_);
  std::size_t top = row_at(rows, state_.top);
  if (selected < top) top = selected;
  if (selected >= top + page) top = selected - page + 1;
  if (state_.follows || top + page > rows.size()) top = rows.size() - std::min(page, rows.size());
  state_.selected = rows[selected].first;
  state_.top = rows[top].first;
}

const ExchangeRow* Model::selected_row() const {
  const auto found = state_.history.rows().find(state_.selected);
  return found == state_.history.rows().end() ? nullptr : &found->second;
}

std::string Model::target() const {
  if (state_.mode == Mode::kList && state_.asks_have_keys) {
    return target_name(state_.asks[state_.selected_ask]);
  }
  return target_name(state_.selected);
}

bool Model::is_settled() const {
  return target() == shown_target_ && state_.now_ms - changed_ >= kSettleMs &&
         drawn_.has_stood(shown_target_, state_.now_ms);
}

void Model::key(const Key& key) {
  state_.note.clear();
  switch (state_.mode) {
    case Mode::kFilter:
      filter_key(key);
      break;
    case Mode::kHelp:
    case Mode::kDetail:
      text_key(key);
      break;
    case Mode::kList:
      list_key(key);
      break;
  }
}

void Model::filter_key(const Key& key) {
  switch (key.kind) {
    case Key::Kind::kCharacter:
      if (state_.filter.size() < kMaxFilter) state_.filter += key.character;
      break;
    case Key::Kind::kBackspace:
      if (state_.filter.empty()) {
        state_.mode = Mode::kList;
      } else {
        state_.filter.pop_back();
      }
      break;
    case Key::Kind::kEscape:
      state_.filter.clear();
      state_.mode = Mode::kList;
      break;
    case Key::Kind::kEnter:
      state_.mode = Mode::kList;
      break;
    default:
      break;
  }
}

// The detail, and the help.
void Model::text_key(const Key& key) {
  switch (key.kind) {
    case Key::Kind::kUp:
      --state_.scrolled;
      break;
    case Key::Kind::kDown:
      ++state_.scrolled;
      break;
    case Key::Kind::kPageUp:
      state_.scrolled -= page_;
      break;
    case Key::Kind::kPageDown:
      state_.scrolled += page_;
      break;
    case Key::Kind::kHome:
      state_.scrolled = 0;
      break;
    case Key::Kind::kEnd:
      state_.scrolled = 1'000'000;  // the next screen makes it fit
      break;
    case Key::Kind::kCharacter:
      if (state_.mode == Mode::kDetail &&
          std::string_view("aos").find(key.character) != std::string_view::npos) {
        act(key.character);
        break;
      }
      [[fallthrough]];
    default:
      state_.mode = Mode::kList;
      break;
  }
}

void Model::list_key(const Key& key) {
  // A move from a line that has just changed leads to another line than the person meant.
  if (target() != shown_target_) changed_ = state_.now_ms;
  switch (key.kind) {
    case Key::Kind::kCharacter:
      character_key(key.character);
      return;
    case Key::Kind::kUp:
      move(-1);
      break;
    case Key::Kind::kDown:
      move(1);
      break;
    case Key::Kind::kPageUp:
      move(-page_);
      break;
    case Key::Kind::kPageDown:
      move(page_);
      break;
    case Key::Kind::kHome:
      move(-static_cast<int>(kMaxRows));
      break;
    case Key::Kind::kEnd:
      state_.follows = true;
      break;
    case Key::Kind::kLeft:
      next_bottle(-1);
      break;
    case Key::Kind::kRight:
      next_bottle(1);
      break;
    case Key::Kind::kEnter:
      if (selected_row() != nullptr) {
        state_.follows = false;
        state_.scrolled = 0;
        state_.mode = Mode::kDetail;
      }
      break;
    case Key::Kind::kEscape:
      state_.filter.clear();
      break;
    case Key::Kind::kTab:
      state_.asks_have_keys = !state_.asks_have_keys && !state_.asks.empty();
      break;
    case Key::Kind::kBackspace:
      break;
  }
  // The person chose it.
  shown_target_ = target();
}

void Model::character_key(char c) {
  switch (c) {
    case 'q':
      quit_ = true;
      break;
    case '?':
    case 'h':
      state_.mode = Mode::kHelp;
      state_.scrolled = 0;
      break;
    case '/':
      state_.mode = Mode::kFilter;
      break;
    case 'f':
      state_.follows = !state_.follows;
      break;
    case 'b':
      state_.bottles_shown = !state_.bottles_shown;
      break;
    case 'k':
      list_key({.kind = Key::Kind::kUp});
      break;
    case 'j':
      list_key({.kind = Key::Kind::kDown});
      break;
    case 'g':
      list_key({.kind = Key::Kind::kHome});
      break;
    case 'G':
      list_key({.kind = Key::Kind::kEnd});
      break;
    case 'a':
    case 'o':
    case 's':
    case 'd':
      act(c);
      break;
    default:
      note("the key " + std::string(1, c) + " means nothing here; ? shows the keys", true);
      break;
  }
}

void Model::move(int by) {
  if (state_.asks_have_keys) {
    move_ask(by);
    return;
  }
  const auto rows = visible_rows(state_);
  if (rows.empty()) return;
  const int last = static_cast<int>(rows.size()) - 1;
  const int from = state_.follows ? last : static_cast<int>(row_at(rows, state_.selected));
  const int to = std::clamp(from + by, 0, last);
  state_.follows = by > 0 && from + by > last;
  state_.selected = rows[static_cast<std::size_t>(to)].first;
}

void Model::move_ask(int by) {
  const int last = static_cast<int>(state_.asks.size()) - 1;
  const int to = std::clamp(static_cast<int>(state_.selected_ask) + by, 0, last);
  state_.selected_ask = static_cast<std::size_t>(to);
}

// All, then each of them, and around.
void Model::next_bottle(int by) {
  std::vector<std::string> ids{""};
  for (const auto& bottle : state_.bottles) ids.push_back(bottle.id);
  const auto at = std::find(ids.begin(), ids.end(), state_.only) - ids.begin();
  const auto count = static_cast<std::ptrdiff_t>(ids.size());
  state_.only = ids[static_cast<std::size_t>((at + by + count) % count)];
}

void Model::act(char c) {
  const ExchangeRow* const row = selected_row();
  const bool on_ask = state_.mode == Mode::kList && state_.asks_have_keys;
  if (!on_ask && (row == nullptr || !passes(*row, state_))) {
    note("there is nothing to answer", true);
    return;
  }
  if (!is_settled()) {
    note("the line has just changed: read it, and press the key again", true);
    return;
  }
  if (on_ask) {
    // A copy: the list changes.
    act_on_ask(WatchedAsk(state_.asks[state_.selected_ask]), c);
  } else {
    act_on_row(*row, c);
  }
}

void Model::act_on_ask(const WatchedAsk& ask, char c) {
  // A key that is held or pressed twice is one answer: the next ask is not to have the second.
  const bool answered = std::any_of(actions_.begin(), actions_.end(), [&ask](const Action& one) {
    return one.bottle == ask.bottle && one.ask == ask.ask;
  });
  if (answered) return;
  Action action{.bottle = ask.bottle, .ask = ask.ask, .host = ask.to_allow()};
  if (c == 'o') action.answer = Action::Answer::kOnce;
  if (c == 'd') action.answer = Action::Answer::kDeny;
  action.save = c == 's';
  actions_.push_back(std::move(action));
}

void Model::ask_was_answered(const std::string& bottle, const std::string& ask) {
  std::vector<WatchedAsk> rest;
  for (const auto& one : state_.asks) {
    if (one.bottle == bottle && one.ask != ask) rest.push_back(one);
  }
  const bool rang = bell_;
  asks_are(bottle, std::move(rest));
  bell_ = rang;
}

void Model::act_on_row(const ExchangeRow& row, char c) {
  const auto bottle =
      std::find_if(state_.bottles.begin(), state_.bottles.end(),
                   [&row](const WatchedBottle& one) { return one.id == row.bottle; });
  if (c == 'd') {
    note("d answers an ask; `bottle deny HOST` closes a host", true);
  } else if (row.to_allow.empty()) {
    note("only a host that the allowlist does not have can be allowed here", true);
  } else if (bottle == state_.bottles.end() || bottle->ended) {
    note("bottle " + row.bottle + " has ended", true);
  } else {
    Action action{.bottle = row.bottle, .ask = {}, .host = row.to_allow};
    if (c == 'o') action.answer = Action::Answer::kOnce;
    action.save = c == 's';
    actions_.push_back(std::move(action));
  }
}

}  // namespace bottle::launcher::watch
