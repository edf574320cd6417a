#include "launcher/demo/demo.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "launcher/demo/demo_agent.h"
#include "launcher/demo/demo_judge.h"
#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/plan.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

constexpr std::chrono::seconds kOriginReady{20};
constexpr std::chrono::seconds kLineLimit{120};  // the agent's clients have shorter limits

// Looks like a GitHub token, which every scanner knows; random, so it is not a real one.
Expected<std::string> invented_token() {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::array<unsigned char, 36> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return system_error("no random numbers", errno);
  }
  std::string token = "ghp_";
  for (const unsigned char byte : bytes) token += kAlphabet[byte % kAlphabet.size()];
  return token;
}

struct Origin {
  Child child;
  Fd output;
  std::string address;  // 127.0.0.1:PORT
  std::string ca;       // file
};

// "ready addr=127.0.0.1:PORT ca=FILE"
std::string field(const std::string& line, const std::string& key) {
  const auto at = line.find(" " + key + "=");
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 2;
  return line.substr(begin, line.find(' ', begin) - begin);
}

Expected<Origin> start_origin(const Surroundings& around, const std::filesystem::path& certs,
                              SignalWatch& signals) {
  const auto named = around.variable("BOTTLE_DEMO_ORIGIN");
  const bool is_named = named && !named->empty();
  const auto place =
      is_named ? std::filesystem::absolute(*named) : own_directory() / "bottle-demo-origin";
  auto program = find_program(place.string(), "");
  const auto installed = own_directory().parent_path() / "lib/bottle/bottle-demo-origin";
  if (!program && !is_named) program = find_program(installed.string(), "");
  if (!program) {
    return Error{ExitCode::kDemoFailed, "there is no program at " + place.string(),
                 "`make demo` builds it; BOTTLE_DEMO_ORIGIN may name it"};
  }
  auto output = make_pipe();
  if (!output) return std::move(output.error());
  Launch launch;
  launch.argv = {*program,       "--listen", "127.0.0.1:0", "--cert-dir",
                 certs.string(), "--names",  "origin.demo"};
  launch.env = {"PATH=/usr/bin:/bin"};
  launch.fds = {{output->write.get(), 1}};
  auto child = spawn(launch, ExitCode::kDemoFailed);
  if (!child) return std::move(child.error());
  output->write.reset();
  const auto line = await_line(output->read.get(), signals, kOriginReady, "bottle-demo-origin",
                               ExitCode::kDemoFailed);
  if (!line) return line.error();
  Origin origin{std::move(*child), std::move(output->read), field(*line, "addr"),
                field(*line, "ca")};
  if (!line->starts_with("ready ") || origin.address.empty() || origin.ca.empty()) {
    return Error{ExitCode::kDemoFailed, "bottle-demo-origin said something unexpected: " + *line,
                 ""};
  }
  return origin;
}

std::string manifest_text(const Origin& origin, const std::string& host) {
  const nlohmann::ordered_json manifest{
      {"bottles",
       {{"default",
         {{"workspace", "."},
          {"egress", {{"allow", {host}}, {"allow_addresses", {"127.0.0.1/32"}}}},
          {"env",
           {{"DEMO_ORIGIN", "https://" + host},
            {"DEMO_DIRECT", origin.address},
            {"DEMO_TOKEN", {{"from_host", true}}}}}}}}},
      {"agents", {{"visitor", {{"bottle", "default"}, {"command", {"bash", "./agent.sh"}}}}}}};
  return manifest.dump(2) + "\n";
}

