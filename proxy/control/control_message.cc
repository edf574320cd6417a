#include "proxy/control/control_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/contract/control_words.h"
#include "proxy/contract/json_tree.h"

namespace bottle {
namespace {

using Json = nlohmann::json;
using Verb = ControlRequest::Verb;

constexpr std::size_t kMaxTrouble = 512;
constexpr std::size_t kMaxUrl = 8192;
constexpr std::size_t kMaxAnswerBy = 32;

struct VerbRow {
  std::string_view word;
  Verb verb;
  std::array<std::string_view, 4> keys;  // that the message may have, and no others
};
constexpr std::array kVerbs{
    VerbRow{control_verb::kSetSecrets, Verb::SetSecrets, {control_key::kSecrets}},
    VerbRow{control_verb::kListSecrets, Verb::ListSecrets, {}},
    VerbRow{
        control_verb::kTellTrouble, Verb::TellTrouble, {control_key::kName, control_key::kText}},
    VerbRow{control_verb::kAllow,
            Verb::Allow,
            {control_key::kHost, control_key::kRoute, control_key::kOnce, control_key::kSeconds}},
    VerbRow{control_verb::kDeny, Verb::Deny, {control_key::kHost}},
    VerbRow{control_verb::kListPolicy, Verb::ListPolicy, {}},
    VerbRow{control_verb::kCheckPolicy, Verb::CheckPolicy, {control_key::kUrl}},
    VerbRow{control_verb::kListAsks, Verb::ListAsks, {control_key::kAfter}},
    VerbRow{control_verb::kAnswerAsk,
            Verb::AnswerAsk,
            {control_key::kAsk, control_key::kAnswer, control_key::kAnswerBy}},
};

Error bad(std::string what, std::string hint = {}) {
  return Error{ExitCode::kUsage, std::move(what), std::move(hint)};
}

const JsonNode* find(const JsonNode& object, std::string_view name) {
  const auto found = std::find_if(object.members.begin(), object.members.end(),
                                  [name](const JsonMember& one) { return one.name == name; });
  return found == object.members.end() ? nullptr : &found->value;
}

std::string known_verbs() {
  std::string out;
  for (const VerbRow& row : kVerbs) out.append(out.empty() ? "" : ", ").append(row.word);
  return out;
}

Expected<std::string> text_at(const JsonNode& object, const char* key) {
  const JsonNode* const node = find(object, key);
  if (node == nullptr || node->kind != JsonNode::Kind::kString) {
    return bad("\"" + std::string(key) + "\" must be there, and be a string");
  }
  return node->text;
}

Expected<std::vector<NewSecret>> secrets_in(const JsonNode& list) {
  if (list.kind != JsonNode::Kind::kArray || list.items.empty()) {
    return bad("\"secrets\" must be an array with one secret at least");
  }
  std::vector<NewSecret> out;
  for (const JsonNode& item : list.items) {
    if (item.kind != JsonNode::Kind::kObject || item.members.size() != 2) {
      return bad("each secret must be an object of \"name\" and \"value\"");
    }
    auto name = text_at(item, control_key::kName);
    if (!name) return name.error();
    auto value = text_at(item, control_key::kValue);
    if (!value) return value.error();
    const bool twice = std::any_of(out.begin(), out.end(),
                                   [&name](const NewSecret& one) { return one.name == *name; });
    if (twice) return bad("a secret is there twice");
    out.push_back({.name = std::move(*name), .value = std::move(*value)});
  }
  return out;
}

Expected<const VerbRow*> row_of(const JsonNode& object) {
  const JsonNode* const version = find(object, control_key::kVersion);
  const std::string known = std::to_string(kControlVersion);
  if (version == nullptr || version->kind != JsonNode::Kind::kNumber || version->text != known) {
    return bad("\"v\" must be there, and be " + known,
               "bottle and bottle-proxy must be of one version");
  }
  const auto verb = text_at(object, control_key::kVerb);
  if (!verb) return verb.error();
  const auto* const row = std::find_if(kVerbs.begin(), kVerbs.end(),
                                       [&verb](const VerbRow& one) { return one.word == *verb; });
  if (row == kVerbs.end()) return bad("an unknown \"verb\"; there are " + known_verbs());
  for (const JsonMember& member : object.members) {
    const bool common = member.name == control_key::kVersion || member.name == control_key::kId ||
                        member.name == control_key::kVerb;
    const bool own = std::find(row->keys.begin(), row->keys.end(), member.name) != row->keys.end();
    if (!common && !own) return bad("a key that \"" + *verb + "\" does not have");
  }
  return &*row;
}

Expected<> fill_secrets(const JsonNode& object, ControlRequest& out) {
  const JsonNode* const list = find(object, control_key::kSecrets);
  if (list == nullptr) return bad("\"secrets\" must be there");
  auto secrets = secrets_in(*list);
  if (!secrets) return secrets.error();
  out.secrets = std::move(*secrets);
  return {};
}

Expected<> fill_trouble(const JsonNode& object, ControlRequest& out) {
  auto name = text_at(object, control_key::kName);
  if (!name) return name.error();
  auto text = text_at(object, control_key::kText);
  if (!text) return text.error();
  const bool plain = std::all_of(text->begin(), text->end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
  });
  if (text->size() > kMaxTrouble || !plain) {
    return bad("\"text\" must have 512 bytes at most, and no control characters");
  }
  out.name = std::move(*name);
  out.text = std::move(*text);
  return {};
}

std::optional<std::uint64_t> whole_number(const std::string& text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, ec] = std::from_chars(text.data(), end, value);
  if (ec != std::errc() || stop != end) return std::nullopt;
  return value;
}

