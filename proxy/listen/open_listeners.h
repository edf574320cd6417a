#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/contract/error.h"
#include "proxy/guard/address_guard.h"
#include "proxy/listen/listener.h"

namespace bottle {

// The answers of a name server: of each kind one address, or none.
struct AnsweredAddresses {
  std::optional<IpAddress> v4;
  std::optional<IpAddress> v6;
};

// Every place at which the proxy takes something, open. Server hands the descriptors to the
// workers; an OpenListeners that is not served is followed by the end of the process.
struct OpenListeners {
  Listeners front;              // one descriptor a worker
  std::vector<Listeners> tls;   // likewise
  std::vector<Listeners> http;  // likewise
  std::vector<Listeners> exit;  // one descriptor: the exit is on one worker
  std::optional<NameSocket> names;
  std::optional<NameSocket> exit_names;
  AnsweredAddresses names_answer;
  AnsweredAddresses exit_answer;
};

// Opens all that the configuration names. Failures: cannot_listen, and bad_config where a name
// server would have no address to answer with, or strangers could use the proxy (reach.h).
[[nodiscard]] Expected<OpenListeners> open_listeners(const Config& config);

// "HOST:PORT" of the front, for the ready line.
[[nodiscard]] std::string front_word(const OpenListeners& listeners);
// The ready line's words for the others: " exit=HOST:PORT,HOST:PORT exit_names=…
// listen_tls=… listen_http=… names=…", each only if there is such a place.
[[nodiscard]] std::string other_words(const OpenListeners& listeners);

// The answers of a name server for `listeners`: `configured`, or else the first address
// of each kind that they listen at. bad_config, which names `option`, if nothing but "every
// address" is known.
[[nodiscard]] Expected<AnsweredAddresses> answered_addresses(
    const std::string& configured, const std::vector<Listeners>& listeners,
    const std::string& option);

}  // namespace bottle
