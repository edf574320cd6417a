#include "launcher/manifest/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace bottle::launcher {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Expected<Manifest> parse(const std::string& text) {
  return parse_manifest(text, "m.json", "/work");
}

// In a bottle "b": what stands between its braces, in line 2 of the file.
std::string in_bottle(const std::string& inner) {
  return "{ \"bottles\": { \"b\": {\n" + inner + " } } }";
}

struct Bad {
  const char* name;
  std::string text;
  const char* place;   // "line:column"
  const char* about;   // in the message
  const char* advice;  // in the hint; "" = not looked at
};

class BadManifest : public testing::TestWithParam<Bad> {};

TEST_P(BadManifest, SaysWhereAndWhatIsAllowed) {
  const auto manifest = parse(GetParam().text);
  ASSERT_FALSE(manifest);
  const auto& error = manifest.error();
  EXPECT_EQ(error.code, ExitCode::kManifest);
  EXPECT_THAT(error.message, StartsWith(std::string("m.json:") + GetParam().place + ": "));
  EXPECT_THAT(error.message, HasSubstr(GetParam().about));
  EXPECT_THAT(error.hint, HasSubstr(GetParam().advice));
}

const std::string kTwoNames = R"({"bottles": {"x": {}},
 "agents": {"x": {"bottle": "x", "command": ["a"]}}})";

