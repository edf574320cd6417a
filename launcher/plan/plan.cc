#include "launcher/plan/plan.h"

#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "launcher/manifest/trust_env.h"
#include "launcher/plan/ask_plan.h"
#include "launcher/plan/git_settings.h"
#include "launcher/plan/git_sign.h"
#include "launcher/plan/home_folder.h"
#include "launcher/plan/home_programs.h"
#include "launcher/plan/pipelock_config.h"
#include "launcher/plan/plan_rows.h"
#include "launcher/plan/rule_arguments.h"
#include "launcher/plan/seen_file.h"
#include "launcher/process/process.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/proxy_contract.h"
#include "proxy/contract/route.h"

namespace bottle::launcher {
namespace {

// The caller's variables about the terminal and the language; they go in without being asked for.
constexpr std::array<std::string_view, 10> kHarmless{"USER",     "LOGNAME", "TERM",   "COLORTERM",
                                                     "NO_COLOR", "LANG",    "LC_ALL", "LC_CTYPE",
                                                     "TZ",       "LANGUAGE"};

std::string random_id() {
  std::array<unsigned char, 6> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    const auto pid = static_cast<unsigned>(::getpid());
    for (std::size_t i = 0; i < 4; ++i) bytes[i] = static_cast<unsigned char>(pid >> (8 * i));
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out;
  for (const unsigned char byte : bytes) {
    out += kHex[byte >> 4U];
    out += kHex[byte & 0xfU];
  }
  return out;
}

bool has_java(const std::string& path) {
  std::error_code ec;
  return find_program("java", path).has_value() || std::filesystem::exists("/usr/lib/jvm", ec);
}

std::string ways_of(const KnownSecret& secret) {
  if (!secret.placeholder) return secret.name + " may go to: " + listed(secret.hosts, "no host");
  return secret.name + ": the bottle has a placeholder, and the proxy puts the value in (" +
         listed(secret.in, "") + ") for: " + listed(secret.hosts, "no host");
}

std::string place_of(const PlannedLogin& login) {
  return "the login " + login.spec.name + " in " + login.spec.store.directory().string() +
         ": the bottle has placeholders in " + (login.at / login.client->file).string();
}

std::vector<std::pair<std::string, std::string>> last_rows(const Plan& plan) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& secret : plan.secrets) {
    out.emplace_back(secret.placeholder ? "kept out" : "guarded", ways_of(secret));
  }
  for (const auto& login : plan.logins) out.emplace_back("kept out", place_of(login));
  if (const auto& sign = plan.git.sign) {
    out.emplace_back("signs", "commits and tags, by " + sign->program + " with " + sign->key);
  }
  for (const auto& note : plan.notes) out.emplace_back("note", note);
  return out;
}

std::string_view mount_word(PlannedMount::Kind kind) {
  switch (kind) {
    case PlannedMount::Kind::kReadOnly:
      return "read-only ";
    case PlannedMount::Kind::kWritable:
      return "writable  ";
    case PlannedMount::Kind::kHome:
      return "kept      ";
    case PlannedMount::Kind::kPrivate:
      return "private   ";
    case PlannedMount::Kind::kSymlink:
      return "link      ";
    case PlannedMount::Kind::kHidden:
      return "hidden    ";
    case PlannedMount::Kind::kGenerated:
    case PlannedMount::Kind::kOwned:
      return "generated ";
  }
  return "";
}

std::optional<std::string> find_sibling(const BottleSpec& spec, const std::string& name,
                                        const std::string& variable,
                                        const std::filesystem::path& directory) {
  // A program that the user names comes first, and nothing takes its place.
  if (const auto named = spec.around.variable(variable); named && !named->empty()) {
    return find_program(std::filesystem::absolute(*named).string(), "");
  }
  const std::string beside = (directory / name).string();
  if (auto found = find_program(beside, "")) return found;
  return find_program(name, spec.path_of_host());
}

