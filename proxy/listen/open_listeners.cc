#include "proxy/listen/open_listeners.h"

#include <utility>

#include "proxy/listen/reach.h"

namespace bottle {
namespace {

std::string host_port(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string word_of(const std::string& name, const std::vector<Listeners>& list) {
  std::string text;
  for (const Listeners& one : list) {
    text += (text.empty() ? " " + name + "=" : ",") + host_port(one.host, one.port);
  }
  return text;
}

std::string word_of(const std::string& name, const std::optional<NameSocket>& socket) {
  return socket ? " " + name + "=" + host_port(socket->host, socket->port) : std::string();
}

void take(AnsweredAddresses& into, const IpAddress& address) {
  auto& place = address.v6 ? into.v6 : into.v4;
  if (!place) place = address;
}

Expected<std::vector<Listeners>> open_all(const std::vector<Listen>& wanted, unsigned workers) {
  std::vector<Listeners> out;
  for (const Listen& listen : wanted) {
    auto opened = open_listeners(listen, workers);
    if (!opened) return opened.error();
    out.push_back(std::move(*opened));
  }
  return out;
}

Expected<std::optional<NameSocket>> open_names(const std::optional<Listen>& wanted) {
  if (!wanted) return std::optional<NameSocket>();
  auto opened = open_name_socket(*wanted);
  if (!opened) return opened.error();
  return std::optional<NameSocket>(std::move(*opened));
}

}  // namespace

Expected<AnsweredAddresses> answered_addresses(const std::string& configured,
                                               const std::vector<Listeners>& listeners,
                                               const std::string& option) {
  AnsweredAddresses answers;
  if (!configured.empty()) {
    const auto address = IpAddress::parse(configured);
    if (address) take(answers, *address);
  } else {
    for (const Listeners& one : listeners) {
      const auto address = IpAddress::parse(one.host);
      if (address && !is_unspecified(*address)) take(answers, *address);
    }
  }
  if (answers.v4 || answers.v6) return answers;
  return Error{ExitCode::kUsage,
               option +
                   " is needed: the name server has to answer with one address, and the "
                   "listeners are at every address of this machine",
               ""};
}

Expected<OpenListeners> open_listeners(const Config& config) {
  OpenListeners listeners;
  auto front = open_listeners(config.listen, config.threads);
  if (!front) return front.error();
  listeners.front = std::move(*front);
  auto tls = open_all(config.listen_tls, config.threads);
  if (!tls) return tls.error();
  listeners.tls = std::move(*tls);
  auto http = open_all(config.listen_http, config.threads);
  if (!http) return http.error();
  listeners.http = std::move(*http);
  auto exit = open_all(config.exit_listen, 1);
  if (!exit) return exit.error();
  listeners.exit = std::move(*exit);

  auto names = open_names(config.names);
  if (!names) return names.error();
  listeners.names = std::move(*names);
  auto exit_names = open_names(config.exit_names);
  if (!exit_names) return exit_names.error();
  listeners.exit_names = std::move(*exit_names);
  if (listeners.names) {
    const auto& named = listeners.tls.empty() ? listeners.http : listeners.tls;
    auto answer = answered_addresses(config.names_address, named, "--names-address");
    if (!answer) return answer.error();
    listeners.names_answer = *answer;
  }
  if (listeners.exit_names) {
    auto answer = answered_addresses(config.exit_address, listeners.exit, "--exit-address");
    if (!answer) return answer.error();
    listeners.exit_answer = *answer;
  }
  auto reach = check_front_reach(listeners.front, !config.proxy_auth.empty());
  if (reach) reach = check_transparent_reach(listeners.tls, "--listen-tls");
  if (reach) reach = check_transparent_reach(listeners.http, "--listen-http");
  if (!reach) return reach.error();
  return listeners;
}

std::string front_word(const OpenListeners& listeners) {
  return host_port(listeners.front.host, listeners.front.port);
}

std::string other_words(const OpenListeners& listeners) {
  return word_of("exit", listeners.exit) + word_of("exit_names", listeners.exit_names) +
         word_of("listen_tls", listeners.tls) + word_of("listen_http", listeners.http) +
         word_of("names", listeners.names);
}

}  // namespace bottle