INSTANTIATE_TEST_SUITE_P(
    Corpus, BadManifest,
    testing::Values(
        Bad{"Empty", "", "1:1", "not valid JSON", ""},
        Bad{"NotJson", "{\n  \"bottles\": nope }", "2:15", "not valid JSON", ""},
        Bad{"Unfinished", "{ \"bottles\": {", "1:15", "not valid JSON", ""},
        Bad{"TrailingComma", "{\"bottles\": {},\n}", "2:1", "not valid JSON", ""},
        Bad{"AfterComments", "// bottles\n{ /* \u00e4\n */ \"botles\": {} }", "3:5", "botles", ""},
        Bad{"BesideAComment", "{\"bottles\"/**/:/**/{\"b\":{\"x\":1/**/}}}", "1:26", "\"x\"", ""},
        Bad{"NotAnObject", "[1]", "1:1", "must be an object, but this is a list", ""},
        Bad{"UnknownTop", "{\n  \"botles\": {} }", "2:3", "\"botles\"", "bottles, agents"},
        Bad{"UnknownInBottle", in_bottle("  \"alow\": []"), "2:3", "\"alow\"",
            "image, workspace, home, backend, egress, scanner"},
        Bad{"UnknownAfterWideCharacters", in_bottle("\"image\": \"\u00e4\u00f6\u00fc\", \"y\": 1"),
            "2:17", "\"y\"", "image"},
        Bad{"UnknownAfterEscapes", in_bottle("\"image\": \"a\\\"b\\\\\", \"y\": 1"), "2:20",
            "\"y\"", "image"},
        Bad{"Duplicate", in_bottle("\"image\": \"a\",\n \"image\": \"b\""), "3:2", "twice",
            "line 2"},
        Bad{"WrongType", in_bottle("\"image\": 7"), "2:10",
            "\"image\" must be a string, but this is a number", ""},
        Bad{"NullValue", in_bottle("\"workspace\": null"), "2:14", "but this is null", ""},
        Bad{"EmptyString", in_bottle("\"workspace\": \"\""), "2:14", "must not be empty", ""},
        Bad{"NulCharacter", in_bottle("\"workspace\": \"a\\u0000b\""), "2:14", "NUL", ""},
        Bad{"UnknownScanner", in_bottle("\"scanner\": \"none\""), "2:12", "\"none\"",
            "pipelock, guard"},
        Bad{"AllowIsNoList", in_bottle("\"egress\": {\"allow\": \"a.b\"}"), "2:21",
            "must be a list, but this is a string", ""},
        Bad{"HostWithScheme", in_bottle("\"egress\": {\"allow\": [\"ok.example\", \"https://a\"]}"),
            "2:36", "without scheme and path", "HOST:PORT"},
        Bad{"HostWithPath", in_bottle("\"egress\": {\"allow\": [\"a/b\"]}"), "2:22",
            "without scheme and path", ""},
        Bad{"HostWithBadPort", in_bottle("\"egress\": {\"allow\": [\"a:70000\"]}"), "2:22",
            "1 to 65535", ""},
        Bad{"UnknownEgress", in_bottle("\"egress\": {\"deny\": []}"), "2:12", "\"deny\"",
            "allow, allow_addresses, routes, parent, methods, tls"},
        Bad{"MethodsNoObject", in_bottle("\"egress\": {\"methods\": [\"PROPFIND\"]}"), "2:23",
            "\"methods\" must be an object", "dav.example.com"},
        Bad{"MethodsNoList", in_bottle("\"egress\": {\"methods\": {\"a.b\": \"PROPFIND\"}}"),
            "2:31", "\"a.b\" must be a list", "REPORT"},
        Bad{"MethodNever", in_bottle("\"egress\": {\"methods\": {\"a.b\": [\"TRACE\"]}}"), "2:32",
            "\"TRACE\": CONNECT, TRACE", ""},
        Bad{"MethodsOfNoHost", in_bottle("\"egress\": {\"methods\": {\"a/b\": [\"LIST\"]}}"),
            "2:24", "without scheme and path", ""},
        Bad{"MethodsNone", in_bottle("\"egress\": {\"methods\": {\"a.b\": []}}"), "2:24",
            "no HTTP method", ""},
        Bad{"TlsUnknown", in_bottle("\"egress\": {\"tls\": {\"a.b\": {\"old\": true}}}"), "2:28",
            "unknown key \"old\" in \"tls\"", "legacy"},
        Bad{"TlsNoBoolean", in_bottle("\"egress\": {\"tls\": {\"a.b\": {\"legacy\": 1}}}"), "2:38",
            "\"legacy\" must be true or false", ""},
        Bad{"TlsEveryHost", in_bottle("\"egress\": {\"tls\": {\"*\": {\"legacy\": true}}}"), "2:20",
            "not for every host", ""},
        Bad{"UnknownRoute", in_bottle("\"egress\": {\"routes\": {\"a.b\": \"pass\"}}"), "2:30",
            "\"a.b\": the route \"pass\" does not exist; use scan, scan-requests, relay, splice or "
            "deny",
            ""},
        Bad{"GuardNoObject", in_bottle("\"guard\": []"), "2:10", "must be an object", "example"},
        Bad{"GuardUnknownKey", in_bottle("\"guard\": {\"onsecret\": \"redact\"}"), "2:11",
            "unknown key \"onsecret\"",
            "on_secret, responses, opaque, scanner_shows, keep_seen, ignore, financial"},
        Bad{"GuardRuleOfTheOther", in_bottle("\"guard\": {\"on_secret\": \"note\"}"), "2:24",
            "no rule for secrets", "HOST=redact"},
        Bad{"GuardHostInAWord", in_bottle("\"guard\": {\"on_secret\": \"h.test=redact\"}"), "2:24",
            "one word for every host", "example"},
        Bad{"GuardHostWithAPort", in_bottle("\"guard\": {\"responses\": {\"h.test:1\": \"off\"}}"),
            "2:25", "leave out the port", ""},
        Bad{"GuardRuleNoString", in_bottle("\"guard\": {\"responses\": {\"h.test\": true}}"),
            "2:35", "must be a string", "block"},
        Bad{"GuardIgnoresNoList", in_bottle("\"guard\": {\"ignore\": \"abcdefghijklmn27\"}"),
            "2:21", "must be a list", "example"},
        Bad{"GuardIgnoresNoFingerprint", in_bottle("\"guard\": {\"ignore\": [\"ghp_1\"]}"), "2:22",
            "16 characters, not 5", "bottle allow --secret"},
        Bad{"GuardFinancialNoBoolean", in_bottle("\"guard\": {\"financial\": \"yes\"}"), "2:24",
            "must be true or false", "example"},
        Bad{"LimitNoNumber", in_bottle("\"limits\": {\"queue\": \"1\"}"), "2:21",
            "\"queue\" must be a number", ""},
        Bad{"LimitFraction", in_bottle("\"limits\": {\"queue\": 1.5}"), "2:12", "whole number",
            "docs/limits.md"},
        Bad{"LimitNegative", in_bottle("\"limits\": {\"queue\": -1}"), "2:12", "whole number",
            "write_stall_ms"},
        Bad{"LimitNoName", in_bottle("\"limits\": {\"a b\": 1}"), "2:12", "small letters", ""},
        Bad{"EnvNumber", in_bottle("\"env\": {\"A\": 1}"), "2:14", "a string or an object",
            "from_host"},
        Bad{"EnvUnknown", in_bottle("\"env\": {\"A\": {\"from\": true}}"), "2:15", "\"from\"",
            "from_host, prompt, file"},
        Bad{"EnvNoSource", in_bottle("\"env\": {\"A\": {\"secret\": true}}"), "2:14",
            "exactly one source", "from_host, prompt, file"},
        Bad{"EnvTwoSources", in_bottle("\"env\": {\"A\": {\"from_host\": true, \"file\": \"f\"}}"),
            "2:14", "exactly one source", ""},
        Bad{"EnvFromHostFalse", in_bottle("\"env\": {\"A\": {\"from_host\": false}}"), "2:28",
            "can only be true", "leave the variable out"},
        Bad{"EnvCommandShown", in_bottle("\"env\": {\"A\": {\"command\": [\"c\"]}}"), "2:14",
            "without \"keep_out\"", "placeholder"},
        Bad{"EnvCommandEmpty", in_bottle("\"env\": {\"A\": {\"command\": []}}"), "2:26",
            "must name a program", "gcloud"},
        Bad{"EnvCommandWord", in_bottle("\"env\": {\"A\": {\"command\": \"c\"}}"), "2:26",
            "must be a list", ""},
        Bad{"EnvTtlAlone", in_bottle("\"env\": {\"A\": {\"file\": \"f\", \"ttl\": \"5m\"}}"),
            "2:14", "without \"command\"", "remove"},
        Bad{"EnvTtl", in_bottle("\"env\": {\"A\": {\"command\": [\"c\"], \"ttl\": \"5 m\"}}"),
            "2:40", "must be a time", "50m"},
        Bad{"EnvTtlNumber", in_bottle("\"env\": {\"A\": {\"command\": [\"c\"], \"ttl\": 5}}"),
            "2:40", "must be a time", "50m"},
        Bad{"EnvTtlLong", in_bottle("\"env\": {\"A\": {\"command\": [\"c\"], \"ttl\": \"169h\"}}"),
            "2:40", "must be a time", "a week"},
        Bad{"EnvBadName", in_bottle("\"env\": {\"A-B\": \"x\"}"), "2:9", "letters, digits", ""},
        Bad{"EnvOfTheLauncher", in_bottle("\"env\": {\"https_proxy\": \"x\"}"), "2:9",
            "the launcher sets it", ""},
        Bad{"MountWithoutAt", in_bottle("\"mounts\": [{\"host\": \"x\"}]"), "2:12",
            "both \"host\" and \"at\"", "example"},
        Bad{"MountRelative", in_bottle("\"mounts\": [{\"host\": \"x\", \"at\": \"y\"}]"), "2:32",
            "absolute path", ""},
        Bad{"MountDots", in_bottle("\"mounts\": [{\"host\": \"x\", \"at\": \"/a/../etc\"}]"),
            "2:32", "absolute path", ""},
        Bad{"MountOverTrust",
            in_bottle("\"mounts\": [{\"host\": \"x\", \"at\": \"/run/bottle/x\"}]"), "2:32",
            "/run/bottle", ""},
        Bad{"MountReadOnlyWord",
            in_bottle("\"mounts\": [{\"host\": \"x\", \"at\": \"/y\", \"read_only\": \"yes\"}]"),
            "2:51", "must be true or false", ""},
        Bad{"AgentWithoutCommand",
            "{\"bottles\": {\"b\": {}}, \"agents\": {\"a\": {\"bottle\": \"b\"}}}", "1:40",
            "both \"bottle\" and \"command\"", ""},
        Bad{"AgentOfNoBottle", "{\"agents\": {\n\"a\": {\"bottle\": \"b\", \"command\": [\"c\"]}}}",
            "2:1", "which this manifest does not have", ""},
        Bad{"NameTwice", kTwoNames, "2:13", "a bottle and of an agent", "rename"},
        Bad{"NameIsDemo", "{\"bottles\": {\"demo\": {}}}", "1:14", "taken", ""},
        Bad{"NameIsOption", "{\"bottles\": {\"-x\": {}}}", "1:14", "not a name", "allowed"}),
    [](const auto& bad) { return std::string(bad.param.name); });

