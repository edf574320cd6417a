#include <array>

#include "proxy/guard/shapes/boundaries.h"
#include "proxy/guard/shapes/shape_checks.h"
#include "proxy/guard/shapes/shape_groups.h"

// Keys of model services.
namespace bottle {
namespace {

// The last two: where Claude Code trades its refresh token for a new one, as JSON.
constexpr std::array kAnthropic = {
    TokenHome{.host = "api.anthropic.com"},
    TokenHome{.host = "mcp-proxy.anthropic.com"},
    TokenHome{.host = "claude.ai"},
    TokenHome{.host = "api.claude.ai"},
    TokenHome{.host = "platform.claude.com", .body = true},
    TokenHome{.host = "console.anthropic.com", .body = true},
};
constexpr std::array kOpenAi = {
    TokenHome{.host = "api.openai.com"},
    TokenHome{.host = "chatgpt.com"},
};
constexpr std::array kHuggingFace = {
    TokenHome{.host = "huggingface.co"},
    TokenHome{.host = "*.huggingface.co"},
    TokenHome{.host = "*.hf.co"},
};
constexpr std::array kOpenRouter = {
    TokenHome{.host = "openrouter.ai"},
};
constexpr std::array kGroq = {
    TokenHome{.host = "api.groq.com"},
};
constexpr std::array kXai = {
    TokenHome{.host = "api.x.ai"},
    TokenHome{.host = "*.api.x.ai"},
};
constexpr std::array kPerplexity = {
    TokenHome{.host = "api.perplexity.ai"},
};
constexpr std::array kReplicate = {
    TokenHome{.host = "api.replicate.com"},
    TokenHome{.host = "*.replicate.com"},
    TokenHome{.host = "*.replicate.delivery"},
};
constexpr std::array kMistral = {
    TokenHome{.host = "api.mistral.ai"},
    TokenHome{.host = "codestral.mistral.ai"},
};
constexpr std::array kCohere = {
    TokenHome{.host = "api.cohere.com"},
    TokenHome{.host = "api.cohere.ai"},
};

constexpr std::array kShapes = {
    TokenShape{.name = "Anthropic key",
               .pattern = BOTTLE_LEFT "sk-ant-[a-z]{3,8}[0-9]{2}-[A-Za-z0-9_\\-]{32}",
               .homes = kAnthropic,
               .check = random_behind<'-', 3, 32, 64>,
               .heads = "sk-ant-"},
    TokenShape{.name = "OpenAI project key",
               .pattern = BOTTLE_LEFT "sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\\-]{40}",
               .homes = kOpenAi,
               .check = random_behind<'-', 2, 40, 64>,
               .heads = "sk-"},
    TokenShape{.name = "OpenAI key",
               .pattern = BOTTLE_LEFT "sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}",
               .homes = kOpenAi,
               .check = random_behind<'-', 1, 48, 62>,
               .heads = "sk-"},
    TokenShape{.name = "OpenRouter key",
               .pattern = BOTTLE_LEFT "sk-or-v1-[a-f0-9]{64}",
               .homes = kOpenRouter,
               .check = random_behind<'-', 3, 64, 16>,
               .heads = "sk-or-"},
    TokenShape{.name = "Groq key",
               .pattern = BOTTLE_LEFT "gsk_[A-Za-z0-9]{48}",
               .homes = kGroq,
               .check = random_from<4, 48, 62>,
               .heads = "gsk_"},
    TokenShape{.name = "xAI key",
               .pattern = BOTTLE_LEFT "xai-[A-Za-z0-9]{70}",
               .homes = kXai,
               .check = random_from<4, 70, 62>,
               .heads = "xai-"},
    TokenShape{.name = "Perplexity key",
               .pattern = BOTTLE_LEFT "pplx-[A-Za-z0-9]{40}",
               .homes = kPerplexity,
               .check = random_from<5, 40, 62>,
               .heads = "pplx-"},
    TokenShape{.name = "Replicate token",
               .pattern = BOTTLE_LEFT "r8_[A-Za-z0-9]{37}",
               .homes = kReplicate,
               .check = random_from<3, 37, 62>,
               .heads = "r8_"},
    TokenShape{.name = "Hugging Face token",
               .pattern = BOTTLE_LEFT "hf_[A-Za-z]{34}",
               .homes = kHuggingFace,
               .check = random_from<3, 34, 52>,
               .heads = "hf_"},
    // These have nothing of their own: only the name of a setting tells them.
    TokenShape{.name = "Mistral key",
               .pattern = "(?i:mistral)" BOTTLE_JOINT "(?i:ai)?" BOTTLE_JOINT
                          "(?i:api)?" BOTTLE_JOINT "(?i:key)" BOTTLE_IS "[A-Za-z0-9]{32}",
               .homes = kMistral,
               .check = random_setting<32, 62>,
               .heads = "mistral",
               .named = true},
    TokenShape{.name = "Cohere key",
               .pattern = "(?:(?i:cohere)" BOTTLE_JOINT "(?i:api)?" BOTTLE_JOINT
                          "(?i:key|token)|CO_API_KEY)" BOTTLE_IS "[A-Za-z0-9]{40}",
               .homes = kCohere,
               .check = random_setting<40, 62>,
               .heads = "cohere|CO_API_KEY",
               .named = true},
};

}  // namespace

std::span<const TokenShape> model_shapes() noexcept { return kShapes; }

}  // namespace bottle
