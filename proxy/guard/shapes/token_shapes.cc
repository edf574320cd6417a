#include "proxy/guard/shapes/token_shapes.h"

#include <array>

namespace bottle {
namespace {

// Left boundary: the token begins the text or follows a byte that cannot belong to a name. Behind a
// percent-encoded or JSON-escaped byte it is found in the decoded form.
#define BOTTLE_LEFT "(?:^|[^A-Za-z0-9_\\-])"
// For tokens whose letters standard base64 has too: not inside such text either.
#define BOTTLE_LEFT_OF_BASE64 "(?:^|[^A-Za-z0-9_\\-+/])"

constexpr std::array kAnthropic = {
    TokenHome{.host = "api.anthropic.com"},
    TokenHome{.host = "mcp-proxy.anthropic.com"},
    TokenHome{.host = "claude.ai"},
    TokenHome{.host = "api.claude.ai"},
    // Where Claude Code trades its refresh token for a new one, as JSON.
    TokenHome{.host = "platform.claude.com", .body = true},
    TokenHome{.host = "console.anthropic.com", .body = true},
};
constexpr std::array kOpenAi = {
    TokenHome{.host = "api.openai.com"},
    TokenHome{.host = "chatgpt.com"},
};
// A key id is in each signed request's Authorization field, and in the query of a presigned URL.
constexpr std::array kAwsKeyId = {
    TokenHome{.host = "*.amazonaws.com", .url = true},
    TokenHome{.host = "*.api.aws", .url = true},
};
constexpr std::array kGitHub = {
    TokenHome{.host = "github.com"},
    TokenHome{.host = "*.github.com"},
    TokenHome{.host = "ghcr.io"},
    TokenHome{.host = "*.githubusercontent.com"},
    TokenHome{.host = "*.githubcopilot.com"},
};
constexpr std::array kGitLab = {
    TokenHome{.host = "gitlab.com"},
    TokenHome{.host = "registry.gitlab.com"},
};
constexpr std::array kSlack = {
    TokenHome{.host = "slack.com", .body = true},  // its older methods take a form field "token"
    TokenHome{.host = "*.slack.com", .body = true},
};
constexpr std::array kGoogle = {
    TokenHome{.host = "*.googleapis.com", .url = true},  // "?key=" is its documented way
};
constexpr std::array kGoogleOauth = {
    TokenHome{.host = "*.googleapis.com"},
};
constexpr std::array kNpm = {TokenHome{.host = "registry.npmjs.org"}};
constexpr std::array kPypi = {
    TokenHome{.host = "upload.pypi.org"},
    TokenHome{.host = "test.pypi.org"},
};
constexpr std::array kStripe = {TokenHome{.host = "api.stripe.com"}};
constexpr std::array kHuggingFace = {
    TokenHome{.host = "huggingface.co"},
    TokenHome{.host = "*.huggingface.co"},
    TokenHome{.host = "*.hf.co"},
};
constexpr std::array kDigitalOcean = {TokenHome{.host = "api.digitalocean.com"}};
constexpr std::array kSendGrid = {TokenHome{.host = "api.sendgrid.com"}};
constexpr std::array kDocker = {
    TokenHome{.host = "hub.docker.com", .body = true},
    TokenHome{.host = "auth.docker.io"},
};

// Lengths are the shortest that the services issue; the numbers come from their documentation and
// from the public rules of gitleaks and GitHub's secret scanning.
constexpr std::array kShapes = {
    TokenShape{"Anthropic key", BOTTLE_LEFT "sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_\\-]{32}",
               kAnthropic},
    TokenShape{"OpenAI project key", BOTTLE_LEFT "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\\-]{40}",
               kOpenAi},
    TokenShape{"OpenAI key", BOTTLE_LEFT "sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}", kOpenAi},
    TokenShape{"AWS access key id", BOTTLE_LEFT_OF_BASE64 "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
               kAwsKeyId},
    TokenShape{"AWS secret access key",
               "(?i:secret_?access_?key)[\"']?\\s{0,4}[:=]\\s{0,4}[\"']?[A-Za-z0-9/+]{40}",
               {}},
    TokenShape{"GitHub token", BOTTLE_LEFT "gh[pousr]_[A-Za-z0-9]{36}", kGitHub},
    TokenShape{"GitHub fine-grained token",
               BOTTLE_LEFT "github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}", kGitHub},
    TokenShape{"GitLab token", BOTTLE_LEFT "gl(?:pat|dt|rt|cbt|ptt|soat)-[A-Za-z0-9_\\-]{20}",
               kGitLab},
    TokenShape{"Slack token", BOTTLE_LEFT "xox[abeoprs]-[0-9]{1,14}-[A-Za-z0-9\\-]{16}", kSlack},
    TokenShape{"Slack app token", BOTTLE_LEFT "xapp-[0-9]-[A-Z0-9]{8,14}-[0-9]{10,14}-[a-f0-9]{32}",
               kSlack},
    TokenShape{"Slack webhook",
               "hooks\\.slack\\.com/services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}",
               {}},
    TokenShape{"Google API key", BOTTLE_LEFT_OF_BASE64 "AIza[A-Za-z0-9_\\-]{35}", kGoogle},
    TokenShape{"Google OAuth token", BOTTLE_LEFT "ya29\\.[A-Za-z0-9_\\-]{40}", kGoogleOauth},
    TokenShape{"Google OAuth client secret", BOTTLE_LEFT "GOCSPX-[A-Za-z0-9_\\-]{28}", {}},
    TokenShape{"npm token", BOTTLE_LEFT "npm_[A-Za-z0-9]{36}", kNpm},
    TokenShape{"PyPI token", BOTTLE_LEFT "pypi-AgE(?:I|NdGV)[A-Za-z0-9_\\-]{50}", kPypi},
    TokenShape{"Stripe key", BOTTLE_LEFT "[rs]k_live_[A-Za-z0-9]{24}", kStripe},
    TokenShape{"Hugging Face token", BOTTLE_LEFT "hf_[A-Za-z]{34}", kHuggingFace},
    TokenShape{"DigitalOcean token", BOTTLE_LEFT "do[opr]_v1_[a-f0-9]{64}", kDigitalOcean},
    TokenShape{"SendGrid key", BOTTLE_LEFT "SG\\.[A-Za-z0-9_\\-]{22}\\.[A-Za-z0-9_\\-]{43}",
               kSendGrid},
    TokenShape{"Docker Hub token", BOTTLE_LEFT "dckr_(?:pat|oat)_[A-Za-z0-9_\\-]{27}", kDocker},
    TokenShape{
        "age secret key", BOTTLE_LEFT "AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}", {}},
    // The header and the beginning of what follows it, so that a text which only speaks of the
    // header (this source, a manual) is no hit. The line break may be escaped.
    TokenShape{"private key",
               "-----BEGIN (?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----"
               "(?:[ \\t\\r\\n]|\\\\[nrt]){1,8}"
               "(?:[A-Za-z0-9+/]{24}|Proc-Type: |DEK-Info: |Version: |Comment: )",
               {}},
};

#undef BOTTLE_LEFT
#undef BOTTLE_LEFT_OF_BASE64

}  // namespace

std::span<const TokenShape> token_shapes() noexcept { return kShapes; }

bool host_matches(std::string_view pattern, std::string_view host) noexcept {
  if (!pattern.starts_with("*.")) return pattern == "*" || pattern == host;
  const std::string_view suffix = pattern.substr(1);
  return host.size() > suffix.size() && host.ends_with(suffix);
}

}  // namespace bottle