TEST(Manifest, ReadsTheWholeOfTheDocumentedExample) {
  const auto manifest = parse(R"({ "bottles": { "default": {
      "image": "bottle-agent:latest", "workspace": ".", "backend": "local",
      "egress": { "allow": ["api.anthropic.com", "github.com:443", "*.example.com", "[::1]:8443"],
                  "allow_addresses": ["10.0.0.0/8"],
                  "routes": { "registry.example.com": "scan-requests" } },
      "scanner": "pipelock", "pipelock": "http://127.0.0.1:8888",
      "env": { "LANG": "C.UTF-8", "EMPTY": "",
               "ANTHROPIC_API_KEY": { "from_host": true },
               "TOKEN": { "prompt": "Deploy token", "hosts": ["deploy.example.com"] },
               "NAME": { "file": "~/name", "secret": false } },
      "mounts": [ { "host": "~/.gitconfig", "at": "/home/agent/.gitconfig" } ] } },
    "agents": { "claude": { "bottle": "default", "command": ["claude", "--resume"] } } })");
  ASSERT_TRUE(manifest) << manifest.error().message;
  const auto& bottle = manifest->bottles.at("default");
  EXPECT_THAT(bottle.allow,
              ElementsAre("api.anthropic.com", "github.com:443", "*.example.com", "[::1]:8443"));
  EXPECT_EQ(bottle.routes.at("registry.example.com"), "scan-requests");
  EXPECT_EQ(bottle.scanner, Scanner::kPipelock);
  EXPECT_FALSE(bottle.env.at("LANG").secret);
  EXPECT_TRUE(bottle.env.at("ANTHROPIC_API_KEY").secret);
  EXPECT_THAT(bottle.env.at("TOKEN").hosts, ElementsAre("deploy.example.com"));
  EXPECT_FALSE(bottle.env.at("NAME").secret);
  EXPECT_TRUE(bottle.mounts.at(0).read_only);
  EXPECT_THAT(manifest->agents.at("claude").command, ElementsAre("claude", "--resume"));
}

