#include "launcher/plan/spec.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "launcher/plan/host_path.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/spec_rules.h"
#include "launcher/plan/token_command.h"
#include "launcher/plan/user_key.h"
#include "launcher/process/process.h"
#include "proxy/contract/host_pattern.h"
#include "proxy/contract/nearest_word.h"

extern char** environ;

namespace bottle::launcher {
namespace {

struct Selected {
  std::string name;
  const BottleEntry* bottle;
  std::vector<std::string> command;
};

std::vector<std::string_view> names_in(const Manifest& manifest) {
  std::vector<std::string_view> out;
  for (const auto& [name, agent] : manifest.agents) out.emplace_back(name);
  for (const auto& [name, bottle] : manifest.bottles) out.emplace_back(name);
  return out;
}

std::string names_of(const Manifest& manifest) {
  std::string out;
  for (const auto name : names_in(manifest)) {
    out.append(out.empty() ? "" : ", ").append(name);
  }
  return out.empty() ? "(nothing)" : out;
}

Expected<Selected> select(const Manifest& manifest, const std::optional<std::string>& name) {
  if (name) {
    if (const auto agent = manifest.agents.find(*name); agent != manifest.agents.end()) {
      const auto& entry = agent->second;
      return Selected{entry.bottle, &manifest.bottles.at(entry.bottle), entry.command};
    }
    if (const auto bottle = manifest.bottles.find(*name); bottle != manifest.bottles.end()) {
      return Selected{*name, &bottle->second, {}};
    }
    return Error{ExitCode::kUsage,
                 "\"" + *name + "\" is neither an agent nor a bottle of " + manifest.file +
                     ", nor a command in PATH",
                 did_you_mean(*name, names_in(manifest)) + "it has: " + names_of(manifest) +
                     "; a command: bottle start -- " + *name};
  }
  if (const auto bottle = manifest.bottles.find("default"); bottle != manifest.bottles.end()) {
    return Selected{bottle->first, &bottle->second, {}};
  }
  if (manifest.bottles.size() == 1) {
    const auto& only = *manifest.bottles.begin();
    return Selected{only.first, &only.second, {}};
  }
  if (manifest.bottles.empty()) {
    return Error{ExitCode::kUsage, manifest.file + " has no bottle",
                 "the smallest manifest is {\"bottles\": {\"default\": {}}}; see docs/manifest.md"};
  }
  return Error{ExitCode::kUsage, "which bottle? " + manifest.file + " has no \"default\"",
               "name one: " + names_of(manifest)};
}

Expected<void> choose_scanner(const StartOptions& options,
                              const std::optional<Scanner>& of_manifest, BottleSpec& spec) {
  const auto& around = spec.around;
  if (options.pipelock_url) spec.pipelock_url = options.pipelock_url;
  spec.pipelock_bin = options.pipelock_bin;
  std::string found_by;
  if (spec.pipelock_url) found_by = options.pipelock_url ? "--pipelock" : "the manifest";
  if (spec.pipelock_bin) found_by = "--pipelock-bin";
  if (found_by.empty()) {
    spec.pipelock_bin = around.variable("PIPELOCK_BIN");
    if (spec.pipelock_bin) found_by = "PIPELOCK_BIN";
  }

  if (options.scanner) {
    const auto wanted = scanner_by_name(*options.scanner);
    if (!wanted) {
      return Error{ExitCode::kUsage, "unknown scanner \"" + *options.scanner + "\"",
                   "--scanner takes pipelock or guard"};
    }
    spec.scanner = *wanted;
    spec.scanner_why = "as --scanner asks";
  } else if (of_manifest) {
    spec.scanner = *of_manifest;
    spec.scanner_why = "as the manifest asks";
  } else if (!found_by.empty()) {
    spec.scanner = Scanner::kPipelock;
    spec.scanner_why = "given by " + found_by;
  } else {
    spec.scanner = Scanner::kGuard;
    spec.scanner_why = "no pipelock is given by --pipelock, --pipelock-bin or PIPELOCK_BIN";
  }
  if (spec.scanner == Scanner::kGuard) {
    spec.pipelock_url.reset();
    spec.pipelock_bin.reset();
    return {};
  }
  if (spec.pipelock_url && spec.pipelock_bin) {
    return Error{ExitCode::kUsage, "a running pipelock and one to start are both given",
                 "use --pipelock URL or --pipelock-bin FILE, not both"};
  }
  if (!spec.pipelock_url && !spec.pipelock_bin) {
    spec.pipelock_bin = find_program("pipelock", spec.path_of_host());
  }
  // None at all is an error of the plan's: a backend may bring one.
  return {};
}

Expected<void> check_lists(const BottleSpec& spec) {
  for (const auto& host : spec.allow) {
    const auto parsed = HostPattern::parse(host);
    if (parsed) continue;
    return Error{ExitCode::kUsage, "--allow " + host + ": " + parsed.error().message,
                 parsed.error().hint};
  }
  for (const auto& range : spec.allow_addresses) {
    if (range.find_first_not_of("0123456789abcdefABCDEF.:/") == std::string::npos) continue;
    return Error{ExitCode::kUsage, "\"" + range + "\" is not an address range",
                 "allowed addresses look like 10.1.0.0/16 or fd00::/8"};
  }
  if (spec.pipelock_url && !spec.pipelock_url->starts_with("http://")) {
    return Error{ExitCode::kUsage, "the pipelock URL must begin with http://",
                 "example: --pipelock http://127.0.0.1:8888"};
  }
  return {};
}

void merge_manifest(const BottleEntry& entry, BottleSpec& spec,
                    const std::filesystem::path& directory) {
  spec.allow = entry.allow;
  spec.allow_addresses = entry.allow_addresses;
  spec.routes = entry.routes;
  spec.limits = entry.limits;
  spec.resources = entry.resources;
  spec.ports = entry.ports;
  spec.guard = entry.guard;
  spec.origins = entry.origins;
  spec.ask = entry.ask;
  if (auto& words = spec.ask.command;
      !words.empty() && words.front().find('/') != std::string::npos) {
    words.front() = expand_path(words.front(), directory, spec.around.home).string();
  }
  spec.protect = entry.protect;
  spec.sign = entry.sign;
  spec.pipelock_url = entry.pipelock;
  spec.image = entry.image;
  spec.home = entry.home.value_or(HomeKind::kPrivate);
  spec.workspace = expand_path(entry.workspace.value_or("."), directory, spec.around.home);
  for (Mount mount : entry.mounts) {
    mount.host = expand_path(mount.host, directory, spec.around.home).string();
    spec.mounts.push_back(std::move(mount));
  }
}

void add_options(const StartOptions& options, BottleSpec& spec) {
  spec.allow.insert(spec.allow.end(), options.allow.begin(), options.allow.end());
  spec.allow_options = options.allow;
  spec.allow_addresses.insert(spec.allow_addresses.end(), options.allow_addresses.begin(),
                              options.allow_addresses.end());
  spec.resolve = options.resolve;
  if (options.origin_ca) spec.origin_ca = spec.around.directory / *options.origin_ca;
  if (options.audit) spec.audit = spec.around.directory / *options.audit;
  spec.audit_copy = options.audit_copy;
}

// A bottle's own shell takes none: they would be a script of the caller's that looks like options.
Expected<void> add_arguments(const StartOptions& options, BottleSpec& spec) {
  if (options.arguments.empty()) return {};
  if (spec.command.empty()) {
    const std::string name = options.name.value_or(spec.name);
    return Error{
        ExitCode::kUsage,
        "\"" + name + "\" is a bottle without a command that \"" + options.arguments.front() +
            "\" could be added to",
        "an option of bottle stands before the name; a command in this bottle: bottle start " +
            name + " -- COMMAND..."};
  }
  spec.command.insert(spec.command.end(), options.arguments.begin(), options.arguments.end());
  return {};
}

void choose_backend_words(const StartOptions& options, const std::optional<std::string>& manifest,
                          BottleSpec& spec) {
  if (options.backend) {
    spec.backend = Choice{*options.backend, "as --backend asks"};
    return;
  }
  for (const std::string name : {"BOTTLE_BACKEND", "CLAUDE_BOTTLE_BACKEND"}) {
    if (const auto value = spec.around.variable(name); value && !value->empty()) {
      spec.backend = Choice{*value, "as " + name + " asks"};
      return;
    }
  }
  if (manifest) spec.backend = Choice{*manifest, "as the manifest asks"};
}

// The same for each start of one bottle of one manifest. A dry run shows no placeholder and makes
// no file, so it has no key.
Expected<PlaceholderSource> placeholder_source(const BottleSpec& spec, bool dry_run) {
  std::error_code ec;
  const auto manifest = std::filesystem::weakly_canonical(spec.manifest, ec);
  PlaceholderSource out{.place = (ec ? spec.manifest : manifest).string() + '\0' + spec.name};
  if (dry_run) return out;
  const auto base = state_base(spec.around);
  if (!base) return base.error();
  const auto key = user_key(*base, kPlaceholderKeyFile);
  if (!key) return key.error();
  std::copy_n(key->begin(), out.key.size(), out.key.begin());
  return out;
}

void note_left_out(const EnvSources& sources, const std::optional<std::filesystem::path>& file,
                   BottleSpec& spec) {
  for (const auto& name : left_out(spec.env, spec.allow, sources)) {
    spec.env.notes.push_back(
        name + " is set here and does not reach the bottle: " +
        (file ? "\"env\" in " + file->filename().string() : "\"env\" in a manifest (bottle init)") +
        " passes it on, {\"" + name + "\": {\"from_host\": true}}");
  }
}

Expected<void> add_parent(const std::optional<ParentEntry>& entry, const StartOptions& options,
                          EnvSources sources, BottleSpec& spec) {
  sources.host = [&spec](const std::string& name) { return spec.around.variable(name); };
  const auto prompting = options.dry_run ? Prompting::kLater : Prompting::kAsk;
  auto planned = plan_parent(entry, options.parent, sources, prompting, spec.env.notes);
  if (!planned) return std::move(planned.error());
  spec.parent = std::move(*planned);
  return {};
}

}  // namespace

std::optional<std::string> Surroundings::variable(const std::string& name) const {
  const auto found = env.find(name);
  if (found == env.end()) return std::nullopt;
  return found->second;
}

Expected<Surroundings> Surroundings::of_this_process() {
  Surroundings out;
  std::error_code ec;
  out.directory = std::filesystem::current_path(ec);
  if (ec) {
    return Error{ExitCode::kSystem, "the current directory cannot be found: " + ec.message(),
                 "change to a directory that exists"};
  }
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string pair(*entry);
    const auto equals = pair.find('=');
    if (equals != std::string::npos)
      out.env.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  if (const auto home = out.variable("HOME"); home && home->starts_with("/")) {
    out.home = *home;
  } else if (const passwd* entry = ::getpwuid(::getuid()); entry != nullptr) {
    out.home = entry->pw_dir;
  }
  out.home = out.home.lexically_normal();
  return out;
}

std::optional<std::filesystem::path> manifest_of(const StartOptions& options,
                                                 const Surroundings& around) {
  if (options.manifest) return around.directory / *options.manifest;
  return find_manifest(around.directory, around.home);
}

WordMeaning meaning_of_word(const StartOptions& options, const std::string& word,
                            const Surroundings& around) {
  if (word == kDemoName) return WordMeaning::kEntry;
  if (const auto file = manifest_of(options, around)) {
    const auto manifest = load_manifest(*file);
    if (!manifest || manifest->agents.contains(word) || manifest->bottles.contains(word)) {
      return WordMeaning::kEntry;
    }
  }
  const bool is_path = word.find('/') != std::string::npos;
  const std::string program = is_path ? (around.directory / word).string() : word;
  return find_program(program, around.variable("PATH").value_or("")) ? WordMeaning::kCommand
                                                                     : WordMeaning::kNeither;
}

Expected<BottleSpec> make_spec(const StartOptions& options, const Surroundings& around) {
  BottleSpec spec{.name = "default", .around = around};
  spec.quiet = options.quiet;
  std::optional<Manifest> manifest;
  const auto file = manifest_of(options, around);
  std::optional<std::string> manifest_backend;
  std::optional<Scanner> manifest_scanner;
  std::map<std::string, EnvValue> env;
  std::vector<std::string> login_names;
  std::optional<ParentEntry> parent;
  std::filesystem::path base = around.directory;
  if (file) {
    auto loaded = load_manifest(*file);
    if (!loaded) return std::move(loaded.error());
    manifest = std::move(*loaded);
    auto selected = select(*manifest, options.name);
    if (!selected) return std::move(selected.error());
    spec.name = selected->name;
    spec.manifest = file->lexically_normal();
    spec.command = selected->command;
    base = manifest->directory;
    merge_manifest(*selected->bottle, spec, base);
    manifest_backend = selected->bottle->backend;
    manifest_scanner = selected->bottle->scanner;
    env = selected->bottle->env;
    parent = selected->bottle->parent;
    login_names = selected->bottle->logins;
  } else if (options.name) {
    return Error{ExitCode::kUsage,
                 "\"" + *options.name +
                     "\" is not a command in PATH, and no manifest was found that could have a "
                     "bottle or an agent of that name",
                 "write a " + std::string(kManifestName) +
                     " here (docs/manifest.md), name one with "
                     "--manifest, or run a command: bottle start -- " +
                     *options.name};
  } else {
    spec.workspace = around.directory;
  }

  if (auto added = add_arguments(options, spec); !added) return std::move(added.error());
  if (!options.command.empty()) spec.command = options.command;
  if (spec.command.empty()) {
    const auto bash = find_program("bash", "/bin:/usr/bin");
    spec.command = {bash.value_or("/bin/sh")};
  }
  add_options(options, spec);
  const auto host = host_path(around.variable("PATH").value_or(""), folders_of_agents(spec));
  spec.host_path = host.path;
  choose_backend_words(options, manifest_backend, spec);
  if (auto chosen = choose_scanner(options, manifest_scanner, spec); !chosen) {
    return std::move(chosen.error());
  }
  if (auto merged = merge_rules(options, spec); !merged) return std::move(merged.error());
  if (auto checked = check_lists(spec); !checked) return std::move(checked.error());

  auto logins = plan_logins(login_names, env, spec.mounts, spec.workspace, around);
  if (!logins) return std::move(logins.error());
  spec.logins = std::move(*logins);
  if (!spec.logins.empty() && !spec.backend) {
    spec.backend = Choice{"local", "since \"login\" needs it"};
  }
  auto sources = host_sources(base, around.home);
  sources.placeholders = [&spec, &options] { return placeholder_source(spec, options.dry_run); };
  sources.command = [&host](const std::string& name, const std::vector<std::string>& command) {
    return token_of_command(name, command, kTokenCommandTime, host.path);
  };
  auto resolved = resolve_env(env, sources, options.dry_run ? Prompting::kLater : Prompting::kAsk);
  if (!resolved) return std::move(resolved.error());
  spec.env = std::move(*resolved);
  if (auto planned = add_parent(parent, options, sources, spec); !planned) {
    return std::move(planned.error());
  }
  for (const auto& name : spec.env.taken) spec.around.env.erase(name);
  if (auto note = left_out_note(host)) spec.env.notes.push_back(std::move(*note));
  note_left_out(sources, file, spec);
  return spec;
}

}  // namespace bottle::launcher
