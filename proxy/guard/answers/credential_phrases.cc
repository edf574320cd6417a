#include <array>

#include "proxy/guard/answers/phrases.h"

namespace bottle {
namespace {

constexpr auto kClass = AnswerClass::CredentialRequest;
constexpr auto kLinks = AnswerClass::MarkdownExfiltration;

constexpr std::array kPhrases{
    WordPhrase{
        kClass, 90,
        "(send*|post*|upload*|forward*|email*|e "
        "mail|transmit*|exfiltrat*|leak*|submit*|deliver*|copy*|report*|push*) @{0,8} "
        "(key|keys|token|tokens|password|passwords|credentials|secret|secrets|env|environment|vars|"
        "variables|cookies|rsa|ed25519|phrase|keychain|conversation|history|source code) "
        "@{0,4} (to|at) (the|this|our|my|following)? "
        "(http|attacker|webhook|server|url|address|endpoint|evil)"},
    WordPhrase{
        kClass, 50,
        "(send|upload|forward|transmit|exfiltrate|leak|post|email|steal|collect|gather|harvest) "
        "(me|us)? (all|any|every|the|your|users|user's|user|s|their|its|local|stored|of){1,5} @? "
        "(api key|access token|password|credential|secret|ssh key|private key|environment "
        "variable|dotenv|session cookie|cookies|github token|npm token|"
        "id rsa|seed phrase|wallet|bearer token|aws key|conversation history|chat history)"},
    WordPhrase{kClass, 50,
               "(content|contents|text|value) of @{0,5} (id rsa|id ed25519|aws "
               "credentials|ssh|netrc|npmrc|pypirc|etc passwd|etc shadow|kube config|"
               "git credentials|credentials json|bash history|zsh history|gnupg)"},
    WordPhrase{
        kClass, 50,
        "(read|open|cat|print|output|include|copy|grep|search|look|find|list|paste|encode|base64) "
        "@{0,5} (id rsa|id ed25519|aws credentials|netrc|npmrc|pypirc|etc passwd|etc shadow|"
        "kube config|git credentials|env file*|env|environment variables|private "
        "key*|secrets|credentials) @{0,8} (and|then) @{0,2} "
        "(send|upload|include|forward|encode|base64|email|append|paste|submit|pass)"},
    WordPhrase{
        kClass, 80,
        "(print|output|reveal|show|repeat|display|tell "
        "me|include|leak|dump|disclose|append|send|summarize|recite|share|encode) @{0,5} "
        "(your|its|the|full|entire|complete|above|user's) "
        "(system prompt|hidden prompt|initial prompt|initial instructions|hidden instructions|full "
        "conversation|entire conversation|conversation history|chat history|previous messages|"
        "above conversation)"},
    WordPhrase{kClass, 45,
               "(print|output|reveal|repeat|tell me|include|leak|dump|disclose|append|give "
               "me|reply with|respond with|say) @{0,4} (your|all|any|user's|every) @? "
               "(api key|secret key|credentials|environment variables|env vars|access "
               "token|password|private key|configuration|instructions)"},
    WordPhrase{kClass, 45,
               "(enter|provide|give|send|confirm|verify|type|supply|share) (me|us)? (your|the "
               "users|user's|users|their) @{0,2} (password|api key|access "
               "token|credentials|private key|seed phrase|"
               "recovery phrase|secret key|2fa code) @{0,6} (to continue|to proceed|to verify|to "
               "confirm|to unlock|to avoid|immediately|expired|suspended)"},
    WordPhrase{kClass, 60,
               "(ask|prompt|request|tell|instruct|convince) from? (the user|the human|them|the "
               "developer|the person) @{0,3} (for|to enter|to provide|to paste|to share|to type|to "
               "send|to give|to reveal) @{0,4} "
               "(password|api key|credentials|access token|secrets|private key|ssh key|seed "
               "phrase|passcode)"},
    WordPhrase{kClass, 60,
               "(your|the) (session|account|token|api key|access|license) @{0,2} (has|is)? "
               "(expired|been suspended|been revoked|been locked|will be suspended|will be "
               "terminated|will be deleted) @{0,8} "
               "(paste|enter|provide|reply|submit|confirm)"},
    WordPhrase{kClass, 70,
               "(include|append|add|attach|embed|insert|put|encode|place) @{0,6} (api key*|access "
               "token*|password*|credentials|secrets|ssh key*|private key*|environment "
               "variables|env vars|conversation|chat history) "
               "@{0,4} (in|into|to|as|at) @{0,4} (url|query|link|image|commit message|pull "
               "request|issue|comment|parameter|reply|subdomain|hostname)"},

    WordPhrase{kLinks, 60,
               "(render|display|include|show|embed|insert|output|add|append|end|write|finish) "
               "@{0,8} (image|img|link|pixel|hyperlink|markdown) @{0,9} "
               "(replac*|with|contain*|encod*|append*|where|carr*|includ*|followed by) @{0,6} "
               "(conversation|chat|data|secret|key|token|user's|message|summary|email|password|"
               "context|history|prompt|contents)"},
    WordPhrase{kLinks, 60,
               "(replac*|substitut*|fill in|swap*) @{0,6} (with|by) @{0,6} (conversation|chat "
               "history|api key|user's|secret|summary|private|password|file contents|last "
               "message|previous message|email address)"},
};

}  // namespace

std::span<const WordPhrase> credential_phrases() { return kPhrases; }

}  // namespace bottle
