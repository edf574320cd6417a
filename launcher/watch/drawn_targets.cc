#include "launcher/watch/drawn_targets.h"

#include <utility>

#include "launcher/watch/view.h"

namespace bottle::launcher::watch {

std::string target_name(const WatchedAsk& ask) { return "ask " + ask.bottle + " " + ask.ask; }

std::string target_name(std::uint64_t row) { return "row " + std::to_string(row); }

void DrawnTargets::screen_has(const WatchState& state, Size size) {
  using Mode = WatchState::Mode;
  std::map<std::string, std::int64_t> now;
  const auto add = [this, &now, &state](const std::string& target) {
    const auto before = since_.find(target);
    now.emplace(target, before == since_.end() ? state.now_ms : before->second);
  };
  const Layout layout(state, size);
  for (int i = 0; i < layout.asks; ++i) {
    add(target_name(state.asks[static_cast<std::size_t>(layout.top_ask + i)]));
  }
  const bool has_list = state.mode == Mode::kList || state.mode == Mode::kFilter;
  if (layout.fits && state.mode == Mode::kDetail) add(target_name(state.selected));
  const auto rows = visible_rows(state);
  if (has_list && !rows.empty()) {
    std::size_t at = row_at(rows, state.top);
    for (int i = 0; i < layout.rows && at < rows.size(); ++i, ++at)
      add(target_name(rows[at].first));
  }
  since_ = std::move(now);
}

bool DrawnTargets::has_stood(const std::string& target, std::int64_t now_ms) const {
  const auto found = since_.find(target);
  return found != since_.end() && now_ms - found->second >= kSettleMs;
}

}  // namespace bottle::launcher::watch
