#include "launcher/command/client_checks.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

using Status = Finding::Status;

constexpr std::chrono::seconds kClientLimit{30};  // a JVM on a busy machine
// A check prints this when a library of its own is missing.
constexpr std::string_view kAbsent = "bottle-doctor-absent";

constexpr const char* kPython = R"(import sys, urllib.request, urllib.error
try:
    print("http=%d" % urllib.request.urlopen(sys.argv[1], timeout=20).status)
except urllib.error.HTTPError as e:
    print("http=%d" % e.code)
)";
constexpr const char* kRequests = R"(import sys
try:
    import requests
except ImportError:
    print("bottle-doctor-absent")
    sys.exit(0)
print("http=%d" % requests.get(sys.argv[1], timeout=20).status_code)
)";
constexpr const char* kFetch =
    R"(fetch(URL_HERE).then(r => console.log("http=" + r.status)).catch(e => console.log(String(e.cause || e))))";
constexpr const char* kRuby =
    R"(require "net/http"; puts "http=" + Net::HTTP.get_response(URI(ARGV[0])).code)";
constexpr const char* kJava = R"(
class BottleDoctor {
  public static void main(String[] a) throws Exception {
    var c = (java.net.HttpURLConnection) new java.net.URL(a[0]).openConnection();
    c.setConnectTimeout(20000);
    c.setReadTimeout(20000);
    System.out.println("http=" + c.getResponseCode());
  }
}
)";

std::string fetch_script() {
  std::string out = kFetch;
  const std::string_view mark = "URL_HERE";
  return out.replace(out.find(mark), mark.size(), "\"" + std::string(kDoctorUrl) + "\"");
}

// "403" after one of the marks by which clients introduce a status.
std::string status_in(const std::string& text) {
  for (const std::string_view mark : {"http=", "ERROR ", "E", ": "}) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
      const std::string code = text.substr(at + mark.size(), 3);
      const bool digits = code.size() == 3 && code.front() >= '2' && code.front() <= '5' &&
                          std::all_of(code.begin(), code.end(),
                                      [](unsigned char c) { return std::isdigit(c) != 0; });
      const std::size_t after = at + mark.size() + 3;
      const bool ends =
          after >= text.size() || std::isalnum(static_cast<unsigned char>(text[after])) == 0;
      if (digits && ends) return code;
    }
  }
  return {};
}

bool has_any(std::string text, std::initializer_list<std::string_view> words) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(words.begin(), words.end(), [&text](std::string_view word) {
    return text.find(word) != std::string::npos;
  });
}

std::string telling_line(const std::string& text) {
  std::string last;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (has_any(line, {"error", "certificate", "fail", "could not", "unable"})) {
      return printable(line, 160);
    }
    if (line.find_first_not_of(" \t\r") != std::string::npos) last = line;
    at = end + 1;
  }
  return printable(last, 160);
}

}  // namespace

std::vector<ClientRow> client_rows() {
  const std::string url(kDoctorUrl);
  return {
      {"curl",
       "curl",
       {"-sS", "--max-time", "20", "-o", "/dev/null", "-w", "http=%{http_code}\n", url}},
      {"wget", "wget", {"-nv", "-O", "/dev/null", "--tries=1", "--timeout=20", url}},
      {"git", "git", {"ls-remote", url + "x.git"}},
      {"Python's urllib", "python3", {"-c", kPython, url}},
      {"Python's requests", "python3", {"-c", kRequests, url}},
      {"Node's fetch", "node", {"-e", fetch_script()}},
      {"npm", "npm", {"view", "bottle-doctor", "--registry", url, "--fetch-retries=0"}},
      {"bun", "bun", {"-e", fetch_script()}},
      {"Deno", "deno", {"eval", fetch_script()}},
      {"Go", "go", {"list", "-m", "bottle.invalid/doctor@v1.0.0"}},
      {"Ruby", "ruby", {"-e", kRuby, url}},
      {"Java", "javac", {}},  // its source is a file, and another program runs it
  };
}

Finding judge_client(std::string_view name, const CommandOutput& said) {
  Finding out{.name = std::string(name)};
  if (said.text.find(kAbsent) != std::string::npos) {
    out.status = Status::kSkipped;
    out.detail = "it is not installed";
    return out;
  }
  if (const auto code = status_in(said.text); !code.empty()) {
    out.detail = "uses the proxy and trusts its CA (answer " + code + ")";
    return out;
  }
  out.status = Status::kFailed;
  out.detail = said.timed_out ? "no answer within the time" : telling_line(said.text);
  if (out.detail.empty()) out.detail = "ended with " + std::to_string(said.status);
  if (has_any(said.text, {"certificate", "pkix", "ssl", "issuer"})) {
    out.hint = "it does not trust the bottle's CA: is a setting of its own in the way?";
  } else if (has_any(said.text, {"resolve", "eai_again", "enotfound", "unknownhost", "no such host",
                                 "name resolution", "unreachable"})) {
    out.hint = "it does not use the proxy of its environment";
    if (name.starts_with("Node")) {
      out.status = Status::kWarning;
      out.hint += ": Node's own fetch and https do since 22.21 and 24.5 (npm and Claude Code do)";
    }
  } else {
    out.hint = "run it by hand in the bottle, with " + std::string(kDoctorUrl);
  }
  return out;
}

std::vector<Finding> client_checks(const Context& context) {
  const auto path = context.around.variable("PATH").value_or("");
  std::string pattern = "/tmp/bottle-doctor-XXXXXX";
  const char* const made = ::mkdtemp(pattern.data());
  const std::filesystem::path scratch = made == nullptr ? "" : made;
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> commands;
  for (const auto& row : client_rows()) {
    const auto program = find_program(std::string(row.program), path);
    if (!program) continue;
    std::vector<std::string> words{*program};
    if (row.program == "javac") {
      const auto java = find_program("java", path);
      const auto source = scratch / "BottleDoctor.java";
      if (!java || made == nullptr || !(std::ofstream(source) << kJava)) continue;
      words = {*java, "-XX:TieredStopAtLevel=1", source.string(), std::string(kDoctorUrl)};
    }
    words.insert(words.end(), row.arguments.begin(), row.arguments.end());
    names.emplace_back(row.name);
    commands.push_back(std::move(words));
  }
  std::vector<std::string> variables{"GIT_TERMINAL_PROMPT=0",
                                     "GIT_CONFIG_NOSYSTEM=1",
                                     "GOPROXY=" + std::string(kDoctorUrl),
                                     "GONOSUMDB=*",
                                     "GOFLAGS=-mod=mod",
                                     "GOTOOLCHAIN=local",
                                     "GO111MODULE=on",
                                     "npm_config_update_notifier=false"};
  if (made != nullptr) {
    variables.push_back("npm_config_cache=" + (scratch / "npm").string());
    variables.push_back("GOMODCACHE=" + (scratch / "gomod").string());
    variables.push_back("GOCACHE=" + (scratch / "gocache").string());
  }
  const auto said = outputs_of(commands, kClientLimit, variables);
  std::vector<Finding> out;
  for (std::size_t i = 0; i < said.size(); ++i) out.push_back(judge_client(names[i], said[i]));
  std::error_code ec;
  if (made != nullptr) std::filesystem::remove_all(scratch, ec);
  return out;
}

}  // namespace bottle::launcher
