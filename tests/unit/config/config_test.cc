#include "proxy/config/config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <initializer_list>
#include <string>
#include <vector>

#include "proxy/config/options.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle {
namespace {

Expected<Invocation> parse(std::initializer_list<std::string> arguments) {
  std::vector<std::string> words{"bottle-proxy"};
  words.insert(words.end(), arguments);
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

std::string complaint(std::initializer_list<std::string> arguments) {
  const auto parsed = parse(arguments);
  if (parsed) return "accepted";
  EXPECT_EQ(parsed.error().code, ExitCode::kUsage);
  return parsed.error().message;
}

std::string file_complaint(const std::string& text) {
  Config config;
  const auto applied = apply_config_text(config, text, "c.json");
  if (applied) return "accepted";
  EXPECT_EQ(applied.error().code, ExitCode::kUsage);
  return applied.error().message;
}

class TempFile {
 public:
  explicit TempFile(const std::string& text) {
    std::string name = testing::TempDir() + "/config-XXXXXX";
    const int fd = ::mkstemp(name.data());
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << text;
  }
  ~TempFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

#define EXPECT_SAYS(text, part)                                        \
  do {                                                                 \
    const std::string said = text;                                     \
    EXPECT_NE(said.find(part), std::string::npos) << "said: " << said; \
  } while (false)

TEST(Config, DefaultsNeedOnlyAnUpstream) {
  const auto parsed = parse({"--upstream", "direct"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Config& config = parsed->config;
  EXPECT_EQ(config.upstream, UpstreamKind::Direct);
  EXPECT_EQ(config.listen.host, "127.0.0.1");
  EXPECT_EQ(config.listen.port, 0);
  EXPECT_TRUE(config.allow.empty()) << "nothing is allowed unless somebody says so";
  EXPECT_EQ(config.threads, 1U);
}

TEST(Config, PipelockIsNeededUnlessDirect) {
  EXPECT_SAYS(complaint({}), "--pipelock");
  EXPECT_SAYS(complaint({"--upstream", "pipelock"}), "--pipelock");
  EXPECT_SAYS(complaint({"--upstream", "direct", "--pipelock", "http://127.0.0.1:8888"}), "direct");
  const auto parsed = parse({"--pipelock", "http://127.0.0.1:8888"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.pipelock_host, "127.0.0.1");
  EXPECT_EQ(parsed->config.pipelock_port, 8888);
}

TEST(Config, EveryOptionRefusesNonsense) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"listen", "here"},
      {"listen", "localhost:80"},
      {"listen", "127.0.0.1"},
      {"listen", ":80"},
      {"listen", "127.0.0.1:65536"},
      {"listen", "127.0.0.1:-1"},
      {"listen", "127.1:80"},
      {"listen", "fd:"},
      {"listen", "fd:x"},
      {"listen", "fd:-1"},
      {"listen", "fd:65536"},
      {"listen-tls", "443"},
      {"listen-http", "localhost:80"},
      {"names", "fd:"},
      {"names-address", "here"},
      {"exit-listen", "exit"},
      {"exit-names", "127.0.0.1"},
      {"exit-address", "10.0.0.2:443"},
      {"scanner-may-change-bodies", "maybe"},
      {"upstream", "both"},
      {"pipelock", "https://h:1"},
      {"pipelock", "h:1"},
      {"pipelock", "http://h"},
      {"pipelock", "http://h:0"},
      {"pipelock", "http://u@h:1"},
      {"pipelock", "http://h:1/x"},
      {"ca-names", "some"},
      {"threads", "0"},
      {"threads", "65"},
      {"threads", "two"},
      {"threads", "-1"},
      {"log", "loud"},
      {"bottle-id", "a b"},
      {"bottle-id", std::string(33, 'b')},
      {"pipelock-sockets", "3"},
      {"secrets", ""},
      {"secrets", "fd:"},
      {"resolve", "x"},
      {"resolve", "h:443=name:443"},
      {"method", "A B"},
      {"method", std::string(33, 'M')},
      {"limit", "idle_ms"},
      {"limit", "idle_ms="},
      {"limit", "idle_ms=1s"},
      {"limit", "no_such=1"},
      {"limit", "=1"},
      {"on-secret", "api.test=note"},
      {"on-secret", "api.test:443=redact"},
      {"on-secret", "=redact"},
      {"responses", "refuse"},
      {"responses", "*.com=off"},
      {"guard-ignore", "abcdefghijklmno"},
      {"guard-ignore", "abcdefghijklmno1"},
      {"guard-ignore", "ABCDEFGHIJKLMNOP"},
      {"guard-set", "medical"},
      {"ca-out", ""},
      {"audit", ""},
      {"spool-dir", ""},
  };
  for (const auto& [option, value] : cases) {
    const std::string said = complaint({"--upstream=direct", "--" + option + "=" + value});
    EXPECT_NE(said, "accepted") << option << "=" << value;
    EXPECT_NE(said.find(option), std::string::npos) << said;
  }
}

TEST(Config, ListenTakesAddressesAndDescriptors) {
  const struct {
    const char* text;
    const char* host;
    std::uint16_t port;
  } cases[] = {{"0.0.0.0:3128", "0.0.0.0", 3128}, {"[::1]:0", "::1", 0}, {"[::]:1", "::", 1}};
  for (const auto& c : cases) {
    const auto parsed = parse({"--upstream", "direct", "--listen", c.text});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(parsed->config.listen.host, c.host);
    EXPECT_EQ(parsed->config.listen.port, c.port);
    EXPECT_FALSE(parsed->config.listen.fd);
  }
  const auto parsed = parse({"--upstream", "direct", "--listen", "fd:3"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->config.listen.fd, 3);
}

TEST(Config, TransparentPlacesAreLists) {
  const auto parsed =
      parse({"--upstream=direct", "--listen-tls=127.0.0.1:443", "--listen-tls=fd:7",
             "--listen-http=[::1]:80", "--names=127.0.0.1:53", "--names-address=fd00:0::2"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Config& config = parsed->config;
  ASSERT_EQ(config.listen_tls.size(), 2U);
  EXPECT_EQ(config.listen_tls[0].port, 443);
  EXPECT_EQ(config.listen_tls[1].fd, 7);
  ASSERT_EQ(config.listen_http.size(), 1U);
  EXPECT_EQ(config.listen_http[0].host, "::1");
  ASSERT_TRUE(config.names);
  EXPECT_EQ(config.names->port, 53);
  EXPECT_EQ(config.names_address, "fd00::2");
}

TEST(Config, ListsOfPlacesAreBounded) {
  std::string list = "\"127.0.0.1:0\"";
  for (std::size_t i = 1; i < kMaxListeners; ++i) list += ",\"127.0.0.1:0\"";
  Config config;
  EXPECT_TRUE(apply_config_text(config, "{\"listen-tls\": [" + list + "]}", "c.json"));
  EXPECT_SAYS(file_complaint("{\"listen-tls\": [" + list + ",\"127.0.0.1:0\"]}"), "more than 16");
}

TEST(Config, NamesLeadSomewhere) {
  EXPECT_SAYS(complaint({"--upstream=direct", "--names=127.0.0.1:53"}), "--listen-tls");
  EXPECT_SAYS(
      complaint({"--upstream=direct", "--listen-tls=127.0.0.1:443", "--names-address=10.0.0.1"}),
      "--names");
}

TEST(Config, ExitStandsBehindPipelock) {
  const std::string pipelock = "--pipelock=http://127.0.0.1:8888";
  const auto parsed =
      parse({pipelock, "--exit-listen=10.0.0.2:443", "--exit-listen=fd:5", "--exit-names=fd:6",
             "--exit-address=10.0.0.2", "--scanner-may-change-bodies", "--route=*=scan-requests",
             "--limit=exit_connections=7", "--limit=idle_ms=7000"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const Config& config = parsed->config;
  EXPECT_TRUE(config.has_exit());
  EXPECT_EQ(config.exit_listen.size(), 2U);
  EXPECT_EQ(config.exit_names->fd, 6);
  EXPECT_TRUE(config.exit.scanner_may_change_bodies);
  EXPECT_EQ(config.exit.connections, 7U);
  EXPECT_EQ(config.exit.session.idle.count(), 7000) << "the exit's sessions are bounded alike";

  EXPECT_SAYS(complaint({"--upstream=direct", "--exit-listen=127.0.0.1:1"}), "--exit-listen");
  EXPECT_SAYS(complaint({"--upstream=direct", "--exit-names=127.0.0.1:1"}), "--exit-names");
  EXPECT_SAYS(complaint({"--upstream=direct", "--exit-address=127.0.0.1"}), "--exit-address");
  EXPECT_SAYS(complaint({"--upstream=direct", "--scanner-may-change-bodies"}), "may-change-bodies");
  EXPECT_SAYS(complaint({pipelock, "--exit-names=127.0.0.1:1"}), "--exit-listen");
  EXPECT_SAYS(complaint({pipelock, "--exit-address=127.0.0.1"}), "--exit-listen");
  EXPECT_SAYS(complaint({pipelock, "--scanner-may-change-bodies"}), "--exit-listen");
  EXPECT_SAYS(complaint({pipelock, "--opaque", "a.example=refuse"}), "--exit-listen");
  EXPECT_SAYS(complaint({"--upstream=direct", "--opaque", "refuse"}), "--opaque refuse");
  EXPECT_SAYS(complaint({pipelock, "--exit-listen=127.0.0.1:1", "--exit-address=127.0.0.1"}),
              "--exit-names");
}

TEST(Config, ScanRequestsNeedsTheExit) {
  EXPECT_SAYS(complaint({"--pipelock=http://127.0.0.1:8888", "--route=a.test=scan-requests"}),
              "--exit-listen");
  EXPECT_TRUE(parse({"--upstream=direct", "--route=a.test=scan-requests"}))
      << "nothing goes past anybody there";
}

TEST(Config, SwitchesTakeNoValueOrABoolean) {
  const std::string pipelock = "--pipelock=http://127.0.0.1:8888";
  const std::string exit = "--exit-listen=127.0.0.1:1";
  auto parsed = parse({pipelock, exit, "--scanner-may-change-bodies=false"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed->config.exit.scanner_may_change_bodies);
  EXPECT_SAYS(complaint({pipelock, exit, "--scanner-may-change-bodies", "true"}), "true");
  {
    const Variable set("BOTTLE_PROXY_SCANNER_MAY_CHANGE_BODIES", "true");
    parsed = parse({pipelock, exit});
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_TRUE(parsed->config.exit.scanner_may_change_bodies);
  }
  Config config;
  EXPECT_TRUE(apply_config_text(config, R"({"scanner-may-change-bodies": true})", "c.json"));
  EXPECT_TRUE(config.exit.scanner_may_change_bodies);
  EXPECT_SAYS(file_complaint(R"({"scanner-may-change-bodies": "yes"})"),
              "'scanner-may-change-bodies' takes true or false");
}

TEST(Config, DescriptorsAreGivenOnce) {
  const std::string pipelock = "--pipelock=http://127.0.0.1:8888";
  EXPECT_SAYS(complaint({pipelock, "--listen=fd:5", "--listen-tls=fd:5"}), "fd:5 is given twice");
  EXPECT_SAYS(complaint({pipelock, "--exit-listen=fd:6", "--exit-names=fd:6"}), "fd:6");
  EXPECT_SAYS(complaint({pipelock, "--secrets=fd:7", "--pipelock-sockets=fd:7"}), "fd:7");
  const auto parsed = parse({pipelock, "--listen=fd:3", "--listen-tls=fd:4", "--listen-http=fd:5",
                             "--names=fd:6", "--exit-listen=fd:7", "--exit-names=fd:8",
                             "--secrets=fd:9", "--pipelock-sockets=fd:10"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.pipelock_sockets_fd, 10);
  EXPECT_SAYS(complaint({"--upstream=direct", "--pipelock-sockets=fd:7"}), "--pipelock-sockets");
}

TEST(Config, CommandLineErrorsNameTheOption) {
  EXPECT_SAYS(complaint({"--no-such"}), "--no-such");
  EXPECT_SAYS(complaint({"--upstream"}), "--upstream");
  EXPECT_SAYS(complaint({"--upstream", "direct", "--allow"}), "--allow");
  EXPECT_SAYS(complaint({"--upstream", "direct", "stray"}), "stray");
  EXPECT_SAYS(complaint({"--upstream", "direct", "--threads", "1", "--threads", "2"}), "--threads");
  EXPECT_SAYS(complaint({"--config", "/nonexistent/c.json"}), "/nonexistent/c.json");
}

TEST(Config, ListsAddUpOnTheCommandLine) {
  const auto parsed =
      parse({"--upstream=direct", "--allow", "a.test", "--allow", "b.test:8443", "--allow=*.c.test",
             "--method", "PROPFIND", "--limit", "idle_ms=1000", "--limit", "linger_ms=5"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.allow, (std::vector<std::string>{"a.test", "b.test:8443", "*.c.test"}));
  EXPECT_TRUE(parsed->config.rules.origins.allows_method(HostKind::Ipv4, "192.0.2.1", "PROPFIND"));
  EXPECT_EQ(parsed->config.session.idle.count(), 1000);
  EXPECT_EQ(parsed->config.session.linger.count(), 5);
}

TEST(Config, GuardHasRulesForHosts) {
  const auto parsed =
      parse({"--upstream=direct", "--on-secret=api.test=redact", "--responses=*.api.test=block",
             "--responses=off", "--guard-ignore=abcdefghijklmn27", "--guard-set=financial"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const GuardSettings& guard = parsed->config.guard;
  EXPECT_EQ(guard.on_secret(HostKind::Name, "api.test"), OnSecret::Redact);
  EXPECT_EQ(guard.on_secret(HostKind::Name, "other.test"), OnSecret::Refuse);
  EXPECT_EQ(guard.responses(HostKind::Name, "a.api.test"), AnswerRule::Block);
  EXPECT_EQ(guard.responses(HostKind::Name, "other.test"), AnswerRule::Off);
  EXPECT_TRUE(guard.ignores("abcdefghijklmn27"));
  EXPECT_TRUE(guard.financial);
}

TEST(Config, OriginsHaveRulesForHosts) {
  const auto parsed = parse({"--upstream=direct", "--methods=dav.test=PROPFIND,REPORT",
                             "--methods=*.svn.test=MKACTIVITY", "--tls-legacy=old.test", "--limit",
                             "response_fields=1000"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  const OriginRules& origins = parsed->config.rules.origins;
  EXPECT_TRUE(origins.allows_method(HostKind::Name, "dav.test", "REPORT"));
  EXPECT_TRUE(origins.allows_method(HostKind::Name, "a.svn.test", "MKACTIVITY"));
  EXPECT_TRUE(origins.legacy_tls(HostKind::Name, "old.test"));
  EXPECT_FALSE(origins.legacy_tls(HostKind::Name, "dav.test"));
  EXPECT_EQ(parsed->config.h2_client().heads.fields, 1000U);
  EXPECT_EQ(parsed->config.h2_client().h2.header_fields, 1000U);
  EXPECT_EQ(parsed->config.h1_client.response_fields, 1000U);
  EXPECT_SAYS(complaint({"--upstream=direct", "--methods", "dav.test=TRACE"}), "TRACE");
  EXPECT_SAYS(complaint({"--upstream=direct", "--methods", "PROPFIND"}), "names no methods");
  EXPECT_SAYS(complaint({"--upstream=direct", "--tls-legacy", "*"}), "every host");
  EXPECT_SAYS(complaint({"--upstream=direct", "--limit", "response_fields=1001"}), "10 to 1000");
}

TEST(Config, HelpNamesEveryOption) {
  const auto parsed = parse({"--help"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->action, Invocation::Action::Print);
  for (const OptionRow& row : option_rows()) {
    EXPECT_NE(parsed->text.find("--" + std::string(row.name)), std::string::npos) << row.name;
  }
  EXPECT_NE(parsed->text.find("--config"), std::string::npos);
  EXPECT_NE(parsed->text.find("Example:\n  bottle-proxy "), std::string::npos);
  const auto version = parse({"--version"});
  ASSERT_TRUE(version);
  EXPECT_EQ(version->action, Invocation::Action::Print);
  EXPECT_SAYS(version->text, "bottle-proxy ");
}

// ---- the file

TEST(ConfigFile, ErrorsHaveTheirPlace) {
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"{\n  \"alow\": []\n}", "c.json:2:3: unknown key 'alow'"},
      {"{\"limit\": []}", "c.json:1:2: unknown key 'limit'"},
      {"{\"threads\": [1]}", "c.json:1:13: 'threads' takes one value, not an array"},
      {"{\"threads\": true}", "c.json:1:13: 'threads' takes a string or a number"},
      {"{\"threads\": null}", "c.json:1:13: "},
      {"{\"allow\": {}}", "c.json:1:11: 'allow' takes a string or a number"},
      {"{\"allow\": [\"a\",\n true]}", "c.json:2:2: 'allow'"},
      {"{\"allow\": [[\"a\"]]}", "c.json:1:12: 'allow'"},
      {"{\"threads\": 65}", "c.json:1:13: "},
      {"{\"limits\": []}", "c.json:1:12: 'limits' takes an object"},
      {"{\"limits\": {\n\"idle_ms\": \"5\"}}", "c.json:2:12: 'idle_ms' takes a whole number"},
      {"{\"limits\": {\"idle_ms\": 1.5}}", "c.json:1:24: 'idle_ms' takes a whole number"},
      {"{\"limits\": {\"idle_ms\": -1}}", "c.json:1:24: 'idle_ms' takes a whole number"},
      {"{\"limits\": {\"nope\": 1}}", "c.json:1:13: there is no limit 'nope'"},
      {"{\"limits\": {\"idle_ms\": 1}}", "c.json:1:13: the limit idle_ms takes"},
      {"[]", "c.json:1:1: a configuration is a JSON object"},
      {"", "c.json:1:1"},
      {"{\"allow\": [}", "c.json:1:12"},
      {"{\"threads\": 1, \"threads\": 2}", "c.json:1:16"},
      {"{} x", "c.json:1:4"},
  };
  for (const auto& c : cases) EXPECT_SAYS(file_complaint(c.text), c.says);
}

TEST(ConfigFile, HasTheSameKeysAsTheCommandLine) {
  Config config;
  const auto applied = apply_config_text(
      config,
      R"({"upstream": "direct", "listen": "127.0.0.1:3128", "allow": ["a.test", "b.test"],
          "route": "b.test=deny", "threads": 2, "audit": "-", "ca-names": "any",
          "limits": {"idle_ms": 7000, "h2_streams": 10}})",
      "c.json");
  ASSERT_TRUE(applied) << applied.error().message;
  EXPECT_EQ(config.allow, (std::vector<std::string>{"a.test", "b.test"}));
  EXPECT_EQ(config.routes, std::vector<std::string>{"b.test=deny"});
  EXPECT_EQ(config.threads, 2U);
  EXPECT_EQ(config.listen.port, 3128);
  EXPECT_EQ(config.session.idle.count(), 7000);
  EXPECT_EQ(config.h2.streams, 10U);
}

TEST(ConfigFile, CommandLineReplacesValuesAndAddsToLists) {
  const TempFile file(R"({"upstream": "direct", "threads": 2, "allow": ["a.test"],
                          "limits": {"idle_ms": 7000, "linger_ms": 9}})");
  const auto parsed = parse(
      {"--config", file.path(), "--threads", "3", "--allow", "b.test", "--limit", "idle_ms=8000"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.upstream, UpstreamKind::Direct);
  EXPECT_EQ(parsed->config.threads, 3U);
  EXPECT_EQ(parsed->config.allow, (std::vector<std::string>{"a.test", "b.test"}));
  EXPECT_EQ(parsed->config.session.idle.count(), 8000);
  EXPECT_EQ(parsed->config.session.linger.count(), 9);
}

TEST(ConfigFile, IsBounded) {
  const TempFile file(std::string(1024 * 1024 + 1, ' '));
  EXPECT_SAYS(complaint({"--config", file.path()}), "1 MiB");
}

// ---- the environment

TEST(ConfigEnvironment, StandsBetweenFileAndCommandLine) {
  const TempFile file(R"({"upstream": "direct", "threads": 2})");
  const Variable threads("BOTTLE_PROXY_THREADS", "5");
  const Variable id("BOTTLE_PROXY_BOTTLE_ID", "from-env");
  auto parsed = parse({"--config", file.path()});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.threads, 5U);
  EXPECT_EQ(parsed->config.bottle_id, "from-env");
  parsed = parse({"--config", file.path(), "--threads", "6"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.threads, 6U);
}

TEST(ConfigEnvironment, MistakesAreNamed) {
  const Variable threads("BOTTLE_PROXY_THREADS", "many");
  EXPECT_SAYS(complaint({"--upstream", "direct"}), "threads");
}

TEST(ConfigEnvironment, AListHasOneValue) {
  const Variable allow("BOTTLE_PROXY_ALLOW", "a.test");
  const auto parsed = parse({"--upstream", "direct"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.allow, std::vector<std::string>{"a.test"});
}

// ---- limits

TEST(Limits, EveryOneIsHeldToItsRange) {
  for (const LimitRow& row : limit_rows()) {
    Config config;
    const std::uint64_t before = row.get(config);
    EXPECT_GE(before, row.least) << row.name;
    EXPECT_LE(before, row.most) << row.name;
    EXPECT_TRUE(set_limit(config, row.name, row.least));
    EXPECT_EQ(row.get(config), row.least) << row.name;
    EXPECT_TRUE(set_limit(config, row.name, row.most));
    EXPECT_EQ(row.get(config), row.most) << row.name;
    EXPECT_FALSE(set_limit(config, row.name, row.most + 1)) << row.name;
    if (row.least > 0) {
      EXPECT_FALSE(set_limit(config, row.name, row.least - 1)) << row.name;
    }
    EXPECT_EQ(row.get(config), row.most) << row.name << ": a refused value changed it";
  }
}

TEST(Limits, NamesAreUnique) {
  for (std::size_t i = 0; i < limit_rows().size(); ++i) {
    for (std::size_t k = i + 1; k < limit_rows().size(); ++k) {
      EXPECT_NE(limit_rows()[i].name, limit_rows()[k].name);
    }
  }
}

TEST(Limits, ReachTheSessionsThatTheyAreFor) {
  const auto parsed = parse({"--upstream=direct", "--limit=head_bytes=5000",
                             "--limit=head_fields=30", "--limit=request_line_bytes=4000"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.rules.limits.head_bytes, 5000U);
  EXPECT_EQ(parsed->config.h2.header_bytes, 5000U);
  EXPECT_EQ(parsed->config.h2.header_fields, 30U);
  EXPECT_SAYS(complaint({"--upstream=direct", "--limit=head_bytes=5000",
                         "--limit=request_line_bytes=5001"}),
              "request_line_bytes");
}

TEST(Config, CopiesOfAuditLinesGoToKnownPlaces) {
  const auto parsed = parse({"--upstream=direct", "--audit=a.jsonl", "--audit-copy=unix:/run/x"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(parsed->config.audit_copy, "unix:/run/x");
  EXPECT_SAYS(complaint({"--upstream=direct", "--audit=a.jsonl", "--audit-copy=tcp:x"}),
              "syslog, journald or unix:PATH");
  EXPECT_SAYS(complaint({"--upstream=direct", "--audit-copy=syslog"}),
              "--audit-copy needs --audit");
}

TEST(Config, EveryFlagThatTheLauncherPassesIsAnOption) {
  for (const std::string_view flag : proxy_flag::kAll) {
    const auto rows = option_rows();
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [flag](const OptionRow& row) {
      return "--" + std::string(row.name) == flag;
    })) << flag;
  }
}

}  // namespace
}  // namespace bottle
