#include "proxy/control/control_message.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "proxy/contract/control_words.h"
#include "proxy/contract/json_tree.h"

namespace bottle {
namespace {

using Json = nlohmann::json;
using Verb = ControlRequest::Verb;

constexpr std::size_t kMaxTrouble = 512;

struct VerbRow {
  std::string_view word;
  Verb verb;
  std::array<std::string_view, 2> keys;  // that the message must have, and no others
};
constexpr std::array kVerbs{
    VerbRow{control_verb::kSetSecrets, Verb::SetSecrets, {control_key::kSecrets}},
    VerbRow{control_verb::kListSecrets, Verb::ListSecrets, {}},
    VerbRow{
        control_verb::kTellTrouble, Verb::TellTrouble, {control_key::kName, control_key::kText}},
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

Expected<> fill(const JsonNode& object, ControlRequest& out) {
  const auto row = row_of(object);
  if (!row) return row.error();
  out.verb = (*row)->verb;
  if (out.verb == Verb::SetSecrets) {
    const JsonNode* const list = find(object, control_key::kSecrets);
    if (list == nullptr) return bad("\"secrets\" must be there");
    auto secrets = secrets_in(*list);
    if (!secrets) return secrets.error();
    out.secrets = std::move(*secrets);
  }
  if (out.verb == Verb::TellTrouble) {
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
  }
  return {};
}

std::string line_of(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
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
      item[control_key::kSince] =
          std::chrono::duration_cast<std::chrono::seconds>(one.since->time_since_epoch()).count();
    }
    if (!one.trouble.empty()) item[control_key::kTrouble] = one.trouble;
    list.push_back(std::move(item));
  }
  Json out = answer(id, true);
  out[control_key::kSecrets] = std::move(list);
  return line_of(out);
}

std::string error_answer(std::string_view id, const Error& error) {
  Json out = answer(id, false);
  out[control_key::kError] = error.message;
  if (!error.hint.empty()) out[control_key::kHint] = error.hint;
  return line_of(out);
}

}  // namespace bottle
