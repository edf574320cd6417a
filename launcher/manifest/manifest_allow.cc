#include "launcher/manifest/manifest_allow.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "launcher/manifest/json_text_edit.h"
#include "launcher/manifest/manifest.h"
#include "launcher/process/plain_text.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/json_tree.h"

namespace bottle::launcher {
namespace {

bool is_same(const std::string& a, const std::string& b) {
  const auto left = HostPattern::parse(a);
  const auto right = HostPattern::parse(b);
  return left && right && left->host_text() == right->host_text() && left->port == right->port;
}

std::string quoted(const std::string& word) { return "\"" + word + "\""; }

// The bottle's object in a text that was parsed as a manifest.
const JsonNode& bottle_in(const JsonNode& tree, const std::string& bottle) {
  return member_of(member_of(tree, "bottles")->value, bottle)->value;
}

// Adds to a list or an object of "egress", and makes what is missing of these.
Expected<std::string> with_egress(std::string_view text, const std::string& file,
                                  const std::string& bottle, const char* key,
                                  const std::string& entry) {
  const auto tree = parse_json(text, file);
  if (!tree) return tree.error();
  const JsonNode& object = bottle_in(*tree, bottle);
  const bool is_list = std::string_view(key) == "allow";
  const std::string fresh =
      quoted(key) + ": " + (is_list ? "[" + entry + "]" : "{ " + entry + " }");
  const JsonMember* const egress = member_of(object, "egress");
  if (egress == nullptr) return with_member(text, object, "\"egress\": { " + fresh + " }");
  const JsonMember* const there = member_of(egress->value, key);
  if (there == nullptr) return with_member(text, egress->value, fresh);
  return is_list ? with_item(text, there->value, entry) : with_member(text, there->value, entry);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// Tabs and the line ends of other systems are no reason for a '?'.
std::string shown_line(std::string_view line) {
  constexpr std::size_t kMost = 4096;
  if (line.ends_with('\r')) line.remove_suffix(1);
  const bool whole = line.size() <= kMost;
  std::string out(line.substr(0, kMost));
  std::replace(out.begin(), out.end(), '\t', ' ');
  return printable(out, kMost) + (whole ? "" : "...");
}

}  // namespace

Expected<std::optional<std::string>> with_allowed(std::string_view text, const std::string& file,
                                                  const std::string& bottle,
                                                  const HostEntry& entry) {
  const auto before = parse_manifest(text, file, "/");
  if (!before) return before.error();
  const auto found = before->bottles.find(bottle);
  if (found == before->bottles.end()) {
    return Error{ExitCode::kUsage, file + " has no bottle \"" + bottle + "\"", ""};
  }
  const auto& allow = found->second.allow;
  const bool has_host = std::any_of(allow.begin(), allow.end(), [&entry](const std::string& one) {
    return is_same(one, entry.host);
  });
  const auto pattern = HostPattern::parse(entry.host);
  if (!pattern) return pattern.error();
  const std::string name = pattern->host_text();
  const auto& routes = found->second.routes;
  const auto route = std::find_if(routes.begin(), routes.end(),
                                  [&name](const auto& one) { return is_same(one.first, name); });
  if (!entry.route.empty() && route != routes.end() && route->second != entry.route) {
    return Error{ExitCode::kManifest,
                 file + " has the route " + route->second + " for " + route->first,
                 "change it there by hand, or allow the host without --route"};
  }
  std::string out(text);
  if (!has_host) {
    auto added = with_egress(out, file, bottle, "allow", quoted(entry.host));
    if (!added) return added.error();
    out = std::move(*added);
  }
  if (!entry.route.empty() && route == routes.end()) {
    auto added =
        with_egress(out, file, bottle, "routes", quoted(name) + ": " + quoted(entry.route));
    if (!added) return added.error();
    out = std::move(*added);
  }
  if (out == text) return std::optional<std::string>();
  const auto after = parse_manifest(out, file, "/");
  if (after && after->bottles.at(bottle).allow.size() == allow.size() + (has_host ? 0 : 1)) {
    return std::optional(std::move(out));
  }
  return Error{ExitCode::kManifest, "the host could not be added to " + file,
               "add it by hand: \"egress\": {\"allow\": [" + quoted(entry.host) + "]}"};
}

std::string line_difference(std::string_view before, std::string_view after) {
  const auto old_lines = lines_of(before);
  const auto new_lines = lines_of(after);
  std::size_t first = 0;
  const std::size_t least = std::min(old_lines.size(), new_lines.size());
  while (first < least && old_lines[first] == new_lines[first]) ++first;
  std::size_t same = 0;
  while (same < least - first &&
         old_lines[old_lines.size() - 1 - same] == new_lines[new_lines.size() - 1 - same]) {
    ++same;
  }
  std::string out;
  const auto add = [&out](const char* sign, std::string_view line) {
    out.append(sign).append(shown_line(line)).append("\n");
  };
  if (first > 0) add("  ", old_lines[first - 1]);
  for (std::size_t i = first; i + same < old_lines.size(); ++i) add("- ", old_lines[i]);
  for (std::size_t i = first; i + same < new_lines.size(); ++i) add("+ ", new_lines[i]);
  return out;
}

}  // namespace bottle::launcher