Expected<std::chrono::seconds> seconds_in(const JsonNode& node) {
  const auto count = whole_number(node.text);
  constexpr std::uint64_t kMost = UINT32_MAX;
  if (node.kind != JsonNode::Kind::kNumber || !count || *count > kMost) {
    return bad("\"seconds\" must be a whole number");
  }
  return std::chrono::seconds(*count);
}

Expected<> fill_wish(const JsonNode& object, AllowWish& out) {
  auto host = text_at(object, control_key::kHost);
  if (!host) return host.error();
  out.host = std::move(*host);
  if (find(object, control_key::kRoute) != nullptr) {
    const auto word = text_at(object, control_key::kRoute);
    if (!word) return word.error();
    out.route = route_by_word(*word);
    if (!out.route) return bad(no_such_route(*word));
  }
  if (const JsonNode* const once = find(object, control_key::kOnce); once != nullptr) {
    if (once->kind != JsonNode::Kind::kBoolean) return bad("\"once\" must be true or false");
    out.once = once->boolean;
  }
  if (const JsonNode* const lasts = find(object, control_key::kSeconds); lasts != nullptr) {
    const auto seconds = seconds_in(*lasts);
    if (!seconds) return seconds.error();
    out.lasts = *seconds;
  }
  return {};
}

Expected<> fill_known(const JsonNode& object, ControlRequest& out) {
  const JsonNode* const after = find(object, control_key::kAfter);
  if (after == nullptr) return {};
  if (after->kind == JsonNode::Kind::kNumber) out.number = whole_number(after->text);
  if (!out.number) return bad("\"after\" must be the \"version\" of an earlier answer");
  return {};
}