void add_environment(const BottleSpec& spec, Programs programs, Plan& plan) {
  auto& env = plan.environment;
  env["HOME"] = std::string("/home/agent");
  if (programs == Programs::kOfThisMachine) {
    env["SHELL"] = find_program("bash", "/bin:/usr/bin").value_or("/bin/sh");
    env["PATH"] = with_home_programs(bottle_path(spec.around.variable("PATH").value_or("")));
  }
  for (auto& [name, value] : install_settings()) env[name] = value;
  env["BOTTLE_ID"] = plan.id;
  for (const auto name : kHarmless) {
    if (const auto value = spec.around.variable(std::string(name))) env[std::string(name)] = *value;
  }
  env[std::string(kGitConfigVariable)] = std::string(kGitConfigPath);
  // There the workspace is a file system of its own, and git would stop looking at its edge.
  if (!plan.git.top.empty() && plan.git.top != plan.workspace) {
    env["GIT_DISCOVERY_ACROSS_FILESYSTEM"] = std::string("1");
  }
  for (const auto& [name, value] : spec.env.values) env[name] = value;
  add_git_overrides(plan.git.overrides, env);

  TrustSettings trust{.proxy_port = plan.proxy_port, .java = plan.java};
  if (const auto java = env.find("JAVA_TOOL_OPTIONS"); java != env.end()) {
    if (const auto* text = std::get_if<std::string>(&java->second)) trust.java_tool_options = *text;
  }
  for (auto& [name, value] : trust_environment(trust)) env[name] = std::move(value);
}

void add_proxy_arguments(const BottleSpec& spec, Programs programs, Plan& plan) {
  auto& args = plan.proxy.arguments;
  const auto option = [&args](const std::string& name, const std::string& value) {
    args.push_back(name);
    args.push_back(value);
  };
  option(proxy_flag::kUpstream, plan.scanner == Scanner::kPipelock ? "pipelock" : "direct");
  // The CA is trusted nowhere but in the bottle, so refusals can be answered inside TLS, where
  // clients show them.
  option(proxy_flag::kCaNames, "any");
  for (const auto& host : spec.allow) option(proxy_flag::kAllow, host);
  for (const auto& [host, route] : spec.routes) option(proxy_flag::kRoute, host + "=" + route);
  for (const auto& range : spec.allow_addresses) option(proxy_flag::kAllowAddress, range);
  add_rule_arguments(spec, args);
  if (spec.ask.learns) args.push_back(proxy_flag::kLearn);
  if (spec.ask.asks) args.push_back(proxy_flag::kAsk);
  for (const auto& [name, number] : spec.limits) option(proxy_flag::kLimit, name + "=" + number);
  // A pipelock that runs elsewhere resolves and checks origins itself; else the proxy does, at its
  // exit too.
  if (!spec.pipelock_url) {
    for (const auto& pair : spec.resolve) option(proxy_flag::kResolve, pair);
    if (spec.origin_ca && programs == Programs::kOfThisMachine) {
      option(proxy_flag::kOriginCa, spec.origin_ca->string());
    }
  }
  if (spec.parent) spec.parent->add_to(args);
  option(proxy_flag::kBottleId, plan.id);
  if (programs == Programs::kOfThisMachine) option(proxy_flag::kAudit, plan.audit.string());
  if (spec.audit_copy) option(proxy_flag::kAuditCopy, *spec.audit_copy);
}

// Whether the file that --audit names can be made, or written to.
Expected<void> check_audit(const std::filesystem::path& file) {
  const auto wrong = [&file](const std::string& why) {
    return Error{ExitCode::kUsage, "--audit " + file.string() + ": " + why,
                 "it takes a file, in a directory that exists; lines are added to it"};
  };
  std::error_code ec;
  if (std::filesystem::is_directory(file, ec)) return wrong("it is a directory");
  if (std::filesystem::exists(file, ec)) {
    if (::access(file.c_str(), W_OK) == 0) return {};
    return wrong(std::string("it cannot be written: ") + std::strerror(errno));
  }
  const auto directory = file.parent_path();
  if (!std::filesystem::is_directory(directory, ec)) {
    return wrong(directory.string() + " is not a directory");
  }
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
  return wrong("it cannot be made in " + directory.string() + ": " + std::strerror(errno));
}

