#include "proxy/guard/answers/triggers.h"

#include <algorithm>
#include <array>
#include <bitset>

#include "proxy/guard/answers/words.h"

namespace bottle {
namespace {

constexpr auto kTriggers = std::to_array<std::string_view>({
    // Marks of conversations, and tool calls.
    "<|im_",
    "<|system",
    "<|user",
    "<|assistant",
    "<|developer",
    "<|end",
    "<|channel",
    "<|start",
    "<|begin",
    "<|eot",
    "<|eom",
    "<|tool",
    "<|python",
    "<|action",
    "<|/tool",
    "<|/python",
    "<|/action",
    "[inst",
    "[/inst",
    "<<sys",
    "<</sys",
    "<start_of_turn",
    "<end_of_turn",
    "<system",
    "<developer",
    "<instructions>",
    "<admin",
    "<operator",
    "</user",
    "</untrusted",
    "</tool",
    "</function",
    "</search",
    "</external",
    "</web",
    "# instruction",
    "# human",
    "# assistant",
    "# system",
    "# new.instruction",
    "system.prompt",
    "system.message",
    "system.override",
    "system.instruction",
    "system.alert",
    "system.notice",
    "system.update",
    "system.command",
    "system.directive",
    "system.section",
    "system.context",
    "developer.prompt",
    "developer.message",
    "developer.override",
    "developer.instruction",
    "developer.alert",
    "developer.notice",
    "developer.update",
    "developer.command",
    "developer.directive",
    "developer.section",
    "developer.context",
    "admin.prompt",
    "admin.message",
    "admin.instruction",
    "admin.override",
    "admin.section",
    "admin.context",
    "hidden.prompt",
    "hidden.message",
    "hidden.instruction",
    "hidden.override",
    "hidden.section",
    "hidden.context",
    "system :",
    "system]",
    "system)",
    "system*",
    "assistant :",
    "assistant]",
    "assistant)",
    "assistant*",
    "[ system",
    "[ developer",
    "human :",
    "\"system\"",
    "\"developer\"",
    "%% end",
    "instruction &",
    "instructions &",
    "directive &",
    "directives &",
    "orders &",
    "objective &",
    "mission &",
    "[ anthropic",
    "[ openai",
    "[ admin",
    "[ root",
    "[ operator",
    "[ security team",
    "<tool",
    "<function",
    "<invoke",
    "<antml",
    "<use_mcp",
    "<execute",
    "<run_command",
    "<bash_command",
    "[tool_call",
    "[/tool_call",
    "=functions.",
    "\"tool_call",
    "\"function_call",
    "\"tool_use",
    "\"local_shell",
    "\"bash\"",
    "\"shell\"",
    "\"exec\"",
    "\"run_command\"",
    "\"execute_command\"",
    "\"terminal\"",
    "\"run_terminal_cmd\"",
    "\"write_file\"",
    "\"computer\"",
    "\"send_email\"",
    "action.input",
    "vafgehpgvba",
    "snoitcurtsni",
    // Commands, and where environments are read.
    "curl",
    "wget",
    "ncat",
    "netcat",
    "nc.",
    "telnet",
    "socat",
    "sendmail",
    "mail.",
    "invoke-",
    "nslookup",
    "dig.",
    "iwr",
    "irm.",
    "os.environ",
    "process.env",
    "document.cookie",
    "localstorage",
    "id_rsa",
    "dev/tcp",
    "rm.-rf",
    "openssl",
});

constexpr std::array<std::string_view, 5> kForeign{"忽略", "無視", "忘れ", "무시", "잊"};

constexpr std::string_view kLines = "=*#~_<>[-";
constexpr std::size_t kMaxSpace = 3;
constexpr std::size_t kMaxAddress = 512;

constexpr bool is_alnum(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

// One byte of a trigger; not a space.
bool takes(char sign, char c) noexcept {
  switch (sign) {
    case '.':
      return true;
    case '%':
      return kLines.find(c) != std::string_view::npos;
    case '&':
      return c == ':' || c == '>';
    default:
      return lower(c) == sign;
  }
}

// `text` ends with the trigger's beginning.
bool ends_with(ByteView text, std::string_view beginning) noexcept {
  for (std::size_t i = beginning.size(); i > 0; --i) {
    if (beginning[i - 1] == ' ') {
      for (std::size_t n = 0; n < kMaxSpace && !text.empty() && is_space(text.back()); ++n) {
        text.remove_suffix(1);
      }
      continue;
    }
    if (text.empty() || !takes(beginning[i - 1], text.back())) return false;
    text.remove_suffix(1);
  }
  return true;
}

bool begins_with(ByteView text, std::string_view rest) noexcept {
  for (const char sign : rest) {
    if (sign == ' ') {
      for (std::size_t n = 0; n < kMaxSpace && !text.empty() && is_space(text.front()); ++n) {
        text.remove_prefix(1);
      }
      continue;
    }
    if (text.empty() || !takes(sign, text.front())) return false;
    text.remove_prefix(1);
  }
  return true;
}

// Bytes that the nearest sign of a trigger's part takes, the next one first. White space may be
// there or not; where the part ends, any byte may follow.
template <class Iterator>
std::bitset<256> nearest(Iterator at, Iterator end) {
  std::bitset<256> bytes;
  for (; at != end; ++at) {
    for (unsigned c = 0; c < 256; ++c) {
      const char byte = static_cast<char>(c);
      if (*at == ' ' ? is_space(byte) : takes(*at, byte)) bytes.set(c);
    }
    if (*at != ' ') return bytes;
  }
  return bytes.set();
}

// Behind the '?' that ends the beginning of an address, without a byte of `ends`; otherwise 0.
std::size_t question_in(ByteView text, std::size_t at, std::string_view ends) noexcept {
  const std::size_t most = std::min(text.size(), at + kMaxAddress);
  for (std::size_t i = at; i < most; ++i) {
    if (text[i] == '?') return i > at ? i + 1 : 0;
    if (is_space(text[i])) return 0;
    for (const char end : ends) {
      if (text[i] == end) return 0;
    }
  }
  return 0;
}

// Of "https://" and "http://"; 0: it is another text.
std::size_t scheme_size(ByteView text) noexcept {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (begins_with(text, scheme)) return scheme.size();
  }
  return 0;
}

}  // namespace

std::span<const std::string_view> triggers() { return kTriggers; }
std::span<const std::string_view> foreign_triggers() { return kForeign; }

TriggerWord word_of(std::string_view trigger) noexcept {
  std::size_t begin = 0;
  while (!is_alnum(trigger[begin])) ++begin;
  std::size_t end = begin;
  while (end < trigger.size() && is_alnum(trigger[end])) ++end;
  return {trigger.substr(begin, end - begin), begin, end == trigger.size()};
}

bool stands_around(std::string_view trigger, const TriggerWord& word, ByteView text,
                   std::size_t at) noexcept {
  return begins_with(text.substr(at + word.word.size()),
                     trigger.substr(word.offset + word.word.size())) &&
         ends_with(text.substr(0, at), trigger.substr(0, word.offset));
}

WordIndex::Neighbours neighbours_of(std::string_view trigger, const TriggerWord& word) {
  const std::string_view front = trigger.substr(0, word.offset);
  const std::string_view rest = trigger.substr(word.offset + word.word.size());
  return {nearest(front.rbegin(), front.rend()), nearest(rest.begin(), rest.end())};
}

// As question_behind() reads them.
WordIndex::Neighbours neighbours_of_address(std::string_view word) {
  WordIndex::Neighbours bytes;
  const bool scheme = word.starts_with("http");
  for (unsigned c = 0; c < 256; ++c) {
    const char byte = static_cast<char>(c);
    bytes.before[c] = !scheme || byte == '(' || byte == ':' || byte == '<' || is_space(byte);
    bytes.behind[c] = scheme ? byte == ':' : byte == '=' || is_space(byte);
  }
  return bytes;
}

std::size_t question_behind(ByteView text, std::size_t at) noexcept {
  if (lower(text[at]) == 'h' && lower(text[at + 1]) == 't') {
    ByteView before = text.substr(0, at);
    for (unsigned n = 0; n < 2 && !before.empty(); ++n) {
      if (before.back() == '<' || is_space(before.back())) before.remove_suffix(1);
    }
    if (!before.ends_with("](") && !before.ends_with("]:")) return 0;
    const std::size_t scheme = scheme_size(text.substr(at));
    return scheme == 0 ? 0 : question_in(text, at + scheme, "()<>");
  }
  while (at < text.size() && is_alnum(text[at])) ++at;
  const auto skip_space = [&] {
    if (at < text.size() && is_space(text[at])) ++at;
  };
  skip_space();
  if (at == text.size() || text[at] != '=') return 0;
  ++at;
  skip_space();
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) ++at;
  const std::size_t scheme = scheme_size(text.substr(at));
  if (scheme == 0 && !text.substr(at).starts_with("//")) return 0;
  return question_in(text, at + (scheme == 0 ? 2 : scheme), "\"'<>");
}

}  // namespace bottle
