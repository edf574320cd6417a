#include "proxy/contract/guard_settings.h"

#include <gtest/gtest.h>

namespace bottle {
namespace {

GuardSettings settings(std::initializer_list<const char*> on_secret,
                       std::initializer_list<const char*> responses) {
  GuardSettings out;
  for (const char* text : on_secret) out.rules.push_back(*parse_on_secret(text));
  for (const char* text : responses) out.rules.push_back(*parse_responses(text));
  return out;
}

TEST(GuardSettings, DefaultsRefuseAndNote) {
  const GuardSettings none;
  EXPECT_EQ(none.on_secret(HostKind::Name, "api.test"), OnSecret::Refuse);
  EXPECT_EQ(none.on_secret(HostKind::Name, "api.anthropic.com"), OnSecret::Refuse);
  EXPECT_EQ(none.responses(HostKind::Name, "api.test"), AnswerRule::Note);
  EXPECT_EQ(none.responses(HostKind::Ipv4, "192.0.2.1"), AnswerRule::Note);
  EXPECT_FALSE(none.ignores(""));
  EXPECT_FALSE(none.financial);
}

TEST(GuardSettings, AnswersOfModelApisAreNotLookedAt) {
  const GuardSettings none;
  for (const char* host :
       {"api.anthropic.com", "api.openai.com", "chatgpt.com", "generativelanguage.googleapis.com",
        "europe-west4-aiplatform.googleapis.com", "name.openai.azure.com",
        "bedrock-runtime.eu-central-1.amazonaws.com"}) {
    EXPECT_EQ(none.responses(HostKind::Name, host), AnswerRule::Off) << host;
  }
  for (const char* host : {"api.anthropic.com.test", "xapi.anthropic.com", ".openai.azure.com",
                           "bedrock-runtime.test", "storage.googleapis.com"}) {
    EXPECT_EQ(none.responses(HostKind::Name, host), AnswerRule::Note) << host;
  }
}

TEST(GuardSettings, FirstRuleThatSpeaksOfItCounts) {
  const GuardSettings guard = settings({"a.h.test=refuse", "*.h.test=redact", "b.h.test=refuse"},
                                       {"*.h.test=block", "off"});
  EXPECT_EQ(guard.on_secret(HostKind::Name, "a.h.test"), OnSecret::Refuse);
  EXPECT_EQ(guard.on_secret(HostKind::Name, "b.h.test"), OnSecret::Redact);
  EXPECT_EQ(guard.on_secret(HostKind::Name, "c.example"), OnSecret::Refuse);
  EXPECT_EQ(guard.responses(HostKind::Name, "a.h.test"), AnswerRule::Block);
  EXPECT_EQ(guard.responses(HostKind::Name, "c.example"), AnswerRule::Off);
  EXPECT_EQ(guard.responses(HostKind::Ipv6, "2001:db8::1"), AnswerRule::Off);
}

TEST(GuardSettings, UnreadBodiesPassWhereARuleSaysGuard) {
  GuardSettings guard;
  EXPECT_FALSE(guard.passes_unread(HostKind::Name, "a.test"));
  EXPECT_EQ(guard.opaque(HostKind::Name, "a.test"), OpaqueRule::Guard);
  guard.rules.push_back(*parse_on_secret("a.test=redact"));
  guard.rules.push_back(*parse_opaque("a.test=guard"));
  guard.rules.push_back(*parse_opaque("*.b.test=scan"));
  guard.rules.push_back(*parse_opaque("guard"));
  EXPECT_TRUE(guard.passes_unread(HostKind::Name, "a.test"));
  EXPECT_FALSE(guard.passes_unread(HostKind::Name, "c.b.test"));
  EXPECT_TRUE(guard.passes_unread(HostKind::Name, "example.com"));
}

TEST(GuardSettings, WordAloneIsForEveryHost) {
  EXPECT_EQ(parse_on_secret("redact")->host.kind, HostPattern::Kind::Any);
  EXPECT_EQ(parse_responses("*=note")->host.kind, HostPattern::Kind::Any);
  EXPECT_EQ(settings({}, {"note"}).responses(HostKind::Name, "api.openai.com"), AnswerRule::Note);
}

TEST(GuardSettings, MistakesAreNamed) {
  EXPECT_EQ(parse_on_secret("h.test=hide").error().message,
            "\"hide\" is no rule for secrets; there are refuse and redact");
  EXPECT_EQ(parse_responses("h.test=refuse").error().message,
            "\"refuse\" is no rule for responses; there are off, note and block");
  EXPECT_NE(parse_responses("h.test:443=off").error().message.find("leave out the port"),
            std::string::npos);
  EXPECT_FALSE(parse_on_secret(""));
}

TEST(GuardSettings, FingerprintsAreBase32) {
  EXPECT_EQ(problem_with_fingerprint("abcdefghijklmn27"), "");
  EXPECT_NE(problem_with_fingerprint("abcdefghijklmn2").find("16 characters, not 15"),
            std::string::npos);
  EXPECT_NE(problem_with_fingerprint("abcdefghijklmn28").find("2 to 7"), std::string::npos);
  EXPECT_NE(problem_with_fingerprint("Abcdefghijklmn27"), "");
}

TEST(GuardSettings, KeyGoesThroughHexadecimal) {
  FingerprintKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i * 9);
  EXPECT_EQ(fingerprint_key_of_hex(to_hex(key)), key);
  EXPECT_FALSE(fingerprint_key_of_hex(std::string(63, '0')));
  EXPECT_FALSE(fingerprint_key_of_hex(std::string(63, '0') + "g"));
}

}  // namespace
}  // namespace bottle