Expected<> fill_answer(const JsonNode& object, ControlRequest& out) {
  const auto ask = text_at(object, control_key::kAsk);
  if (!ask) return ask.error();
  out.number = whole_number(*ask);
  if (!out.number) return bad("\"ask\" must be that of an entry of asks.list");
  const auto word = text_at(object, control_key::kAnswer);
  if (!word) return word.error();
  const auto answer = given_answer(*word);
  if (!answer) return bad("\"answer\" must be allow, once or deny");
  out.answer = *answer;
  if (find(object, control_key::kAnswerBy) == nullptr) return {};
  auto by = text_at(object, control_key::kAnswerBy);
  if (!by) return by.error();
  const bool plain = std::all_of(by->begin(), by->end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (by->empty() || by->size() > kMaxAnswerBy || !plain) {
    return bad("\"by\" must be a word of 32 letters (a to z), digits and '-' at most");
  }
  out.text = std::move(*by);
  return {};
}

Expected<> fill(const JsonNode& object, ControlRequest& out) {
  const auto row = row_of(object);
  if (!row) return row.error();
  out.verb = (*row)->verb;
  switch (out.verb) {
    case Verb::SetSecrets:
      return fill_secrets(object, out);
    case Verb::TellTrouble:
      return fill_trouble(object, out);
    case Verb::Allow:
      return fill_wish(object, out.wish);
    case Verb::Deny: {
      auto host = text_at(object, control_key::kHost);
      if (!host) return host.error();
      out.name = std::move(*host);
      return {};
    }
    case Verb::CheckPolicy: {
      auto url = text_at(object, control_key::kUrl);
      if (!url) return url.error();
      if (url->size() > kMaxUrl) return bad("\"url\" must have 8192 bytes at most");
      out.text = std::move(*url);
      return {};
    }
    case Verb::ListAsks:
      return fill_known(object, out);
    case Verb::AnswerAsk:
      return fill_answer(object, out);
    case Verb::ListSecrets:
    case Verb::ListPolicy:
      break;
  }
  return {};
}

std::string line_of(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::int64_t seconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json json_of(const PolicyRow& row) {
  Json out{{control_key::kHost, row.host}};
  if (row.route) out[control_key::kRoute] = to_string(*row.route);
  if (row.once) out[control_key::kOnce] = true;
  if (row.until) out[control_key::kUntil] = seconds_of(*row.until);
  if (!row.by.empty()) out[control_key::kBy] = row.by;
  if (row.since) out[control_key::kSince] = seconds_of(*row.since);
  return out;
}

Json answer(std::string_view id, bool ok) {
  return Json{
      {control_key::kVersion, kControlVersion}, {control_key::kId, id}, {control_key::kOk, ok}};
}

}  // namespace

ParsedControl parse_control(std::string_view line) {
  ParsedControl out;
  const auto object = parse_json(line, "message");
  if (!object || object->kind != JsonNode::Kind::kObject) {
    out.error = bad("a message is one JSON object in one line, each key once");
    return out;
  }
  if (const JsonNode* const id = find(*object, control_key::kId); id != nullptr) {
    if (id->kind != JsonNode::Kind::kString || id->text.size() > kMaxControlId) {
      out.error = bad("\"id\" must be a string of 64 bytes at most");
      return out;
    }
    out.request.id = id->text;
  }
  if (auto filled = fill(*object, out.request); !filled) out.error = filled.error();
  return out;
}

std::string changed_answer(std::string_view id, const std::vector<std::string>& changed) {
  Json out = answer(id, true);
  out[control_key::kChanged] = changed;
  return line_of(out);
}

std::string secrets_answer(std::string_view id, const std::vector<SecretState>& secrets) {
  Json list = Json::array();
  for (const SecretState& one : secrets) {
    Json item{{control_key::kName, one.name},
              {control_key::kKeptOut, one.kept_out},
              {control_key::kHosts, one.hosts},
              {control_key::kFormer, one.former}};
    if (one.since) {
      item[control_key::kSince] = seconds_of(*one.since);
    }
    if (!one.trouble.empty()) item[control_key::kTrouble] = one.trouble;
    list.push_back(std::move(item));
  }
  Json out = answer(id, true);
  out[control_key::kSecrets] = std::move(list);
  return line_of(out);
}

std::string policy_answer(std::string_view id, const std::vector<PolicyRow>& allow,
                          const std::vector<PolicyRow>& routes) {
  Json out = answer(id, true);
  out[control_key::kAllowed] = Json::array();
  for (const PolicyRow& row : allow) {
    if (row.over) continue;
    Json one = json_of(row);
    one[control_key::kHits] = row.hits;
    out[control_key::kAllowed].push_back(std::move(one));
  }
  out[control_key::kRoutes] = Json::array();
  for (const PolicyRow& row : routes) out[control_key::kRoutes].push_back(json_of(row));
  return line_of(out);
}

std::string check_answer(std::string_view id, const PolicyCheck& check) {
  const Decision& decision = check.decision;
  Json told{{control_key::kHost, check.destination.host},
            {control_key::kPort, check.destination.port},
            {control_key::kPasses, !decision.refusal}};
  if (decision.refusal) {
    told[control_key::kReason] = decision.refusal->reason;
    told[control_key::kDetail] = decision.refusal->detail;
    told[control_key::kHint] = decision.refusal->hint;
  } else {
    told[control_key::kRoute] = to_string(decision.route);
    if (decision.learned) told[control_key::kLearned] = true;
  }
  if (check.entry) told[control_key::kEntry] = json_of(*check.entry);
  if (check.route_entry) told[control_key::kRouteEntry] = json_of(*check.route_entry);
  Json out = answer(id, true);
  out[control_key::kCheck] = std::move(told);
  return line_of(out);
}

std::string asks_answer(std::string_view id, const AskBook::State& asks) {
  Json list = Json::array();
  for (const PendingAsk& one : asks.asks) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(one.left);
    list.push_back(Json{{control_key::kAsk, std::to_string(one.id)},
                        {control_key::kHost, one.question.destination.host},
                        {control_key::kPort, one.question.destination.port},
                        {control_key::kMethod, one.question.method},
                        {control_key::kPath, one.question.path},
                        {control_key::kSince, seconds_of(one.since)},
                        {control_key::kSecondsLeft, left.count()},
                        {control_key::kWaiting, one.waiting}});
  }
  Json out = answer(id, true);
  out[control_key::kListVersion] = asks.version;
  out[control_key::kAsks] = std::move(list);
  return line_of(out);
}

std::string error_answer(std::string_view id, const Error& error) {
  Json out = answer(id, false);
  out[control_key::kError] = error.message;
  if (!error.hint.empty()) out[control_key::kHint] = error.hint;
  return line_of(out);
}

}  // namespace bottle