TEST(Manifest, OriginsHaveMethodsAndOldCiphers) {
  const auto manifest = parse(in_bottle(
      R"("egress": {"methods": {"dav.test": ["PROPFIND", "REPORT"], "*.svn.test": ["MERGE"]},)"
      R"( "tls": {"old.test": {"legacy": true}, "new.test": {"legacy": false}, "b.test": {}}})"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  const OriginEntry& origins = manifest->bottles.at("b").origins;
  EXPECT_THAT(origins.methods, ElementsAre("dav.test=PROPFIND,REPORT", "*.svn.test=MERGE"));
  EXPECT_THAT(origins.tls_legacy, ElementsAre("old.test"));
}

// Each NAME.json of the corpus is wrong in one way; NAME.txt holds what is said about it.
TEST(Manifest, GuardTakesAWordOrHosts) {
  const auto manifest = parse(in_bottle(R"("guard": {"on_secret": {"b.test": "redact",)"
                                        R"( "*.a.test": "refuse"}, "responses": "block",)"
                                        R"( "ignore": ["abcdefghijklmn27"], "financial": true})"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  const GuardEntry& guard = manifest->bottles.at("b").guard;
  EXPECT_THAT(guard.on_secret, ElementsAre("b.test=redact", "*.a.test=refuse"));
  EXPECT_THAT(guard.responses, ElementsAre("block"));
  EXPECT_THAT(guard.ignore, ElementsAre("abcdefghijklmn27"));
  EXPECT_TRUE(guard.financial);
}

TEST(Manifest, AsksAndTheCommandThatAnswers) {
  const auto manifest = parse(in_bottle(R"("ask": true, "ask_command": ["./dialog", "", "a b"])"));
  ASSERT_TRUE(manifest) << manifest.error().message;
  const AskEntry& ask = manifest->bottles.at("b").ask;
  EXPECT_TRUE(ask.asks);
  EXPECT_FALSE(ask.learns);
  EXPECT_THAT(ask.command, ElementsAre("./dialog", "", "a b"));
}

TEST(Manifest, TheCorpusOfMistakesIsExplained) {
  const std::filesystem::path corpus = BOTTLE_TESTS_DIR "/unit/launcher/manifest/manifests";
  const auto content = [](const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    if (entry.path().extension() != ".json") continue;
    ++count;
    const auto manifest = parse_manifest(content(entry.path()), "bottle.json", "/project");
    ASSERT_FALSE(manifest) << entry.path();
    const auto& error = manifest.error();
    const std::string said =
        error.message + "\n" + (error.hint.empty() ? "" : "hint: " + error.hint + "\n");
    auto expected = entry.path();
    EXPECT_EQ(said, content(expected.replace_extension(".txt"))) << entry.path();
  }
  EXPECT_GE(count, 30U);
}

TEST(Manifest, EveryTruncationIsAnErrorWithAPlace) {
  const std::string whole =
      in_bottle(R"("egress": {"allow": ["a.b"]}, "env": {"A": {"prompt": "q\"é"}}, "mounts": [])");
  ASSERT_TRUE(parse(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto manifest = parse(whole.substr(0, length));
    ASSERT_FALSE(manifest) << length;
    EXPECT_THAT(manifest.error().message, StartsWith("m.json:"));
  }
}

TEST(Manifest, DeepAndLargeTextsAreRefused) {
  EXPECT_FALSE(parse(std::string(100'000, '[')));
  EXPECT_THAT(parse(std::string(17, '[')).error().message, HasSubstr("16 levels"));
  const auto large = parse(std::string(1024 * 1024 + 1, ' '));
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("1 MiB"));
  std::string hosts;
  for (int i = 0; i < 257; ++i) hosts += (i == 0 ? "" : ",") + std::string("\"h.example\"");
  EXPECT_THAT(parse(in_bottle("\"egress\": {\"allow\": [" + hosts + "]}")).error().message,
              HasSubstr("more than 256"));
}

class FindManifest : public testing::Test {
 protected:
  FindManifest() {
    std::string pattern = testing::TempDir() + "manifest-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ / "home/repo/sub/deep");
  }
  ~FindManifest() override { std::filesystem::remove_all(root_); }
  void put(const std::string& at) const { std::ofstream(root_ / at) << "{}"; }

  std::filesystem::path root_;
};

TEST_F(FindManifest, NearestOneWins) {
  put("home/repo/bottle.json");
  put("home/repo/sub/bottle.json");
  EXPECT_EQ(find_manifest(root_ / "home/repo/sub/deep", root_ / "home"),
            root_ / "home/repo/sub/bottle.json");
}

TEST_F(FindManifest, SearchEndsAtTheRepository) {
  put("home/bottle.json");
  EXPECT_EQ(find_manifest(root_ / "home/repo/sub", root_ / "home"), root_ / "home/bottle.json");
  std::filesystem::create_directory(root_ / "home/repo/.git");
  EXPECT_EQ(find_manifest(root_ / "home/repo/sub", root_ / "home"), std::nullopt);
}

TEST_F(FindManifest, SearchEndsAtHome) {
  put("bottle.json");
  EXPECT_EQ(find_manifest(root_ / "home/repo", root_ / "home"), std::nullopt);
}

TEST(Manifest, MissingFileSaysSo) {
  const auto manifest = load_manifest("/nonexistent/bottle.json");
  ASSERT_FALSE(manifest);
  EXPECT_THAT(manifest.error().message, HasSubstr("/nonexistent/bottle.json"));
  const auto directory = load_manifest("/tmp");
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("is a directory"));
}

TEST(Manifest, WhatIsNoFileOrTooLargeIsNotRead) {
  const auto device = load_manifest("/dev/zero");
  ASSERT_FALSE(device);
  EXPECT_THAT(device.error().message, HasSubstr("/dev/zero: it is no regular file"));
  std::string pattern = testing::TempDir() + "manifest-XXXXXX";
  const std::filesystem::path root = ::mkdtemp(pattern.data());
  ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0600), 0);
  std::ofstream(root / "large");
  std::filesystem::resize_file(root / "large", std::uintmax_t{1} << 40);
  const auto pipe = load_manifest(root / "pipe");
  const auto large = load_manifest(root / "large");
  std::filesystem::remove_all(root);
  ASSERT_FALSE(pipe);
  EXPECT_THAT(pipe.error().message, HasSubstr("it is a pipe"));
  ASSERT_FALSE(large);
  EXPECT_THAT(large.error().message, HasSubstr("more than 1048576 bytes"));
}

}  // namespace
}  // namespace bottle::launcher
