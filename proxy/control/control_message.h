#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/ask_answer.h"
#include "proxy/contract/error.h"
#include "proxy/control/policy_book.h"
#include "proxy/flow/ask_book.h"

namespace bottle {

// A new value for a secret that the proxy has.
struct NewSecret {
  std::string name;
  std::string value;
};

// One message of the control channel, checked for shape. Values are not checked here.
struct ControlRequest {
  enum class Verb : std::uint8_t {
    SetSecrets,   // `secrets`: all of them or none
    ListSecrets,  //
    TellTrouble,  // `name`, and why it has no new value: `text`; empty: that is over
    Allow,        // `wish`
    Deny,         // `name`: a host
    ListPolicy,   //
    CheckPolicy,  // `text`: HOST, HOST:PORT or a URL
    ListAsks,     // `number`: the version that is known, if one is
    AnswerAsk,    // `number`: the ask, and `answer`; `text`: the program that gives it, or empty
  };
  Verb verb = Verb::ListSecrets;
  std::string id{};  // the client's, which the answer has too
  std::vector<NewSecret> secrets{};
  std::string name{};
  std::string text{};
  AllowWish wish{};
  std::optional<std::uint64_t> number{};
  AskAnswer answer = AskAnswer::Deny;
};

struct ParsedControl {
  ControlRequest request;
  std::optional<Error> error{};  // then of the request only the id counts, if it could be read
};

// Reads one line, without its end. A key or a verb that is not known, or not of its verb, is an
// error, and so is another version. No error has a part of a value in it.
[[nodiscard]] ParsedControl parse_control(std::string_view line);

// One secret as ListSecrets tells it.
struct SecretState {
  std::string name;
  bool kept_out = false;
  std::vector<std::string> hosts{};
  std::size_t former = 0;  // how many former values are guarded
  std::optional<std::chrono::system_clock::time_point> since{};  // none: since the start
  std::string trouble{};                                         // why it has no newer value
};

// The answers: each a line with its end.
[[nodiscard]] std::string changed_answer(std::string_view id,
                                         const std::vector<std::string>& changed);
[[nodiscard]] std::string secrets_answer(std::string_view id,
                                         const std::vector<SecretState>& secrets);
// The policy as it holds. `allow` and `routes` as PolicyBook has them; what is over is left out.
[[nodiscard]] std::string policy_answer(std::string_view id, const std::vector<PolicyRow>& allow,
                                        const std::vector<PolicyRow>& routes);
// The policy's word on one request, and the entries that it comes from.
struct PolicyCheck {
  Destination destination;
  Decision decision;
  std::optional<PolicyRow> entry{};
  std::optional<PolicyRow> route_entry{};
};
[[nodiscard]] std::string check_answer(std::string_view id, const PolicyCheck& check);
[[nodiscard]] std::string asks_answer(std::string_view id, const AskBook::State& asks);
[[nodiscard]] std::string error_answer(std::string_view id, const Error& error);

}  // namespace bottle