Expected<void> plan_state(const BottleSpec& spec, Plan& plan) {
  auto state = state_base(spec.around);
  if (!state) return std::move(state.error());
  plan.state_base = *state;
  plan.audit = spec.audit.value_or(plan.state_base / plan.id / "audit.jsonl");
  if (spec.audit) {
    if (auto writable = check_audit(*spec.audit); !writable) return writable;
  }
  return plan_home(spec, plan);
}

void note_addresses(const std::vector<std::string>& allow, Plan& plan) {
  for (const auto& host : host_patterns(allow)) {
    if (host.kind != HostPattern::Kind::Address) continue;
    plan.notes.push_back(host.host + " cannot be reached: behind pipelock a host needs a name");
  }
}

Error no_proxy(const BottleSpec& spec) {
  if (const auto named = spec.around.variable("BOTTLE_PROXY"); named && !named->empty()) {
    return Error{ExitCode::kProxy,
                 "BOTTLE_PROXY names " + *named + ", which is not a program that can be run",
                 "correct or unset it"};
  }
  return Error{ExitCode::kProxy, "bottle-proxy was not found",
               "put it beside the bottle program or in PATH, or name it with BOTTLE_PROXY"};
}

// Refuses what this version, or a pipelock that runs elsewhere, cannot do.
Expected<void> check_ways(const BottleSpec& spec) {
  for (const auto& [host, route] : spec.routes) {
    const auto known = route_by_word(route);
    if (known && row_of(*known).needs_exit && spec.pipelock_url) {
      return Error{ExitCode::kUsage,
                   "the route " + route + " of " + host +
                       " needs the exit, which the pipelock at " + *spec.pipelock_url +
                       " does not have",
                   "let bottle start pipelock (--pipelock-bin FILE), or use the route scan"};
    }
  }
  if (!spec.pipelock_url) return {};
  const char* given = !spec.resolve.empty() ? "--resolve" : nullptr;
  if (spec.origin_ca || spec.parent) given = spec.parent ? "a parent proxy" : "--origin-ca";
  if (given == nullptr) return {};
  return Error{ExitCode::kUsage,
               std::string(given) + " cannot be passed to the pipelock at " + *spec.pipelock_url +
                   ", which resolves and checks origins itself",
               "let bottle start pipelock (--pipelock-bin FILE)"};
}

}  // namespace

std::filesystem::path runtime_base(const Surroundings& around) {
  const auto xdg = around.variable("XDG_RUNTIME_DIR");
  std::error_code ec;
  if (xdg && xdg->starts_with("/") && std::filesystem::is_directory(*xdg, ec) &&
      ::access(xdg->c_str(), W_OK) == 0) {
    return std::filesystem::path(*xdg) / "bottle";
  }
  return "/tmp/bottle-" + std::to_string(::getuid());
}

Expected<std::filesystem::path> state_base(const Surroundings& around) {
  const auto xdg = around.variable("XDG_STATE_HOME");
  if (xdg && xdg->starts_with("/")) return std::filesystem::path(*xdg) / "bottle";
  if (!around.home.empty() && around.home != "/") {
    return around.home / ".local" / "state" / "bottle";
  }
  return Error{ExitCode::kSystem, "there is no place for the audit log: HOME is not set, or is /",
               "set HOME or XDG_STATE_HOME"};
}

std::string shell_quoted(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_./:=,@%+").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'') {
      out += "'\\''";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += '?';  // a plan is shown on terminals
    } else {
      out += c;
    }
  }
  return out + "'";
}

std::string shell_quoted(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + shell_quoted(word);
  return out;
}

