#include "launcher/lifetime/ask_talk.h"

#include <nlohmann/json.hpp>

#include "proxy/contract/control_words.h"

namespace bottle::launcher {
namespace {

using Json = nlohmann::json;

Json ask_message(const char* verb) {
  return {{control_key::kVersion, kControlVersion}, {control_key::kVerb, verb}};
}

// A method and a path may be missing or null: a tunnel has none.
std::string optional_text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found == json.end() || !found->is_string() ? "" : found->get<std::string>();
}

ListedAsk ask_in(const Json& json) {
  return {.ask = json.at(control_key::kAsk).get<std::string>(),
          .host = json.at(control_key::kHost).get<std::string>(),
          .port = json.at(control_key::kPort).get<std::uint16_t>(),
          .method = optional_text(json, control_key::kMethod),
          .path = optional_text(json, control_key::kPath),
          .since = json.value(control_key::kSince, std::int64_t{0}),
          .seconds_left = json.value(control_key::kSecondsLeft, std::int64_t{0}),
          .waiting = json.value(control_key::kWaiting, std::uint64_t{1})};
}

}  // namespace

std::string list_asks_message(std::optional<std::uint64_t> after) {
  Json out = ask_message(control_verb::kListAsks);
  if (after) out[control_key::kAfter] = *after;
  return out.dump() + "\n";
}

std::string answer_ask_message(const std::string& ask, const std::string& answer,
                               const std::string& by) {
  Json out = ask_message(control_verb::kAnswerAsk);
  out[control_key::kAsk] = ask;
  out[control_key::kAnswer] = answer;
  if (!by.empty()) out[control_key::kAnswerBy] = by;
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Expected<AskList> read_asks(std::string_view line) try {
  const Json json = Json::parse(line);
  if (!json.at(control_key::kOk).get<bool>()) {
    return Error{ExitCode::kProxy, json.at(control_key::kError).get<std::string>(), ""};
  }
  AskList out{.version = json.at(control_key::kListVersion).get<std::uint64_t>()};
  for (const Json& one : json.at(control_key::kAsks)) {
    if (out.asks.size() < kMaxAsks) out.asks.push_back(ask_in(one));
  }
  return out;
} catch (const Json::exception&) {
  return Error{ExitCode::kProxy, "the bottle's proxy gave an answer that is none",
               "is it of the same version as this bottle command?"};
}

}  // namespace bottle::launcher
