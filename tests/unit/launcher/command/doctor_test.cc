#include "launcher/command/doctor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "launcher/command/bottle_checks.h"
#include "launcher/command/client_checks.h"
#include "launcher/command/machine_checks.h"
#include "launcher/command/reach.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using Status = Finding::Status;

struct Said {
  const char* client;
  const char* text;
  Status status;
  const char* about;
};

class ClientVerdict : public testing::TestWithParam<Said> {};

TEST_P(ClientVerdict, FollowsFromWhatItPrints) {
  const auto& said = GetParam();
  const auto finding = judge_client(said.client, {.status = 1, .text = said.text});
  EXPECT_EQ(finding.status, said.status) << finding.detail;
  EXPECT_THAT(finding.detail + finding.hint, HasSubstr(said.about));
}

INSTANTIATE_TEST_SUITE_P(
    Clients, ClientVerdict,
    testing::Values(
        Said{"curl", "http=403\n", Status::kOk, "403"},
        Said{"curl", "http=000\ncurl: (60) SSL certificate problem: unable to get local issuer",
             Status::kFailed, "does not trust"},
        Said{"curl", "http=000\ncurl: (6) Could not resolve host: doctor.bottle.invalid",
             Status::kFailed, "does not use the proxy"},
        Said{"wget", "https://doctor.bottle.invalid/:\n2026-11-24 10:00:00 ERROR 403: Forbidden.\n",
             Status::kOk, "403"},
        Said{"git", "fatal: unable to access 'x': The requested URL returned error: 403\n",
             Status::kOk, "403"},
        Said{"npm", "npm error code E403\nnpm error 403 Forbidden - GET x\n", Status::kOk, "403"},
        Said{"Go", "go: x: reading https://doctor.bottle.invalid/x.info: 403 Forbidden\n",
             Status::kOk, "403"},
        Said{"Go", "go: x: dial tcp: lookup doctor.bottle.invalid: no such host", Status::kFailed,
             "does not use the proxy"},
        Said{"Node's fetch", "Error: getaddrinfo EAI_AGAIN doctor.bottle.invalid", Status::kWarning,
             "22.21"},
        Said{"Node's fetch", "Error: self-signed certificate in certificate chain", Status::kFailed,
             "does not trust"},
        Said{"Java", "javax.net.ssl.SSLHandshakeException: PKIX path building failed",
             Status::kFailed, "does not trust"},
        Said{"Python's requests", "bottle-doctor-absent\n", Status::kSkipped, "not installed"},
        Said{"curl", "", Status::kFailed, "ended with 1"}));

TEST(ClientVerdict, TimeThatWasUpIsAFailure) {
  EXPECT_EQ(judge_client("curl", {.timed_out = true}).status, Status::kFailed);
}

TEST(MachineChecks, Clock) {
  constexpr std::int64_t kYear = 365 * 24 * 3600;
  EXPECT_EQ(clock_check(56 * kYear, 55 * kYear, true).status, Status::kOk);
  EXPECT_EQ(clock_check(56 * kYear, 55 * kYear, false).status, Status::kSkipped);
  EXPECT_EQ(clock_check(1 * kYear, 55 * kYear, true).status, Status::kFailed);
  EXPECT_EQ(clock_check(90 * kYear, 55 * kYear, true).status, Status::kFailed);
  EXPECT_EQ(clock_check(55 * kYear, 55 * kYear + 3600, true).status, Status::kOk);
}

TEST(MachineChecks, AParentProxyIsToldOfWithTheLineToWrite) {
  EXPECT_EQ(parent_check({}).status, Status::kOk);
  const Finding plain = parent_check({.variable = "HTTPS_PROXY", .url = "http://proxy.corp:3128"});
  EXPECT_EQ(plain.status, Status::kSkipped);
  EXPECT_THAT(plain.hint, HasSubstr(R"("parent": {"from_host": true})"));
  EXPECT_THAT(plain.hint, HasSubstr("--parent http://proxy.corp:3128"));
  const Finding secret = parent_check({.variable = "HTTPS_PROXY", .url = "http://a:sesame@p:1"});
  EXPECT_THAT(secret.detail + secret.hint, Not(HasSubstr("sesame")));
  EXPECT_THAT(secret.hint, Not(HasSubstr("--parent")));
  EXPECT_EQ(parent_check({.variable = "HTTPS_PROXY", .url = "https://p:1"}).status,
            Status::kWarning);
}

