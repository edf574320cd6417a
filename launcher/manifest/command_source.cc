#include "launcher/manifest/command_source.h"

#include <charconv>
#include <string_view>
#include <vector>

namespace bottle::launcher {
namespace {

constexpr std::chrono::hours kLongestTtl{7L * 24};

// The seconds of one unit; 0: it is none.
long scale_of(std::string_view unit) {
  if (unit == "s") return 1;
  if (unit == "m") return 60;
  if (unit == "h") return 3600;
  return unit == "d" ? 24L * 3600 : 0;
}

}  // namespace

std::optional<std::chrono::seconds> read_time(std::string_view text, std::chrono::seconds most) {
  const char* const last = text.data() + text.size();
  long number = 0;
  const auto [end, ec] = std::from_chars(text.data(), last, number);
  const long scale = scale_of(std::string_view(end, static_cast<std::size_t>(last - end)));
  const bool is_time = ec == std::errc() && scale != 0 && number > 0;
  if (!is_time || number > most.count() / scale) return std::nullopt;
  return std::chrono::seconds(number * scale);
}

std::optional<Error> check_command_words(const JsonNode& node, const std::string& file,
                                         const std::vector<std::string>& words) {
  if (!words.empty()) return std::nullopt;
  return error_at(file, node.place, "\"command\" must name a program",
                  R"(example: "command": ["gcloud", "auth", "print-access-token"])");
}

std::optional<Error> read_ttl(const JsonNode& node, const std::string& file,
                              std::chrono::seconds& out) {
  const auto time = read_time(node.text, kLongestTtl);
  if (node.kind == JsonNode::Kind::kString && time) {
    out = *time;
    return std::nullopt;
  }
  return error_at(file, node.place, "\"ttl\" must be a time, as a string",
                  R"(write "90s", "50m" or "12h"; a week at most)");
}

std::optional<Error> check_command_keys(const JsonNode& node, const std::string& file,
                                        const std::string& name, const EnvValue& value) {
  const bool command = value.source == EnvValue::Source::kCommand;
  // The agent would have a token that dies, and no way to the command.
  if (command && !value.keep_out) {
    return error_at(
        file, node.place, "\"" + name + R"(" has "command" without "keep_out")",
        R"(add "keep_out": true: the agent gets a placeholder, the proxy each new token)");
  }
  if (!command && value.ttl.count() != 0) {
    return error_at(file, node.place, "\"" + name + R"(" has "ttl" without "command")",
                    R"(remove "ttl": only a command is run again)");
  }
  return std::nullopt;
}

}  // namespace bottle::launcher
