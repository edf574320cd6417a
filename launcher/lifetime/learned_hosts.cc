#include "launcher/lifetime/learned_hosts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>
#include <utility>

#include "launcher/process/process.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/route.h"

namespace bottle::launcher {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostHosts = 4096;       // hosts that are told apart
constexpr std::size_t kMaxFile = 1024 * 1024;  // kMostLearned hosts are a twentieth of that

constexpr std::array<std::string_view, 26> kRegistries{"registry.npmjs.org",
                                                       "registry.yarnpkg.com",
                                                       "npm.jsr.io",
                                                       "pypi.org",
                                                       "files.pythonhosted.org",
                                                       "conda.anaconda.org",
                                                       "repo.anaconda.com",
                                                       "index.crates.io",
                                                       "static.crates.io",
                                                       "crates.io",
                                                       "static.rust-lang.org",
                                                       "proxy.golang.org",
                                                       "sum.golang.org",
                                                       "rubygems.org",
                                                       "index.rubygems.org",
                                                       "repo.maven.apache.org",
                                                       "repo1.maven.org",
                                                       "plugins.gradle.org",
                                                       "repo.packagist.org",
                                                       "api.nuget.org",
                                                       "repo.hex.pm",
                                                       "deb.debian.org",
                                                       "security.debian.org",
                                                       "archive.ubuntu.com",
                                                       "security.ubuntu.com",
                                                       "dl-cdn.alpinelinux.org"};

// As "allow" has it; empty: it is no host.
std::string entry_of(const Json& line) {
  const auto host = line.find(audit_key::kHost);
  const auto port = line.find(audit_key::kPort);
  if (host == line.end() || !host->is_string()) return {};
  if (port == line.end() || !port->is_number_unsigned()) return {};
  const auto number = as_port(port->get<std::uint64_t>());
  if (!number) return {};
  const std::string out =
      allow_entry(host->get<std::string>(), is_usual_port(*number) ? std::nullopt : number);
  return HostPattern::parse(out) ? out : "";
}

bool was_answered(const Json& line) {
  const auto word = line.find(audit_key::kVerdict);
  if (word == line.end() || !word->is_string()) return false;
  const auto verdict = verdict_by_word(word->get<std::string>());
  return verdict == Verdict::Allowed || verdict == Verdict::Cut;
}

Json json_of(const LearnedHost& one) {
  Json out{{"host", one.host}, {"requests", one.requests}};
  if (!one.route.empty()) out["route"] = one.route;
  return out;
}

LearnedHost host_in(const Json& json) {
  return {.host = json.at("host").get<std::string>(),
          .route = json.value("route", ""),
          .requests = json.at("requests").get<std::uint64_t>()};
}

Error unreadable(const std::filesystem::path& file, const std::string& why) {
  return Error{ExitCode::kUsage, file.string() + " cannot be read: " + why,
               "bottle start --learn makes such a file when the bottle ends"};
}

}  // namespace

bool is_registry(std::string_view host) {
  return std::find(kRegistries.begin(), kRegistries.end(), host) != kRegistries.end();
}

void learn_since(const AuditMark& begin, bool bypass, Learned& out) {
  std::map<std::string, std::uint64_t> hosts;
  each_line_since(begin, [&hosts](std::string_view text) {
    if (text.find(R"("learned":true)") == std::string_view::npos) return;
    const auto line = Json::parse(text, nullptr, false);
    if (!line.is_object() || !was_answered(line)) return;
    if (std::string host = entry_of(line);
        !host.empty() && (hosts.size() < kMostHosts || hosts.contains(host))) {
      ++hosts[std::move(host)];
    }
  });
  for (const auto& [host, requests] : hosts) {
    const bool registry = bypass && is_registry(host);
    out.hosts.push_back({.host = host,
                         .route = registry ? std::string(to_string(Route::ScanRequests)) : "",
                         .requests = requests});
  }
  std::sort(out.hosts.begin(), out.hosts.end(), [](const LearnedHost& a, const LearnedHost& b) {
    return std::tie(b.requests, a.host) < std::tie(a.requests, b.host);
  });
  if (out.hosts.size() <= kMostLearned) return;
  out.others = out.hosts.size() - kMostLearned;
  out.hosts.resize(kMostLearned);
}

std::filesystem::path learned_file(const std::filesystem::path& state) {
  return state / "learned.json";
}

Expected<void> write_learned(const std::filesystem::path& file, const Learned& learned) {
  Json hosts = Json::array();
  for (const LearnedHost& one : learned.hosts) hosts.push_back(json_of(one));
  const Json out{{"manifest", learned.manifest.string()},
                 {"bottle", learned.bottle},
                 {"hosts", hosts},
                 {"others", learned.others}};
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  const std::string text = out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  if (fd && write_all(fd.get(), text)) return {};
  return system_error("cannot write " + file.string(), errno);
}

Expected<Learned> read_learned(const std::filesystem::path& file) try {
  std::ifstream in(file);
  if (!in) return unreadable(file, "it is not there");
  std::string text(kMaxFile, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const Json json = Json::parse(text);
  Learned out{.manifest = json.at("manifest").get<std::string>(),
              .bottle = json.at("bottle").get<std::string>(),
              .others = json.at("others").get<std::size_t>()};
  for (const Json& one : json.at("hosts")) out.hosts.push_back(host_in(one));
  return out;
} catch (const Json::exception&) {
  return unreadable(file, "it is not what bottle wrote");
}

}  // namespace bottle::launcher
