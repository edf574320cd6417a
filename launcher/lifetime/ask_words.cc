#include "launcher/lifetime/ask_words.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proxy/contract/control_words.h"

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
  std::string host = plain(ask.host);
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return ask.port == 443 || ask.port == 80 ? host : host + ":" + std::to_string(ask.port);
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

std::string ask_json(const ListedAsk& ask, const std::string& bottle) {
  const nlohmann::json out{{"bottle", bottle},
                           {control_key::kAsk, ask.ask},
                           {control_key::kHost, ask.host},
                           {control_key::kPort, ask.port},
                           {control_key::kMethod, ask.method},
                           {control_key::kPath, ask.path},
                           {control_key::kSince, ask.since},
                           {control_key::kSecondsLeft, ask.seconds_left},
                           {control_key::kWaiting, ask.waiting}};
  // Every character that is no ASCII is escaped, and so is every control character.
  return out.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace bottle::launcher
