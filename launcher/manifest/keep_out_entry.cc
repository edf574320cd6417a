#include "launcher/manifest/keep_out_entry.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "launcher/manifest/manifest_examples.h"

namespace bottle::launcher {

std::optional<Error> check_parts(const JsonNode& node, const std::string& file,
                                 const std::vector<std::string>& words) {
  if (words.empty()) {
    return error_at(file, node.place, "\"in\" must not be empty", example_of("in"));
  }
  static constexpr std::array<std::string_view, 5> kParts{"header", "any_header", "query", "body",
                                                          "aws_signature"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (std::find(kParts.begin(), kParts.end(), words[i]) != kParts.end()) continue;
    return error_at(file, node.items[i].place, "\"" + words[i] + "\" is no part of a request",
                    "allowed here: header, any_header, query, body, aws_signature");
  }
  if (words.size() > 1 && std::find(words.begin(), words.end(), "aws_signature") != words.end()) {
    return error_at(file, node.place, "\"aws_signature\" must be alone in \"in\"",
                    "a key that requests are signed with is in none of them");
  }
  return std::nullopt;
}

std::optional<Error> check_keep_out(const JsonNode& node, const std::string& file,
                                    const std::string& name, EnvValue& value) {
  if (value.keep_out && !value.secret) {
    return error_at(file, node.place, "\"" + name + R"(" has "keep_out", and "secret" is false)",
                    "remove one: only a secret is kept out of the bottle");
  }
  if (!value.keep_out && !value.in.empty()) {
    return error_at(file, node.place, "\"" + name + R"(" has "in" without "keep_out")",
                    R"(add "keep_out": true, or remove "in")");
  }
  if (value.keep_out && value.in.empty()) value.in = {"header"};
  return std::nullopt;
}

}  // namespace bottle::launcher
