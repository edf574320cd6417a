#include "launcher/manifest/manifest_edit.h"

#include <algorithm>

#include "launcher/manifest/json_text_edit.h"
#include "launcher/manifest/manifest.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

Expected<std::optional<std::string>> with_ignored(std::string_view text, const std::string& file,
                                                  const std::string& bottle,
                                                  std::string_view fingerprint) {
  const auto before = parse_manifest(text, file, "/");
  if (!before) return before.error();
  const auto found = before->bottles.find(bottle);
  if (found == before->bottles.end()) {
    return Error{ExitCode::kUsage, file + " has no bottle \"" + bottle + "\"", ""};
  }
  const auto& ignored = found->second.guard.ignore;
  if (std::find(ignored.begin(), ignored.end(), fingerprint) != ignored.end()) {
    return std::optional<std::string>();
  }
  const auto tree = parse_json(text, file);
  if (!tree) return tree.error();
  const JsonNode& entry = member_of(member_of(*tree, "bottles")->value, bottle)->value;
  const std::string word = "\"" + std::string(fingerprint) + "\"";
  const JsonMember* const guard = member_of(entry, "guard");
  const JsonMember* const list = guard == nullptr ? nullptr : member_of(guard->value, "ignore");
  std::string out = list != nullptr ? with_item(text, list->value, word)
                    : guard != nullptr
                        ? with_member(text, guard->value, "\"ignore\": [" + word + "]")
                        : with_member(text, entry, "\"guard\": { \"ignore\": [" + word + "] }");
  const auto after = parse_manifest(out, file, "/");
  if (after && after->bottles.at(bottle).guard.ignore.size() == ignored.size() + 1) {
    return std::optional(std::move(out));
  }
  return Error{
      ExitCode::kManifest, "the fingerprint could not be added to " + file,
      after ? "add it by hand: \"guard\": {\"ignore\": [" + word + "]}" : after.error().message};
}

}  // namespace bottle::launcher
