#include <array>

#include "proxy/guard/answers/phrases.h"

namespace bottle {
namespace {

constexpr auto kClass = AnswerClass::AuthorityImitation;
constexpr auto kPrompt = AnswerClass::SystemPromptImitation;

constexpr std::array kPhrases{
    WordPhrase{kClass, 55,
               "(message*|notice|instruction*|order*|directive*|request|announcement|command|alert)"
               " (from|by|on behalf of) "
               "(the|your|our|its){0,2} (system administrator|sysadmin|administrator|admin "
               "team|system operator|security team|it department|"
               "operator|platform team|maintainer)"},
    WordPhrase{kClass, 100,
               "(message*|notice|instruction*|order*|directive*|request*|announcement|command|"
               "alert|requirement*) (from|by|on behalf of) "
               "(the|your|our|its){0,2} (anthropic|openai|deepmind|claude code team|model "
               "provider|safety team|codex team|copilot team)"},
    WordPhrase{kClass, 60,
               "(i am|this is|i'm|speaking as) (the|your|an|a){1,2} (system|it|lead|head)? "
               "(administrator|lead developer|creator|supervisor|security team|"
               "security officer|security engineer|system operator)"},
    WordPhrase{kClass, 100,
               "(i am|i'm|this is|i work|we are) @{0,3} (anthropic|openai|deepmind) @? "
               "(employee|engineer|staff|developer|team|representative|"
               "security|researcher)"},
    WordPhrase{kClass, 50,
               "(authorized|authorised|preapproved|approved|mandated|sanctioned|verified|cleared|"
               "confirmed) by (the|your|our){0,2} "
               "(anthropic|openai|system administrator|administrator|security team|compliance "
               "team|it department|operator|user|legal)"},
    WordPhrase{kClass, 60,
               "(the|your) (user|human|operator|owner|account owner) "
               "(has|have|had|is|already|previously|explicitly|pre|fully){1,3} "
               "(approved|authorized|authorised|consented|agreed|granted|given) @{0,3} "
               "(permission|consent|approval|action|command|operation|in advance)"},
    WordPhrase{kClass, 45,
               "(no|without) (further|additional|user|human|more){0,2} "
               "(confirmation|approval|permission|consent) is? (needed|required|necessary)"},
    WordPhrase{kClass, 70,
               "(attention|important|notice|note|instruction*|message|urgent|warning|hello|hey|"
               "dear|directive*|reminder) (to|for|all|any|the){0,3} "
               "(ai|llm|llms|language model|language models|ai coding|automated|coding) @? "
               "(assistant|agent|models|reading|processing|crawler)"},
    WordPhrase{kClass, 100,
               "(if|since|as|because) (you are|you're|an|a) (an|a|the|any)? (ai|llm|large language "
               "model|language model|ai assistant|coding agent|"
               "ai agent|automated agent|coding assistant|chatbot|ai model|assistant) @{0,3} "
               "(reading|processing|parsing|summarizing|summarising|viewing|analyzing|"
               "working|scanning|please)"},
    WordPhrase{kClass, 50,
               "if you are (an|a) (ai|llm|large language model|language model|ai assistant|ai "
               "agent|ai model)"},
    WordPhrase{kClass, 30, "(ai|llm) (assistant*|agent*|model*) (shall|required|instructed)"},
    WordPhrase{kClass, 50, "(failure|refusal|refusing|failing) to (comply|follow|obey|cooperate)"},
    WordPhrase{
        kClass, 90,
        "(this is|consider this) (an|a|the)? "
        "(emergency|mandatory|official|priority|authorized|authorised|legitimate|formal) @{0,2} "
        "(override|directive|instruction|system message|notice)"},
    WordPhrase{kClass, 100,
               "(admin|administrator|developer|root|system|sudo|emergency|maintenance|operator|"
               "level @) (override|access|authorization|authorisation|"
               "privileges) "
               "(granted|enabled|activated|authorized|authorised|engaged|confirmed|accepted|in "
               "effect|initiated|sequence)"},
    WordPhrase{
        kClass, 60,
        "(security|compliance|legal|platform|safety|company|corporate) "
        "(policy|team|department|audit) now? (require*|mandate*|demand*|instruct*|order*) @{0,2} "
        "(assistant|agent|models)"},
    WordPhrase{
        kClass, 60,
        "(i|we) (hereby|now|explicitly)? "
        "(authorize|authorise|order|command|instruct|direct|permit|require) (you|the assistant|the "
        "agent|the model) to @? (execute|ignore|proceed|share|send|disclose|disable)"},
    WordPhrase{kClass, 60,
               "(your|the) "
               "(developer*|creator*|maker*|operator*|administrator*|vendor|employer|boss|owner) "
               "(has|have|now|also|hereby|explicitly){0,2} "
               "(authorizes you|authorized you|authorised you|instructed you|ordered you|commanded "
               "you|requires you) to @? "
               "(ignore|execute|send|share|reveal|disable|upload|follow|proceed|delete|install)"},

    WordPhrase{kPrompt, 60,
               "(begin|start|new|updated|revised|real|actual|replacement|override) of? (the|your)? "
               "(system|developer) (prompt|message|instructions)"},
    WordPhrase{kPrompt, 100,
               "(your|the|this) @? (system prompt|system message|system instructions|developer "
               "message) (is|has|been|was|now|hereby){1,3} "
               "(updated|replaced|changed|modified|as "
               "follows|amended|extended|reset|overwritten|obsolete)"},
    WordPhrase{kPrompt, 45,
               "you are (claude|chatgpt|codex|copilot|gemini|(an|a) "
               "(helpful|ai|unrestricted|autonomous|powerful|honest|large language) @{0,2} "
               "(assistant|agent|model))"},
    WordPhrase{kPrompt, 30,
               "your (instructions|rules|guidelines|constraints) (are|include|now)? (as "
               "follows|following|below)"},
    WordPhrase{kPrompt, 30, "knowledge cutoff"},
};

}  // namespace

std::span<const WordPhrase> authority_phrases() { return kPhrases; }

}  // namespace bottle