bool is_below(const std::filesystem::path& path, const std::filesystem::path& parent) {
  const auto [end, rest] = std::mismatch(parent.begin(), parent.end(), path.begin(), path.end());
  return end == parent.end();
}

std::filesystem::path own_directory() {
  std::error_code ec;
  return std::filesystem::read_symlink("/proc/self/exe", ec).parent_path();
}

Expected<Plan> make_plan(const BottleSpec& spec, const std::string& backend,
                         const std::string& backend_why, const std::filesystem::path& own_directory,
                         Programs programs) {
  Plan plan;
  plan.id = random_id();
  plan.backend = backend;
  plan.backend_why = backend_why;
  plan.scanner = spec.scanner;
  plan.scanner_why = spec.scanner_why;
  plan.bottle = spec.name;
  plan.manifest = spec.manifest;
  plan.command = spec.command;
  plan.secrets = spec.env.secrets;
  plan.sources = spec.env.sources;
  plan.notes = spec.env.notes;
  plan.allow = spec.allow;
  plan.allow_options = spec.allow_options;
  plan.allow_addresses = spec.allow_addresses;
  plan.routes = spec.routes;
  plan.resources = spec.resources;
  plan.ports = spec.ports;
  plan.publish_address = spec.publish_address;
  plan.guard = spec.guard;
  plan.origins = spec.origins;
  plan.ask = spec.ask;
  plan.parent = spec.parent;
  plan.origin_ca = spec.origin_ca;
  plan.quiet = spec.quiet;
  // Whether an image has a JVM is not known before; without one the settings do nothing.
  plan.java =
      programs == Programs::kOfImages || has_java(spec.around.variable("PATH").value_or(""));
  plan.runtime_base = runtime_base(spec.around);
  if (programs == Programs::kOfImages) plan.made_of.emplace<ContainerPlan>();

  std::error_code ec;
  plan.workspace = std::filesystem::canonical(spec.workspace, ec);
  if (ec || !std::filesystem::is_directory(plan.workspace, ec)) {
    return Error{ExitCode::kUsage,
                 "the workspace " + spec.workspace.string() + " is not a directory",
                 "run bottle in a directory that exists, or correct \"workspace\" in the manifest"};
  }
  // The caller's own directory, as with any other command, when the bottle has it.
  const auto callers = std::filesystem::canonical(spec.around.directory, ec);
  plan.directory = !ec && is_below(callers, plan.workspace) ? callers : plan.workspace;
  if (auto planned = plan_git(spec, plan); !planned) return std::move(planned.error());
  if (auto placed = plan_state(spec, plan); !placed) return std::move(placed.error());
  if (plan.origin_ca && !std::filesystem::is_regular_file(*plan.origin_ca, ec)) {
    return Error{ExitCode::kUsage, "the origin CA " + plan.origin_ca->string() + " is not a file",
                 "--origin-ca takes a PEM file with certificates"};
  }

  const auto proxy = find_sibling(spec, "bottle-proxy", "BOTTLE_PROXY", own_directory);
  if (programs == Programs::kOfThisMachine && !proxy) return no_proxy(spec);
  plan.proxy.here = proxy.value_or("");
  if (auto checked = check_ways(spec); !checked) return std::move(checked.error());
  add_proxy_arguments(spec, programs, plan);
  plan.pipelock_url = spec.pipelock_url;
  if (spec.pipelock_url) {
    plan.notes.push_back(
        "a pipelock that runs elsewhere has no exit: its requests are not checked again, and it "
        "changes redirects, trailers and large answers");
  }
  if (plan.scanner == Scanner::kPipelock && !spec.pipelock_url) {
    if (programs == Programs::kOfThisMachine) {
      auto program = find_pipelock(spec);
      if (!program) return std::move(program.error());
      plan.made_of = ProcessPlan{.pipelock = std::move(*program)};
    }
    auto pipelock = pipelock_policy(spec);
    if (!pipelock) return std::move(pipelock.error());
    plan.pipelock = std::move(*pipelock);
    if (programs == Programs::kOfThisMachine) add_seen_file(spec, plan);
    note_addresses(spec.allow, plan);
  }
  add_environment(spec, programs, plan);
  return plan;
}

