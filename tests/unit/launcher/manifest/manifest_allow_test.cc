#include "launcher/manifest/manifest_allow.h"

#include <gtest/gtest.h>

#include <string>

namespace bottle::launcher {
namespace {

std::string edited(const std::string& text, const HostEntry& entry) {
  const auto out = with_allowed(text, "m.json", "b", entry);
  if (!out) return "error: " + out.error().message;
  return *out ? **out : "unchanged";
}

TEST(ManifestAllow, AddsWhatIsMissingAndNothingElse) {
  const struct {
    HostEntry entry;
    const char* before;
    const char* after;
  } cases[] = {
      {{"a.test", ""},
       R"({"bottles": {"b": {}}})",
       R"({"bottles": {"b": { "egress": { "allow": ["a.test"] } }}})"},
      {{"a.test", ""},
       R"({"bottles": {"b": {"egress": {"allow": ["x.test"]}}}})",
       R"({"bottles": {"b": {"egress": {"allow": ["x.test", "a.test"]}}}})"},
      {{"a.test:8443", "scan-requests"},
       R"({"bottles": {"b": {"egress": {"allow": []}}}})",
       R"({"bottles": {"b": {"egress": {"allow": ["a.test:8443"], )"
       R"("routes": { "a.test": "scan-requests" }}}}})"},
      {{"a.test", "scan"},
       R"({"bottles": {"b": {"egress": {"allow": ["A.test"], "routes": {"x.test": "deny"}}}}})",
       R"({"bottles": {"b": {"egress": {"allow": ["A.test"], )"
       R"("routes": {"x.test": "deny", "a.test": "scan"}}}}})"},
      {{"A.test", "scan"},
       R"({"bottles": {"b": {"egress": {"allow": ["a.test"], "routes": {"a.test": "scan"}}}}})",
       "unchanged"},
  };
  for (const auto& one : cases) EXPECT_EQ(edited(one.before, one.entry), one.after);
}

TEST(ManifestAllow, WhatCannotBeWrittenIsAnError) {
  EXPECT_EQ(edited(R"({"bottles": {"c": {}}})", {"a.test", ""}),
            "error: m.json has no bottle \"b\"");
  EXPECT_EQ(edited(R"({"bottles": {"b": {"egress": {"routes": {"a.test": "deny"}}}}})",
                   {"a.test", "scan"}),
            "error: m.json has the route deny for a.test");
}

TEST(ManifestAllow, CommentsAndOrderStay) {
  const std::string before =
      "{ // mine\n"
      "  \"bottles\": { \"b\": {\n"
      "    \"egress\": {\n"
      "      \"allow\": [\n"
      "        \"x.test\" // the first\n"
      "      ]\n"
      "    }\n"
      "  } }\n"
      "}\n";
  const std::string after = edited(before, {"a.test", ""});
  EXPECT_EQ(line_difference(before, after),
            "        \"allow\": [\n"
            "-         \"x.test\" // the first\n"
            "+         \"x.test\", // the first\n"
            "+         \"a.test\"\n");
}

TEST(LineDifference, IsTheLinesThatDiffer) {
  EXPECT_EQ(line_difference("a\nb\nc\n", "a\nb\nx\nc\n"), "  b\n+ x\n");
  EXPECT_EQ(line_difference("a\n", "a\n"), "  a\n");
  EXPECT_EQ(line_difference("", "a"), "+ a\n");
}

TEST(LineDifference, LineCannotSteerTheTerminal) {
  EXPECT_EQ(line_difference("// \x1b[2J\r\n",
                            "// \x1b[2J\r\n// \x9b"
                            "1A\b\n"),
            "  // ?[2J\n+ // ?1A?\n");
  EXPECT_EQ(line_difference("a\rb\n", "\tb\r\n"), "- a?b\n+  b\n");
  EXPECT_EQ(line_difference("", std::string(5000, 'x')), "+ " + std::string(4096, 'x') + "...\n");
}

}  // namespace
}  // namespace bottle::launcher
