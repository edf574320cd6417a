#include "launcher/command/watch_deeds.h"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include "launcher/command/proxy_talk.h"
#include "launcher/lifetime/ask_talk.h"

namespace bottle::launcher {
namespace {

using watch::Action;

WatchDeeds::Note trouble(const Error& error) {
  return {.text = error.message + (error.hint.empty() ? "" : "; " + error.hint),
          .is_trouble = true};
}

std::string message_of(const Action& action) {
  if (action.ask.empty()) {
    return allow_message({.host = action.host, .once = action.answer == Action::Answer::kOnce});
  }
  switch (action.answer) {
    case Action::Answer::kAllow:
      return answer_ask_message(action.ask, "allow");
    case Action::Answer::kOnce:
      return answer_ask_message(action.ask, "once");
    case Action::Answer::kDeny:
      break;
  }
  return answer_ask_message(action.ask, "deny");
}

std::string words_of(const Action& action) {
  const std::string head = "bottle " + action.bottle;
  switch (action.answer) {
    case Action::Answer::kAllow:
      return head + " allows " + action.host + " until it ends";
    case Action::Answer::kOnce:
      return head + " allows " + action.host + " for one request";
    case Action::Answer::kDeny:
      break;
  }
  return head + " refuses " + action.host;
}

// "bottle: wrote it to FILE:" of each line, as "; wrote it to FILE".
std::string one_line_of(const std::string& told) {
  constexpr std::string_view kHead = "bottle: ";
  std::string out;
  std::istringstream in(told);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kHead)) line.erase(0, kHead.size());
    if (line.ends_with(':')) line.pop_back();
    out += "; " + line;
  }
  return out;
}

}  // namespace

std::optional<WatchDeeds::Note> WatchDeeds::begin(const Action& action) {
  const BottleRecord* const record = sources_.record_of(action.bottle);
  if (record == nullptr) {
    return Note{.text = "bottle " + action.bottle + " has ended", .is_trouble = true};
  }
  if (deeds_.size() >= kMaxDeeds) {
    return Note{.text = "the proxy has not answered yet; try again", .is_trouble = true};
  }
  // Before the proxy is told, so that what cannot be saved is no half change.
  std::optional<HostSave> save;
  if (action.save) {
    auto prepared = HostSave::prepare(*record, {.host = action.host}, context_);
    if (!prepared) return trouble(prepared.error());
    save = std::move(*prepared);
  }
  const auto proxy = ProxyTalk::with(*record, context_);
  if (!proxy) return trouble(proxy.error());
  auto errand = Errand::send([&proxy, &action] { return proxy->line(message_of(action)); });
  if (!errand) return trouble(errand.error());
  deeds_.push_back({std::move(*errand), words_of(action), std::move(save)});
  return std::nullopt;
}

void WatchDeeds::add_to(std::vector<pollfd>& fds) const {
  for (const auto& deed : deeds_) fds.push_back({deed.errand.fd(), POLLIN, 0});
}

std::optional<WatchDeeds::Note> WatchDeeds::next_note() {
  const auto over =
      std::find_if(deeds_.begin(), deeds_.end(), [](Deed& deed) { return deed.errand.is_over(); });
  if (over == deeds_.end()) return std::nullopt;
  const Deed deed = std::move(*over);
  deeds_.erase(over);
  return finish(deed);
}

WatchDeeds::Note WatchDeeds::finish(const Deed& deed) const {
  const auto line = deed.errand.result();
  if (!line) return trouble(line.error());
  const auto answer = read_control_answer(*line);
  if (!answer) return trouble(answer.error());
  if (!deed.save) return {.text = deed.done};
  // It is told here, and the terminal belongs to the view.
  std::ostringstream difference;
  std::ostringstream told;
  const Context quiet{
      .around = context_.around, .backends = context_.backends, .out = difference, .err = told};
  if (const auto saved = deed.save->write(quiet); !saved) return trouble(saved.error());
  return {.text = deed.done + one_line_of(told.str())};
}

}  // namespace bottle::launcher
