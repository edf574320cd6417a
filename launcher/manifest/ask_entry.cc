#include "launcher/manifest/ask_entry.h"

#include <algorithm>

#include "launcher/manifest/manifest_examples.h"

namespace bottle::launcher {
namespace {

constexpr std::size_t kMostWords = 256;

}  // namespace

std::optional<Error> read_ask(const JsonNode& node, const std::string& file, const std::string& key,
                              AskEntry& out) {
  const auto wrong = [&](const std::string& what) {
    return error_at(file, node.place, "\"" + key + "\" must be " + what, example_of(key));
  };
  if (key == "ask") {
    if (node.kind != JsonNode::Kind::kBoolean) return wrong("true or false");
    out.asks = node.boolean;
    return std::nullopt;
  }
  const bool is_list =
      node.kind == JsonNode::Kind::kArray && !node.items.empty() && node.items.size() <= kMostWords;
  const bool are_words =
      is_list && std::all_of(node.items.begin(), node.items.end(), [](const JsonNode& word) {
        return word.kind == JsonNode::Kind::kString && word.text.find('\0') == std::string::npos;
      });
  if (!are_words || node.items.front().text.empty()) {
    return wrong("the words of a command, as strings");
  }
  for (const JsonNode& word : node.items) out.command.push_back(word.text);
  return std::nullopt;
}

}  // namespace bottle::launcher