// Runs this program again and hands each line that it prints to `each`.
Expected<int> run_bottle(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& env, SignalWatch& signals,
                         const std::function<void(const std::string&)>& each) {
  auto output = make_pipe();
  if (!output) return std::move(output.error());
  std::error_code ec;
  Launch launch;
  launch.argv = {std::filesystem::read_symlink("/proc/self/exe", ec).string()};
  launch.argv.insert(launch.argv.end(), arguments.begin(), arguments.end());
  launch.env = env;
  launch.fds = {{output->write.get(), 1}, {output->write.get(), 2}};
  auto child = spawn(launch, ExitCode::kDemoFailed);
  if (!child) return std::move(child.error());
  output->write.reset();
  for (;;) {
    const auto line =
        await_line(output->read.get(), signals, kLineLimit, "bottle", ExitCode::kDemoFailed);
    if (line) {
      each(*line);
      continue;
    }
    // The end of its output, or a signal to us: it has a session of its own and did not get that.
    const bool at_end = line.error().code == ExitCode::kDemoFailed;
    if (!at_end || !child->wait(std::chrono::seconds(5))) {
      child->stop(std::chrono::seconds(5));
      return line.error();
    }
    return child->exit_status();
  }
}

}  // namespace

Expected<void> run_demo(const StartOptions& options, const Surroundings& around) {
  if (options.pipelock_url) {
    return Error{ExitCode::kUsage,
                 "the demo's origin has a name that a running pipelock cannot know",
                 "use --pipelock-bin or PIPELOCK_BIN, so that the demo can start one"};
  }
  SignalWatch signals;
  const auto token = invented_token();
  if (!token) return token.error();
  // Always below /tmp: a workspace cannot be in /run, where other bottles' directories may be.
  auto place = RuntimeDir::create("/tmp/bottle-" + std::to_string(::getuid()),
                                  "demo-" + std::to_string(::getpid()));
  if (!place) return std::move(place.error());
  const auto workspace = place->path() / "workspace";
  const auto certs = place->path() / "certs";
  if (::mkdir(workspace.c_str(), 0700) != 0 || ::mkdir(certs.c_str(), 0700) != 0) {
    return system_error("cannot make " + workspace.string(), errno);
  }
  auto origin = start_origin(around, certs, signals);
  if (!origin) return std::move(origin.error());
  const std::string port = origin->address.substr(origin->address.rfind(':') + 1);
  const std::string host = "origin.demo:" + port;
  if (auto ok = place->write("workspace/bottle.json", manifest_text(*origin, host)); !ok) return ok;
  if (auto ok = place->write("workspace/agent.sh", kDemoAgent); !ok) return ok;

  std::vector<std::string> arguments{"start",
                                     "--manifest",
                                     (workspace / "bottle.json").string(),
                                     "--resolve",
                                     host + "=" + origin->address,
                                     "--origin-ca",
                                     origin->ca};
  const auto pass = [&arguments](const std::string& name, const std::optional<std::string>& value) {
    if (value) arguments.insert(arguments.end(), {name, *value});
  };
  pass("--scanner", options.scanner);
  pass("--pipelock-bin", options.pipelock_bin);
  // Its origin is on this machine's loopback, which a container does not see.
  pass("--backend", options.backend.value_or("local"));
  std::vector<std::string> env;
  for (const auto& [name, value] : around.env) {
    if (name != "DEMO_TOKEN") env.push_back(name + "=" + value);
  }
  env.push_back("DEMO_TOKEN=" + *token);

  DemoJudge judge(*token, std::cout);
  auto plan_arguments = arguments;
  plan_arguments.insert(plan_arguments.end(), {"--dry-run", "visitor"});
  arguments.emplace_back("visitor");
  const auto planned = run_bottle(plan_arguments, env, signals,
                                  [&judge](const std::string& line) { judge.plan_line(line); });
  if (!planned) return planned.error();
  if (*planned != 0 || options.dry_run) {
    if (*planned == 0) return {};
    return Error{ExitCode::kDemoFailed, "the plan could not be made", ""};
  }
  const auto ended =
      run_bottle(arguments, env, signals, [&judge](const std::string& line) { judge.line(line); });
  if (!ended) return ended.error();
  if (const auto id = judge.bottle_id(); !id.empty()) {
    const auto logged = run_bottle({"logs", id}, env, signals,
                                   [&judge](const std::string& line) { judge.audit_line(line); });
    if (!logged) return logged.error();
  }
  return judge.verdict(*ended);
}

}  // namespace bottle::launcher