TEST(MachineChecks, SpoolAndRoots) {
  EXPECT_EQ(spool_check("/var/tmp", true, 1U << 30U).status, Status::kOk);
  EXPECT_EQ(spool_check("/var/tmp", true, 1U << 20U).status, Status::kWarning);
  EXPECT_EQ(spool_check("/var/tmp", false, 0).status, Status::kFailed);
  EXPECT_EQ(roots_check("", "").status, Status::kFailed);
  EXPECT_EQ(roots_check("/x", "nothing").status, Status::kFailed);
  const std::string one = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n";
  EXPECT_THAT(roots_check("/x", one + one).detail, StartsWith("2 in"));
}

TEST(Targets, TheBuiltInOnesSendNothingToTheWorld) {
  for (const auto& target : default_targets()) {
    EXPECT_TRUE(target.route_only || target.kind == Target::Kind::kGateway) << target.name;
  }
}

TEST(Targets, AreReadFromAFile) {
  const auto targets = read_targets(
      R"({"targets": [{"name": "a", "kind": "udp", "address": "192.0.2.1", "port": 53},
                      {"name": "b", "kind": "unix", "address": "/run/x"},
                      {"name": "c", "kind": "gateway", "port": 22},
                      {"name": "d", "kind": "tcp", "address": "::1", "port": 1, "route_only": true}]})",
      "t.json");
  ASSERT_TRUE(targets) << targets.error().message;
  ASSERT_EQ(targets->size(), 4U);
  EXPECT_EQ((*targets)[0].port, 53);
  EXPECT_TRUE((*targets)[3].route_only);
}

TEST(Targets, MistakesHaveAPlace) {
  struct Case {
    const char* text;
    const char* place;
  };
  for (const auto& [text, place] :
       {Case{"{}", "t.json:1:1"}, Case{R"({"targets": []})", "t.json:1:2"},
        Case{R"({"targets": [7]})", "t.json:1:14"},
        Case{R"({"targets": [{"kind": "tpc"}]})", "t.json:1:23"},
        Case{"{\"targets\": [\n{\"port\": 70000}]}", "t.json:2:2"},
        Case{R"({"targets": [{"name": "a", "kind": "tcp", "port": 1}]})", "t.json:1:14"}}) {
    const auto targets = read_targets(text, "t.json");
    ASSERT_FALSE(targets) << text;
    EXPECT_THAT(targets.error().message, StartsWith(place));
    EXPECT_EQ(targets.error().code, ExitCode::kUsage);
    EXPECT_FALSE(targets.error().hint.empty());
  }
}

TEST(Reach, ALivingSocketIsFoundAndADeadOneIsNot) {
  std::string pattern = "/tmp/reach-XXXXXX";
  const fs::path dir = ::mkdtemp(pattern.data());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (dir / "socket").string();
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  {
    const Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(local_sockets_check({dir}).status, Status::kFailed);
    EXPECT_EQ(check_target({"s", Target::Kind::kUnix, path}).status, Status::kFailed);
  }
  EXPECT_EQ(local_sockets_check({dir}).status, Status::kOk);
  EXPECT_EQ(check_target({"s", Target::Kind::kUnix, path}).status, Status::kOk);
  fs::remove_all(dir);
}

TEST(Findings, AreALineEachOrJson) {
  Surroundings around;
  std::ostringstream out;
  std::ostringstream err;
  const Context context{.around = around, .backends = {}, .out = out, .err = err};
  const std::vector<Finding> findings{{"one", Status::kOk, "fine"},
                                      {"two", Status::kFailed, "broken", "mend it"},
                                      {"three", Status::kSkipped, "absent"}};
  EXPECT_FALSE(all_well(findings));
  print_findings(findings, {}, context);
  EXPECT_EQ(out.str(),
            "ok       one: fine\nfailed   two: broken\n         mend it\nskipped  three: absent\n");
  out.str("");
  print_findings(findings, {.quiet = true}, context);
  EXPECT_EQ(out.str(), "failed   two: broken\n         mend it\n");
  out.str("");
  print_findings(findings, {.json = true}, context);
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["checks"][1]["hint"], "mend it");
  out.str("");
  print_findings(findings, {.command = {"x"}}, context);
  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("broken"));
}

TEST(Style, ColoursAreForTerminalsAlone) {
  EXPECT_EQ(Style().in(Style::Colour::kRed, "x"), "x");
  EXPECT_EQ(Style(true).in(Style::Colour::kRed, "x"), "\033[31mx\033[0m");
  Surroundings around;
  around.env = {{"TERM", "xterm"}};
  const auto pipe = make_pipe();
  ASSERT_TRUE(pipe);
  EXPECT_EQ(Style::for_descriptor(pipe->write.get(), around).in(Style::Colour::kRed, "x"), "x");
}

}  // namespace
}  // namespace bottle::launcher
