#include <array>

#include "proxy/guard/answers/phrases.h"

namespace bottle {
namespace {

constexpr auto kClass = AnswerClass::InstructionOverride;

constexpr std::array kPhrases{
    WordPhrase{
        kClass, 100,
        "(ignor*|disregard*|forget*) "
        "(all|any|every|each|the|your|my|our|of|these|those|that|this|and|other|everything|"
        "in|what|about|whatever|such){0,6} "
        "(previous|prior|above|earlier|preceding|foregoing|existing|original|initial|former|past|"
        "system|safety|developer|previously) @{0,3} "
        "(instruction|prompt|rules|direction|guideline|directive|commands|"
        "orders|constraints|policies|restrictions|training|programming|guidance|requests|tasks)"},
    WordPhrase{
        kClass, 100,
        "(overrid*|bypass*|neglect*|overlook*|cancel*|discard*|supersed*|void) "
        "(all|any|every|each|the|your|my|of|these|those|and|"
        "other){0,5} "
        "(previous|prior|above|earlier|preceding|original|initial|system|safety|developer) @{0,2} "
        "(instruction|prompt|guideline|directive|orders|training|programming)"},
    WordPhrase{kClass, 100,
               "(ignor*|disregard*|forget*) (all|any)? of? (your|the|my) @? "
               "(instruction|guideline|training|programming|restrictions|safety)"},
    WordPhrase{kClass, 80,
               "(ignore|disregard|forget) (everything|anything|all) @{0,4} "
               "(above|before|previously|prior|earlier|told)"},
    WordPhrase{kClass, 100,
               "(ignore|disregard|forget|scrap|drop) (whatever|everything|anything|what) @{0,5} "
               "(asked|told|said|wanted|requested) @{0,3} (earlier|before|previously|above)"},
    WordPhrase{
        kClass, 100,
        "(previous|prior|earlier|original|above|old|existing) "
        "(instructions|rules|guidelines|restrictions) (no longer|do not|don't) (apply|bind)"},
    WordPhrase{kClass, 60,
               "you @{0,2} (operate|act|respond|work) without any? "
               "(restriction|limit|filter|guideline|rules)"},
    WordPhrase{kClass, 100,
               "(do not|don't|don t|never|no longer|stop) @? (follow*|obey*|adher* to|comply* "
               "with|listen* to|heed*) @{0,3} "
               "(previous|prior|above|earlier|original|system|developer|initial|user's|users|user) "
               "@? (instruction|prompt|rules|guideline|"
               "request|directive|commands)"},
    WordPhrase{kClass, 60,
               "your (new|only|real|true|actual|updated|sole) @? "
               "(task|goal|objective|mission|purpose|instruction|role|priority)"},
    WordPhrase{kClass, 60,
               "(from now on|starting now|henceforth|from this point @?|effective immediately) "
               "(you|the assistant|the agent|the model) @{0,3} "
               "(answer|respond|reply|behave|follow|obey|ignore|speak|always|never|append|include|"
               "unrestricted|admin|different|another|forget|execute)"},
    WordPhrase{kClass, 70,
               "(stop|halt|abort|pause|abandon|drop|suspend|set aside|forget) "
               "(the|your|whatever|all){0,2} (current|present|original|previous|"
               "ongoing|user's|users|user s) @? (task|question|goal|objective)"},
    WordPhrase{kClass, 100,
               "(the|all|any|your|those|these) (above|previous|prior|earlier|original|preceding) "
               "@? (instruction*|prompt*|task*|request*|"
               "rule*|guideline*) (is|are|were|was|has|have) "
               "(been|now|no|longer|hereby|completely|all){0,3} "
               "(void|cancel|obsolete|outdated|revoked|superseded|invalid|complete|fake|replaced|"
               "null|overridden|"
               "expired|rescinded|suspended|apply|valid|binding)"},
    WordPhrase{
        kClass, 70,
        "(do not|don't|don t|dont|never|without|must not|not to) @{0,2} "
        "(tell*|mention*|inform*|alert*|notify*|reveal*|disclos*|show*|"
        "warn*) @{0,6} (the|your|any|human) (user|human|operator|person|customer|developer)"},
    WordPhrase{kClass, 50,
               "(hide|conceal|keep) @{0,4} from (the|your|any) (user|human|operator|person)"},
    WordPhrase{
        kClass, 100,
        "(pretend*|act as if|act like|behave as if|roleplay*|role play*|imagine) @{0,5} "
        "(no|without|unrestricted|free of|free from|"
        "not bound by|ignore) @{0,2} "
        "(restriction|rules|filters|limitation|guideline|ethics|policies|constraints|limits)"},
    WordPhrase{kClass, 100,
               "you are (now|no longer) @{0,2} (dan|jailbroken|developer mode|god "
               "mode|unrestricted|admin mode|"
               "debug mode|maintenance mode|unfiltered|bound|evil|root mode|restricted)"},
    WordPhrase{kClass, 70,
               "(enter|entering|activate|enable|switch to|you are in) "
               "(dan|god|jailbreak|unrestricted|unfiltered|opposite) mode"},
    WordPhrase{
        kClass, 50,
        "(do|perform|complete|execute) (this|it|so|these|the following) @{0,2} before @{0,2} "
        "(anything else|answering|responding|continuing|summari|proceeding)"},
    WordPhrase{kClass, 80,
               "(this|these|the following) (instruction*|rule*|message|request|directive) @? "
               "(take*|has|have|override*|supersede*|replace*|"
               "outrank*) @{0,3} (precedence|priority|previous|prior|earlier|everything)"},
    WordPhrase{kClass, 60,
               "(reply|respond|answer|output|say|print) "
               "(only|just|exactly|always|everything|with|to|this|the){1,5} @{0,6} (nothing "
               "else|no matter|regardless)"},
    WordPhrase{kClass, 50,
               "(instead|rather) (of @{1,7})? you (must|should|will|shall|are to) now? "
               "(output|print|reply|respond|answer)"},
    WordPhrase{kClass, 60,
               "(when|while|if|whenever) (you|are|asked|to){0,4} "
               "(summari*|review*|read*|analy*|process*|describ*|translat*) @{0,4} "
               "(page|document|text|file|repository|repo|readme|email|issue|code|content|product|"
               "article) @{0,3} "
               "(always|instead|not mention|also include)"},
    WordPhrase{kClass, 60,
               "(you must|you will|you shall|you are required to|always|only) (comply|obey) @{0,3} "
               "(instruction|orders|commands|directive|immediately|without question)"},
    WordPhrase{kClass, 50,
               "(new|updated|revised|real|actual|true|special|secret|hidden) "
               "(instruction*|directive*|orders|objective|mission) (for|to) "
               "(you|the|all|any|ai){0,3} (assistant|agent|model|claude|chatgpt|copilot|codex)"},

    // Texts about attacks are full of these.
    WordPhrase{kClass, 0, "prompt injection", PhraseUse::Discuss},
    WordPhrase{kClass, 0, "(jailbreak|jailbreaking) (attempt|prompt|attack)", PhraseUse::Discuss},
    WordPhrase{kClass, 0, "(injection|adversarial) (attack|attempt|payload|example)",
               PhraseUse::Discuss},
    WordPhrase{kClass, 0, "(for|an|the) (example|instance|attacker)", PhraseUse::Discuss},
    WordPhrase{kClass, 0, "(such as|e g|like) (ignore|disregard|forget)", PhraseUse::Discuss},
};

// Written as their letters stand after folding: without marks. Words of other scripts have no
// spaces and count as one word.
constexpr std::array kForeign{
    WordPhrase{kClass, 100,
               "(ignorier*|vergiss|vergessen sie|missachte*) "
               "(alle|alles|die|deine|ihre|samtliche|sie){0,4} "
               "(bisherigen|vorherigen|obigen|vorigen|fruheren|vorangegangenen) @? "
               "(anweisungen|instruktionen|befehle|regeln|vorgaben)"},
    WordPhrase{kClass, 100,
               "(ignore*|oublie*) (toutes|toute|les|tes|vos|ces){0,3} "
               "(instructions|consignes|directives|regles) @? "
               "(precedentes|ci dessus|anterieures|initiales)"},
    WordPhrase{kClass, 100,
               "(ignor*|olvid*|omit*) (todas|toda|las|tus|sus|estas){0,3} "
               "(instrucciones|ordenes|indicaciones|reglas) @? "
               "(anteriores|previas|precedentes|iniciales)"},
    WordPhrase{kClass, 100, "(ignor*|olvid*|omit*) todo lo (anterior|previo|dicho)"},
    WordPhrase{kClass, 100,
               "(ignora*|dimentica*) (tutte|le|tue){0,3} istruzioni @? (precedenti|iniziali)"},
    WordPhrase{kClass, 100,
               "(ignor*|esque*) (todas|as|suas){0,3} instrucoes @? (anteriores|previas)"},
    WordPhrase{kClass, 100,
               "(negeer|vergeet) (alle|de|je){0,3} (vorige|eerdere|bovenstaande) "
               "(instructies|opdrachten)"},
};

}  // namespace

std::span<const WordPhrase> override_phrases() { return kPhrases; }
std::span<const WordPhrase> foreign_phrases() { return kForeign; }

}  // namespace bottle
