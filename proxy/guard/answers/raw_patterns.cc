#include <array>
#include <string>

#include "proxy/guard/answers/phrases.h"
#include "proxy/guard/answers/raw_database.h"

namespace bottle {
namespace {

constexpr auto kPrompt = AnswerClass::SystemPromptImitation;
constexpr auto kOverride = AnswerClass::InstructionOverride;
constexpr auto kAuthority = AnswerClass::AuthorityImitation;
constexpr auto kTool = AnswerClass::ToolCallLure;
constexpr auto kCredential = AnswerClass::CredentialRequest;
constexpr auto kTerminal = AnswerClass::TerminalEscape;
constexpr auto kEncoded = AnswerClass::EncodedInstruction;

constexpr std::array kMarks{
    RawPhrase{kPrompt, 80, R"re(<\|im_start\|>\s{0,2}(?:system|user|assistant|developer))re"},
    RawPhrase{kPrompt, 50, R"re(<\|im_(?:start|end|sep)\|>)re"},
    RawPhrase{kPrompt, 60,
              R"re(<\|(?:system|user|assistant|developer|end_of_turn|channel|start)\|>)re"},
    RawPhrase{kPrompt, 60, R"re(<\|(?:start_header_id|begin_of_text)\|>)re"},
    RawPhrase{kPrompt, 60, R"re(<\|(?:end_header_id|eot_id|eom_id)\|>)re"},
    RawPhrase{kPrompt, 40, R"re(<\|(?:endoftext|endofprompt)\|>)re"},
    RawPhrase{kPrompt, 55, R"re(\[/?INST\])re"},
    RawPhrase{kPrompt, 60, R"re(<</?SYS>>)re"},
    RawPhrase{kPrompt, 60, R"re(<(?:start|end)_of_turn>)re"},
    RawPhrase{kPrompt, 45, R"re(<(?:system|developer|instructions)>)re"},
    RawPhrase{
        kPrompt, 100,
        R"re(<(?:system|developer|admin|operator)[-_ ]?(?:prompt|message|instructions?|reminder|note|override|update|command|notice)>)re"},
    RawPhrase{
        kPrompt, 50,
        R"re(</(?:user_?input|user_?query|untrusted_?data|untrusted_?content|tool_?results?|function_?results?|tool_?output|search_?results?|external_?data|external_?content|web_?page)>)re"},
    RawPhrase{kPrompt, 70, R"re(##\s?(?:instruction|human|assistant)\s?:)re"},
    RawPhrase{
        kPrompt, 70,
        R"re(##\s?(?:system|system prompt|system message|system override|new instructions?)\s?:)re"},
    RawPhrase{
        kPrompt, 60,
        R"re((?:system|developer)[ _-](?:prompt|message|override|instructions?|alert|notice|update|command|directive)\s?[\])*=-]{0,4}\s?:)re"},
    RawPhrase{kPrompt, 45, R"re(\n[>*"'\[( ]{0,4}(?:system|assistant)[\])*]{0,2}\s?:)re"},
    RawPhrase{
        kPrompt, 70,
        R"re(\[\s?(?:system|developer|system message|system prompt|system note)\s?\][\s:])re"},
    RawPhrase{kPrompt, 45, R"re(\n\n?Human\s?:\s)re"},
    RawPhrase{kPrompt, 45, R"re(\n\n?Assistant\s?:\s)re"},
    RawPhrase{kPrompt, 30, R"re("role"\s?:\s?"(?:system|developer)")re"},
    RawPhrase{
        kPrompt, 50,
        R"re("role"\s?:\s?"(?:system|developer)"\s?,\s?"content"\s?:\s?"(?:you|ignore|from now|new))re"},
    RawPhrase{
        kPrompt, 80,
        R"re([=*#~_<-]{2}\s?(?:begin |start |end |new )?(?:of )?(?:the )?(?:system|developer|admin|hidden) (?:prompt|message|instructions?|override|section|context)\s?[=*#~_>-]{2})re"},
    RawPhrase{
        kPrompt, 70,
        R"re([=*#~_<\[-]{2}\s?end (?:of )?(?:the )?(?:user|untrusted|tool|external|web|retrieved|page|document|search)\s?(?:input|data|document|context|content|output|message|query|results?|text)?\s?[=*#~_>\]-]{2})re"},
    RawPhrase{
        kOverride, 50,
        R"re((?:new|updated|revised|actual|additional)\s(?:instructions?|directives?|orders|objective|mission)\s{0,3}[:>])re"},
    RawPhrase{
        kAuthority, 100,
        R"re(\[\s?(?:anthropic|openai|admin|administrator|root|operator|security team|system admin|system administrator)(?:\s[a-z ]{1,16})?\s?\]\s?:)re"},
    RawPhrase{kOverride, 100,
              "忽略.{0,18}(?:之前|以上|上面|先前|前面|所有).{0,18}(?:指令|指示|提示|规则)"},
    RawPhrase{kOverride, 100,
              "(?:以前|これまで|上記|前).{0,12}(?:指示|命令|プロンプト).{0,12}(?:無視|忘れ)"},
    RawPhrase{kOverride, 100, "이전.{0,12}(?:지시|명령|프롬프트).{0,12}(?:무시|잊)"},

    RawPhrase{
        kTool, 100,
        R"re(<(?:antml:)?(?:tool_calls?|tool_use|function_calls?|invoke|tool_code|use_mcp_tool|execute_command|run_command|bash_command)[\s>])re"},
    RawPhrase{kTool, 100, R"re(<function=\w)re"},
    RawPhrase{kTool, 80, R"re(\[/?TOOL_CALLS?\])re"},
    RawPhrase{kTool, 80,
              R"re(<\|/?(?:tool_calls?|python_tag|tool_call_begin|action_start|tool_sep))re"},
    RawPhrase{kTool, 80, R"re(to=functions\.\w)re"},
    RawPhrase{kTool, 40, R"re("tool_calls?"\s?:\s?[\[{])re"},
    RawPhrase{kTool, 40, R"re("function_call"\s?:\s?\{)re"},
    RawPhrase{kTool, 50, R"re("type"\s?:\s?"(?:tool_use|function_call|local_shell_call)")re"},
    RawPhrase{
        kTool, 80,
        R"re("(?:name|tool|tool_name|function|action)"\s?:\s?"(?:bash|shell|exec|run_command|execute_command|terminal|run_terminal_cmd|write_file|computer|send_email)"\s?,\s?"(?:arguments|input|parameters|args|command|params|action_input)")re"},
    RawPhrase{
        kTool, 70,
        R"re(Action\s?:\s?(?:bash|shell|terminal|python_repl|exec|run_|send_|http_)\w{0,16}\s{1,3}Action\sInput\s?:)re"},

    // Words whose letters are turned by thirteen, or spelt backwards.
    RawPhrase{kEncoded, 100, R"re((?:cerivbhf|cevbe|nobir|rneyvre) vafgehpgvba)re"},
    RawPhrase{kEncoded, 100, R"re(snoitcurtsni (?:suoiverp|roirp|evoba|reilrae))re"},
};

// Commands that carry something away, or destroy it. The word of a trigger begins one: within a
// longer word it is another.
constexpr std::array kCommands{
    RawPhrase{
        kCredential, 100,
        R"re((?:id_rsa|id_ed25519|id_ecdsa|\.ssh|\.aws|\.netrc|\.npmrc|\.pypirc|\.env|/etc/passwd|/etc/shadow|\.kube/config|\.git-credentials|\.docker/config|\.bash_history|\.gnupg|\.config/gh|/environ)\b[^\n|]*\|(?:[^\n]*[^a-z0-9'\n])?(?:curl|wget|ncat|netcat|nc |openssl|telnet|socat|sendmail|mail |Invoke-))re"},
    RawPhrase{
        kCredential, 100,
        R"re((?:curl|wget|ncat|nslookup|dig|Invoke-WebRequest|iwr|irm)\s[^\n]*(?:\$\(|`)\s?(?:env\b|printenv|cat\s|base64\s|head\s|gh\sauth\stoken|aws\s(?:configure|sts)|security\sfind|tar\s|git\sconfig|gcloud\sauth|xxd\s))re"},
    RawPhrase{
        kCredential, 100,
        R"re(\b(?:env|printenv|export -p|declare -x)\s?\|(?:[^\n]*[^a-z0-9'\n])?(?:curl|wget|ncat|nc |netcat|openssl s_client|sendmail))re"},
    RawPhrase{
        kCredential, 100,
        R"re((?:curl|wget)\s[^\n]*(?:@|<|--post-file[= ]|--body-file[= ])\s?["']?[\w~$/{}.-]*(?:\.ssh/|id_rsa|\.aws/|\.env\b|/etc/passwd|/etc/shadow|\.netrc|\.npmrc|\.kube/config|\.git-credentials))re"},
    RawPhrase{
        kCredential, 100,
        R"re((?:requests\.(?:post|get|put)|fetch|urlopen|axios(?:\.post|\.get)?|http\.(?:request|Post)|sendBeacon|httpx\.post)\s?\((?:[^\n]*[^a-z0-9'\n])?(?:dict\(\s?os\.environ|os\.environ\s?[,)]|json\.dumps\(\s?os\.environ|JSON\.stringify\(\s?process\.env\s?\)|process\.env\s?[,)}]|document\.cookie|localStorage\s?[,)]|id_rsa))re"},
    RawPhrase{kCredential, 80, R"re(/dev/tcp/[\w.-]+/\d)re"},
    RawPhrase{
        kCredential, 100,
        R"re((?:ncat|netcat|\bnc)\s[^\n]*(?:-e\s/bin/|-c\s/bin/|<\s?(?:~|/etc/|\$HOME|\.env)))re"},
    RawPhrase{kTool, 35, R"re(curl\s[^\n|]*\|\s?(?:sudo\s)?(?:ba|z|da)?sh\b)re"},
    RawPhrase{kTool, 40, R"re(rm\s-rf\s(?:~|/|\$HOME|\*))re"},
};

// Control sequences (ECMA-48, and xterm's).
constexpr std::array kTerminals{
    RawPhrase{kTerminal, 100, R"re(\x1b\]52;)re"},
    RawPhrase{kTerminal, 100, R"re(\x1b\]8;[^;\n]*;[a-z])re"},
    RawPhrase{kTerminal, 100, R"re(\x1b\][012];)re"},
    RawPhrase{kTerminal, 100, R"re(\x1b\](?:4|10|11|12|50|104|1337|9|777);)re"},
    RawPhrase{kTerminal, 100, R"re(\x1b\[(?:\d{1,3};)*8(?:;\d{1,3})*m)re"},
    RawPhrase{kTerminal, 100, R"re(\x1b\[(?:[56]n|[>=]?0?c|2[01]t))re"},
    RawPhrase{kTerminal, 100, R"re(\x1b[P_^X])re"},
    RawPhrase{kTerminal, 100, R"re(\x1b(?:c|\[!p|\[\?(?:1049|47|1047|1000|1002|1003|2004)[hl]))re"},
    RawPhrase{kTerminal, 70, R"re(\x1b\[[0-3]?J)re"},
    RawPhrase{kTerminal, 70, R"re(\x1b\[(?:\d{1,4};\d{1,4})?[Hf])re"},
    RawPhrase{kTerminal, 60, R"re(\x1b\[\d{0,4}[AF])re"},
    RawPhrase{kTerminal, 40, R"re(\x1b\[[0-2]?K)re"},
    RawPhrase{kTerminal, 40, R"re(\x1b\[\d{0,4}[BCDEGdST@PLM])re"},
    RawPhrase{kTerminal, 50, R"re(\x1b(?:\[[su]|7|8|M|D))re"},
    RawPhrase{kTerminal, 50, R"re(\x1b\[\?25[lh])re"},
    RawPhrase{kTerminal, 60,
              R"re(\x1b\[(?:30;40|40;30|37;47|47;37|97;107|107;97|38;5;0;48;5;0)m)re"},
};

}  // namespace

std::span<const RawPhrase> mark_patterns() { return kMarks; }
std::span<const RawPhrase> command_patterns() { return kCommands; }
std::span<const RawPhrase> terminal_patterns() { return kTerminals; }

std::vector<MatchPattern> raw_patterns() {
  std::vector<MatchPattern> patterns;
  const auto add = [&](std::span<const RawPhrase> phrases, bool any_case) {
    for (const RawPhrase& phrase : phrases) {
      patterns.push_back({std::string(phrase.expression), any_case});
    }
  };
  add(mark_patterns(), true);
  add(command_patterns(), true);
  add(terminal_patterns(), false);  // control sequences tell cases apart
  return patterns;
}

}  // namespace bottle
