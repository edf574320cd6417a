#include "launcher/manifest/manifest_edit.h"

#include <gtest/gtest.h>

#include <string>

#include "launcher/manifest/manifest.h"

namespace bottle::launcher {
namespace {

constexpr const char* kPrint = "abcdefghijklmn27";

std::string edited(const std::string& text, const std::string& bottle = "b") {
  const auto out = with_ignored(text, "m.json", bottle, kPrint);
  if (!out) return "error: " + out.error().message;
  return *out ? **out : "unchanged";
}

TEST(ManifestEdit, AddsWhatIsMissingAndNothingElse) {
  const struct {
    const char* before;
    const char* after;
  } cases[] = {
      {R"({"bottles": {"b": {}}})",
       R"({"bottles": {"b": { "guard": { "ignore": ["abcdefghijklmn27"] } }}})"},
      {R"({"bottles": {"b": {"workspace": "."}}})",
       R"({"bottles": {"b": {"workspace": ".", "guard": { "ignore": ["abcdefghijklmn27"] }}}})"},
      {R"({"bottles": {"b": {"guard": {}}}})",
       R"({"bottles": {"b": {"guard": { "ignore": ["abcdefghijklmn27"] }}}})"},
      {R"({"bottles": {"b": {"guard": {"financial": true }}}})",
       R"({"bottles": {"b": {"guard": {"financial": true, "ignore": ["abcdefghijklmn27"] }}}})"},
      {R"({"bottles": {"b": {"guard": {"ignore": []}}}})",
       R"({"bottles": {"b": {"guard": {"ignore": ["abcdefghijklmn27"]}}}})"},
      {R"({"bottles": {"b": {"guard": {"ignore": ["aaaaaaaaaaaaaaaa"]}}}})",
       R"({"bottles": {"b": {"guard": {"ignore": ["aaaaaaaaaaaaaaaa", "abcdefghijklmn27"]}}}})"},
  };
  for (const auto& one : cases) EXPECT_EQ(edited(one.before), one.after);
}

TEST(ManifestEdit, CommentsAndIndentationStay) {
  EXPECT_EQ(edited("// Policy {\n"
                   "{\n"
                   "  \"agents\": {}, /* } */\n"
                   "  \"bottles\": {\n"
                   "    \"a\": { \"guard\": { \"ignore\": [] } },\n"
                   "    \"b\": {\n"
                   "      \"mounts\": [\n"
                   "        // none: \"]\"\n"
                   "      ] // the last\n"
                   "      // \"image\": \"x\"\n"
                   "    }\n"
                   "  }\n"
                   "}\n"),
            "// Policy {\n"
            "{\n"
            "  \"agents\": {}, /* } */\n"
            "  \"bottles\": {\n"
            "    \"a\": { \"guard\": { \"ignore\": [] } },\n"
            "    \"b\": {\n"
            "      \"mounts\": [\n"
            "        // none: \"]\"\n"
            "      ], // the last\n"
            "      \"guard\": { \"ignore\": [\"abcdefghijklmn27\"] }\n"
            "      // \"image\": \"x\"\n"
            "    }\n"
            "  }\n"
            "}\n");
}

TEST(ManifestEdit, ListOfLinesGetsALine) {
  EXPECT_EQ(edited("{\"bottles\": {\"b\": {\"guard\": {\"ignore\": [\r\n"
                   "\t\"aaaaaaaaaaaaaaaa\" // \u00e4\r\n"
                   "]}}}}"),
            "{\"bottles\": {\"b\": {\"guard\": {\"ignore\": [\r\n"
            "\t\"aaaaaaaaaaaaaaaa\", // \u00e4\r\n"
            "\t\"abcdefghijklmn27\"\r\n"
            "]}}}}");
}

TEST(ManifestEdit, TwiceIsOnce) {
  const std::string once = edited(R"({"bottles": {"b": {"env": {"A": "ä", "X": "{[\"//"}}}})");
  EXPECT_NE(once.find(R"("X": "{[\"//"}, "guard": { "ignore")"), std::string::npos);
  EXPECT_EQ(edited(once), "unchanged");
}

TEST(ManifestEdit, MistakesAreTheManifests) {
  EXPECT_EQ(edited(R"({"bottles": {"b": {}}})", "c"), "error: m.json has no bottle \"c\"");
  EXPECT_EQ(edited("{").substr(0, 16), "error: m.json:1:");
}

}  // namespace
}  // namespace bottle::launcher
