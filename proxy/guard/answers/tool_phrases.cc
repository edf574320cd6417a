#include <array>

#include "proxy/guard/answers/phrases.h"

namespace bottle {
namespace {

constexpr auto kClass = AnswerClass::ToolCallLure;

constexpr std::array kPhrases{
    WordPhrase{kClass, 60,
               "(use|call|invoke|with|via|through|using) (the|your|its|available)? "
               "(bash|shell|terminal|exec|execute command|run command|"
               "computer use|browser|filesystem|file system|webfetch|web fetch|fetch|email|send "
               "email|send message|http request|gmail|slack|write file|"
               "read file|file reading|code execution|command execution|@ mcp) tool"},
    WordPhrase{kClass, 40,
               "(you must|you should|please|immediately|now) "
               "(now|first|immediately|also|then|always){0,2} (call|invoke|execute|trigger|use) "
               "(the|your|this) @{1,3} tool"},
    WordPhrase{
        kClass, 70,
        "(before|prior to) you? (answer*|respond*|reply*|continu*|proceed*|doing anything "
        "else|summari*|using this tool|calling this tool|any other tool|use this tool|using any|"
        "finishing|complet* @{1,2}) @{0,4} "
        "(call|use|run|execute|invoke|read|open|fetch|send|upload|write|install|visit) "
        "(the|this|your|all|a|following|it|and|bash|curl|npm|pip){0,2} "
        "(command|tool|contents|bash|curl|package|endpoint|webhook|install)"},
    WordPhrase{
        kClass, 80,
        "(run|execute|paste|launch|install) @{0,8} (without|do not|don't|no need to) @{0,2} "
        "(asking|confirm|telling|prompting|showing|review|permission|approval|verification)"},
    WordPhrase{
        kClass, 70,
        "(silently|secretly|quietly|discreetly|covertly|stealthily) "
        "(execute|send|upload|invoke|append|include|forward|install|copy|email|delete|download)"},
    WordPhrase{kClass, 50,
               "(auto approve|autoapprove|automatically approve|skip|disable|turn off|bypass) "
               "(all|the|any|every|user){0,3} (permission|confirmation|approval|safety) @? "
               "(prompts|checks|dialog)"},
    WordPhrase{kClass, 60, "dangerously skip permissions"},
    WordPhrase{
        kClass, 50,
        "(add|append|write|insert|put|save|copy|modify|edit|update) @{0,9} "
        "(claude|agents|cursorrules|cursor rules|copilot instructions|authorized keys|mcp json)"},
    WordPhrase{kClass, 60,
               "(assistant|agent|model|claude|chatgpt|copilot|cursor|codex|llm|ai) "
               "(you|please|reading|this){0,3} (must|should|needs to|need to|has to|will|please|is "
               "to|is required to) "
               "(now|immediately|first|also|then|always){0,2} "
               "(execute|invoke|install|fetch|download|visit|delete|forward|upload|email|curl|send|"
               "execute)"},
    WordPhrase{kClass, 60,
               "(open|visit|fetch|browse to|navigate to|go to|load|download) @{1,9} (and|then) "
               "(follow|execute|run|do|obey|perform) @{0,3} (instruction|steps|commands)"},
    WordPhrase{kClass, 70,
               "(delete|remove|wipe|erase|destroy|overwrite) "
               "(all|every|the|user's|users|entire|whole|of|their|your){1,4} "
               "(files|repository|home directory|database|project|git history|backups) "
               "@{0,4} (immediately|without|silently)"},
    WordPhrase{kClass, 60,
               "(when|whenever|before|after) (this|any|the|using|calling){1,2} tool @{0,8} "
               "(must|always|also|first) @{0,3} (send|include|forward|upload)"},
    WordPhrase{
        kClass, 60,
        "(pass|include|provide|put|place|send) @{0,6} (as|in) the? (sidenote|side note|parameter)"},
    WordPhrase{kClass, 60, "(git|force) push @{0,8} (attacker|without review|review)"},
};

}  // namespace

std::span<const WordPhrase> tool_phrases() { return kPhrases; }

}  // namespace bottle
