#include "launcher/lifetime/ask_words.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/contract/control_words.h"
#include "proxy/contract/host_pattern.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMostText = 200;

std::string plain(std::string_view text) {
  std::string out(text.substr(0, kMostText));
  std::replace_if(out.begin(), out.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  if (text.size() > kMostText) out += "...";
  return out;
}

}  // namespace

std::string ask_target(const ListedAsk& ask) {
  return allow_entry(plain(ask.host),
                     is_usual_port(ask.port) ? std::nullopt : std::optional(ask.port));
}

std::string ask_url(const ListedAsk& ask) {
  const std::string_view path = ask.path;
  return plain(ask.method) + (ask.port == 80 ? " http://" : " https://") + ask_target(ask) +
         plain(path.substr(0, path.find('?')));
}

std::string ask_line(const ListedAsk& ask, const std::string& bottle) {
  return "bottle: ask: " + ask_url(ask) + " waits " + std::to_string(ask.seconds_left) +
         " s for an answer: bottle allow " + bottle + " " + ask_target(ask) + ", or bottle deny " +
         bottle + " " + plain(ask.host);
}

std::string ask_title(const std::string& bottle) { return "Bottle " + bottle + " asks"; }

std::string ask_notice(const ListedAsk& ask, const std::string& bottle) {
  std::string url = ask_url(ask);
  std::replace_if(
      url.begin(), url.end(), [](char c) { return c == '<' || c == '>' || c == '&' || c == '\\'; },
      '?');
  return url + "\nbottle allow " + bottle + " " + ask_target(ask);
}

nlohmann::ordered_json ask_object(const ListedAsk& ask) {
  return {{control_key::kAsk, ask.ask},
          {control_key::kHost, ask.host},
          {control_key::kPort, ask.port},
          {control_key::kMethod, ask.method},
          {control_key::kPath, ask.path},
          {control_key::kSince, ask.since},
          {control_key::kSecondsLeft, ask.seconds_left},
          {control_key::kWaiting, ask.waiting}};
}

std::string ask_json(const ListedAsk& ask, const std::string& bottle) {
  nlohmann::json out(ask_object(ask));
  out["bottle"] = bottle;
  // Every character that is no ASCII is escaped, and so is every control character.
  return out.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace bottle::launcher
