#include "proxy/guard/answers/answer_class.h"

namespace bottle {
namespace {

constexpr std::array<std::string_view, kAnswerClasses> kWords{
    "instruction_override",  "authority_imitation", "system_prompt_imitation",
    "hidden_text",           "hidden_html",         "html_comment_instruction",
    "markdown_exfiltration", "tool_call_lure",      "encoded_instruction",
    "terminal_escape",       "secret_echo",         "credential_request"};

}  // namespace

std::string_view to_string(AnswerClass what) noexcept {
  return kWords[static_cast<std::size_t>(what)];
}

}  // namespace bottle