std::string describe(const Plan& plan) {
  std::ostringstream out;
  const auto row = [&out](const std::string& name, const std::string& value) {
    out << "  " << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << value
        << "\n";
  };
  out << "bottle " << plan.id << "\n";
  row("backend", plan.backend + " (" + plan.backend_why + ")");
  row("manifest",
      plan.manifest.empty() ? "none" : plan.manifest.string() + ", bottle \"" + plan.bottle + "\"");
  row("workspace", plan.workspace.string());
  if (plan.directory != plan.workspace) row("starts in", plan.directory.string());
  row("home",
      plan.home.empty() ? "private: gone with the bottle" : "kept in " + plan.home.string());
  row("command", shell_quoted(plan.command));
  std::string scanner(scanner_name(plan.scanner));
  if (plan.scanner == Scanner::kGuard) scanner += ", built into bottle-proxy; direct mode";
  row("scanner", scanner + " (" + plan.scanner_why + ")");
  const auto* const containers = std::get_if<ContainerPlan>(&plan.made_of);
  if (containers != nullptr) {
    row("image", containers->image);
    row("user", std::to_string(containers->uid) + ":" + std::to_string(containers->gid));
    row("proxy image", containers->proxy_image);
    if (!containers->pipelock_image.empty()) row("pipelock", containers->pipelock_image);
  } else if (plan.pipelock) {
    row("pipelock",
        std::get<ProcessPlan>(plan.made_of).pipelock + ", which can reach only the exit");
  }
  for (const auto& [name, words] : machine_rows(plan)) row(name, words);
  if (plan.pipelock_url) row("pipelock", *plan.pipelock_url);
  row("allow", listed(plan.allow, no_host_words(plan.ask)) + other_hosts_words(plan.ask));
  if (!plan.allow_addresses.empty()) row("addresses", listed(plan.allow_addresses, ""));
  for (const auto& [host, route] : plan.routes) row("route", host + " " + route);
  for (const auto& [name, words] : guard_rows(plan)) row(name, words);
  const std::string proxy = containers != nullptr ? "bottle-proxy" : plan.proxy.here;
  row("proxy", proxy + " " + shell_quoted(plan.proxy.arguments));
  if (containers == nullptr) {
    row("listens", "127.0.0.1:" + std::to_string(plan.proxy_port) + " in the bottle");
  }
  row("CA", "made at the start; its fingerprint is printed then");
  row("audit log", plan.audit.string());
  row("temporary", (plan.runtime_base / plan.id).string());
  out << "  files\n";
  for (const auto& mount : plan.mounts) {
    out << "    " << mount_word(mount.kind) << mount.at;
    const bool same = mount.source.empty() || mount.source == mount.at;
    if (!same && mount.kind != PlannedMount::Kind::kHidden) out << "  <- " << mount.source;
    out << "\n";
  }
  out << "  environment\n";
  std::map<std::string, std::string> trust;  // value → the variables that have it
  for (const auto& [name, value] : plan.environment) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && is_trust_variable(name)) {
      auto& names = trust[*text];
      names += (names.empty() ? "" : " ") + name;
    } else if (text != nullptr) {
      out << "    " << name << "=" << shell_quoted(*text) << "\n";
    } else {
      out << "    " << name << "=" << std::get<Secret>(value) << "\n";
    }
  }
  out << "  environment, for trust and the proxy\n";
  for (const auto& [value, names] : trust)
    out << "    " << shell_quoted(value) << " in " << names << "\n";
  for (const auto& [name, value] : last_rows(plan)) row(name, value);
  if (containers != nullptr) {
    out << "  commands\n";
    for (const auto& command : containers->commands) out << "    " << command << "\n";
  }
  return out.str();
}

}  // namespace bottle::launcher
