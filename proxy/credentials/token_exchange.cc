#include "proxy/credentials/token_exchange.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "proxy/contract/problem_codes.h"
#include "proxy/contract/token_parts.h"
#include "proxy/http/fields.h"

namespace bottle {
namespace {

// The order of members stays.
using Json = nlohmann::ordered_json;

constexpr int kMaxLevels = 16;

// One object, no name twice in it or below: two readers could take different ones.
std::optional<Json> strict_object(ByteView body) {
  if (body.size() > kMaxTokenMessage) return std::nullopt;
  std::vector<std::set<std::string>> names;
  bool odd = false;
  const auto watch = [&names, &odd](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth > kMaxLevels) odd = true;
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key) {
      odd = !names.back().insert(parsed.get<std::string>()).second || odd;
    }
    return !odd;
  };
  Json tree = Json::parse(body, watch, false);
  if (odd || !tree.is_object()) return std::nullopt;
  return tree;
}

bool is_text(const Json& object, const char* name, std::string_view text) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() && at->get_ref<const std::string&>() == text;
}

bool named_like_token(std::string_view name) {
  return name.size() >= 5 && iequals(name.substr(name.size() - 5), "token");
}

void empty_other_tokens(Json& node, const std::map<std::string, std::string>& kept) {
  for (auto it = node.begin(); it != node.end(); ++it) {
    if (it->is_structured()) {
      empty_other_tokens(*it, {});
    } else if (node.is_object() && it->is_string() && named_like_token(it.key()) &&
               !kept.contains(it.key())) {
      *it = "";
    }
  }
}

Failure odd(const std::string& why) {
  return Failure{Code::UpstreamBroken, "the answer with a login's new tokens " + why,
                 problem_code::kLoginAnswerOdd,
                 "outside of the bottle: bottle login list, and log in again if that is over"};
}

}  // namespace

bool put_token(std::string& value, std::string_view placeholder, std::string_view token) {
  bool put = false;
  for (std::size_t at = 0;;) {
    const std::size_t found = value.find(placeholder, at);
    if (found == std::string::npos) return put;
    std::size_t begin = found;
    if (begin > 0 && value[begin - 1] == '.') {
      while (begin > 0 && (is_base64url(value[begin - 1]) || value[begin - 1] == '.')) --begin;
    }
    value.replace(begin, found + placeholder.size() - begin, token);
    at = begin + token.size();
    put = true;
  }
}

std::optional<Bytes> refresh_with(ByteView body, std::string_view placeholder,
                                  std::string_view token) {
  auto tree = strict_object(body);
  if (!tree || !is_text(*tree, "grant_type", "refresh_token")) return std::nullopt;
  const auto at = tree->find("refresh_token");
  if (at == tree->end() || !at->is_string()) return std::nullopt;
  const auto& given = at->get_ref<const std::string&>();
  const bool ours =
      given == placeholder || (is_signed_jwt(given) && secret_part(given) == placeholder);
  if (!ours) return std::nullopt;
  *at = std::string(token);
  return tree->dump();
}

Result<TokenAnswer> read_token_answer(ByteView body,
                                      const std::map<std::string, std::string>& placeholders) {
  auto tree = strict_object(body);
  if (!tree) return odd("is no plain JSON object of at most 64 KiB");
  TokenAnswer answer;
  for (const auto& [name, placeholder] : placeholders) {
    const auto at = tree->find(name);
    if (at == tree->end() || at->is_null()) continue;
    if (!at->is_string() || at->get_ref<const std::string&>().size() < kMinTokenSize) {
      return odd("has a " + name + " that is none");
    }
    answer.tokens.emplace(name, at->get<std::string>());
  }
  if (!answer.tokens.contains("access_token")) return odd("has no access_token");
  const auto lasts = tree->find("expires_in");
  if (lasts != tree->end() && lasts->is_number_integer()) {
    answer.expires_in = lasts->get<std::int64_t>();
  }
  empty_other_tokens(*tree, [&] {
    auto kept = placeholders;
    kept.emplace("token_type", "");
    return kept;
  }());
  for (const auto& [name, token] : answer.tokens) {
    (*tree)[name] = shown_token(token, placeholders.at(name));
  }
  answer.shown = tree->dump();
  return answer;
}

Bytes shown_refusal(ByteView body, std::string_view secret) {
  auto tree = strict_object(body);
  if (!tree) return {};
  empty_other_tokens(*tree, {});
  Bytes shown = tree->dump();
  return shown.find(secret) == Bytes::npos ? shown : Bytes();
}

}  // namespace bottle
