#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bottle {

// The kinds of things that an answer is told to hold. docs/guard-answers.md describes each for
// people.
enum class AnswerClass : std::uint8_t {
  InstructionOverride,    // "ignore all previous instructions"
  AuthorityImitation,     // speaks as the operator, the maker of the model, the user
  SystemPromptImitation,  // speaks in the marks of a conversation: <|im_start|>system
  HiddenText,             // characters that no person sees
  HiddenHtml,             // instructions in an element that is not shown
  HtmlComment,            // instructions in a comment
  MarkdownExfiltration,   // an image or link that carries data away
  ToolCallLure,           // wants a tool called, or looks like its call
  EncodedInstruction,     // base64 or hex that decodes to instructions
  TerminalEscape,         // control sequences that act on a terminal
  SecretEcho,             // a secret of the bottle's own
  CredentialRequest,      // wants credentials, or a command that sends them
};
inline constexpr std::size_t kAnswerClasses = 12;

// The word of audit lines.
[[nodiscard]] std::string_view to_string(AnswerClass what) noexcept;

// The weight of one sign of a class. A sign is a match that the neighbourhood did not rule out.
// Signs that stand near each other add up, and a class with kFound has been found.
inline constexpr unsigned kFound = 100;

// The classes that were found in one text.
using AnswerClasses = std::array<bool, kAnswerClasses>;

}  // namespace bottle
