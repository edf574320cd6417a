#include "proxy/engine.h"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "certs/certificate_authority.h"
#include "certs/process_memory.h"
#include "certs/signer_client.h"
#include "proxy/contract/exit_code.h"
#include "proxy/contract/problem_codes.h"
#include "proxy/control/kept_policy.h"
#include "proxy/control/kept_secrets.h"
#include "proxy/flow/cut_exchanges.h"
#include "proxy/free_memory.h"
#include "proxy/keeper/memory_file.h"
#include "proxy/log_output.h"
#include "proxy/sandbox/sandbox.h"
#include "proxy/seen_file.h"
#include "proxy/startup.h"

namespace bottle {
namespace {

Expected<HandedSecrets> secrets_of(const EngineWorld& world) {
  if (!world.secrets) {
    auto read = world.config.secrets_file.empty() ? Expected<HandedSecrets>(HandedSecrets())
                                                  : read_secrets_file(world.config.secrets_file);
    return read;
  }
  auto text = text_of_file(world.secrets.get(), kMostSecretText);
  if (!text) return Error{ExitCode::kInternal, "the secrets cannot be read again", ""};
  auto secrets = parse_secret_lines(*text);
  ::explicit_bzero(text->data(), text->size());
  return secrets;
}

std::string folder_of(const std::string& file) {
  const std::string folder = std::filesystem::path(file).parent_path().string();
  return folder.empty() ? "." : folder;
}

// Folders where files are replaced as a whole: a rule for a file would hold for the old one.
FileAccess files_of(const Config& config, const HandedSecrets& secrets) {
  FileAccess out;
  out.read = {"/etc", "/usr",           "/lib",       "/lib64",
              "/run", "/sys/fs/cgroup", "/proc/self", "/dev/urandom"};
  for (const char* variable : {"SSL_CERT_FILE", "SSL_CERT_DIR"}) {
    if (const char* path = std::getenv(variable); path != nullptr) out.read.emplace_back(path);
  }
  for (const std::string* file :
       {&config.config_file, &config.secrets_file, &config.proxy_auth, &config.origin_ca}) {
    if (!file->empty()) out.read.push_back(folder_of(*file));
  }
  out.write = {"/dev/null", config.spool.directory.string()};
  for (const std::string* file : {&config.ca_out, &config.bundle_out, &config.seen_file}) {
    if (!file->empty()) out.write.push_back(folder_of(*file));
  }
  if (!config.audit.empty() && config.audit != "-") out.write.push_back(folder_of(config.audit));
  for (const LoginSpec& login : secrets.logins)
    out.write.push_back(login.store.directory().string());
  return out;
}

// The lines that the process before this one could not write any more.
void tell_of(const EngineEnd& before, const std::vector<AuditRecord>& cut, AuditSink& audit) {
  AuditRecord record;
  record.time = before.when;
  record.kind = AuditKind::EngineRestarted;
  record.verdict = Verdict::Failed;
  record.reason = problem_code::kProxyRestarted;
  record.by = DecidedBy::Proxy;
  record.detail = "the process that served ended by " + before.how + "; " +
                  std::to_string(cut.size()) + " exchanges under way were cut";
  audit.write(record);
  for (const AuditRecord& one : cut) audit.write(one);
}

// Serves until the end. `ready` is called when it does.
int serve(const EngineWorld& world, ProxyServices::Inherited inherited, const EngineLink* link,
          const std::optional<EngineEnd>& before, const std::function<void()>& ready) {
  FreeMemory::set_up_allocator();
  const Config& config = world.config;
  const auto cut = before ? cut_exchanges(config.audit) : std::vector<AuditRecord>();
  auto services = ProxyServices::make(config, world.listeners, std::move(inherited));
  if (!services) return refuse_start(services.error());
  const Shared& shared = (*services)->shared();
  if (before) tell_of(*before, cut, shared.audit);
  Server server(shared, (*services)->secrets(), (*services)->policy(), world.listeners,
                world.control, world.read_again, link);
  ready();
  const auto drained = server.run();
  if (!drained) complain(drained.error().message);
  if (shared.known != nullptr && !config.seen_file.empty()) {
    const bool kept = save_seen(config.seen_file, *shared.known, *shared.life);
    if (!kept) complain("the file of --seen could not be written");
  }
  const bool recorded = shared.audit.close();
  if (!recorded) complain("lines of the audit log could not be written and are missing");
  if (!drained) return to_status(ExitCode::kInternal);
  if (!recorded) return to_status(ExitCode::kFiles);
  return to_status(*drained ? ExitCode::kOk : ExitCode::kNotDrained);
}

// A value that an engine before this one handed over; nothing if it handed none.
template <class Value>
Expected<std::optional<Value>> kept_value(const Fd& file,
                                          std::optional<Value> (*read)(std::string_view)) {
  if (!file) return std::optional<Value>();
  auto text = text_of_file(file.get(), kMostKept);
  auto value = text ? read(*text) : std::nullopt;
  if (text) ::explicit_bzero(text->data(), text->size());
  if (value) return value;
  // To go on with the policy or the secrets of the start could let out what was closed since.
  return Error{ExitCode::kUsage, "the state that the process before this one kept cannot be read",
               "start the proxy again"};
}

int serve_as_engine(const EngineWorld& world, const CaPapers& papers, EngineStart start) {
  for (const std::string& warning : harden_process_memory()) spdlog::warn("{}", warning);
  auto secrets = secrets_of(world);
  if (!secrets) return refuse_start(secrets.error());
  if (!secrets->key) secrets->key = world.key;
  const auto issuer = SignerClient::make(papers, std::move(start.signer));
  if (!issuer) return refuse_start(Error{ExitCode::kInternal, issuer.error().detail, ""});
  const auto& kept = start.kept;
  auto policy = kept_value(kept[static_cast<std::size_t>(KeptKind::Policy)], &kept_policy_in);
  if (!policy) return refuse_start(policy.error());
  auto values = kept_value(kept[static_cast<std::size_t>(KeptKind::Secrets)], &kept_secrets_in);
  if (!values) return refuse_start(values.error());
  const auto warnings = enter_sandbox(SandboxRole::Engine, files_of(world.config, *secrets));
  for (const std::string& warning : warnings) {
    if (start.number == 0) spdlog::warn("{}", warning);
  }
  ProxyServices::Inherited inherited{.issuer = **issuer,
                                     .papers = papers,
                                     .counts = *world.counts,
                                     .secrets = std::move(*secrets),
                                     .kept_secrets = std::move(*values),
                                     .kept_policy = std::move(*policy),
                                     .first = start.number == 0};
  return serve(world, std::move(inherited), &start.link, start.before,
               [&start] { start.link.tell_ready(); });
}

}  // namespace

int refuse_start(const Error& error) {
  complain(error.hint.empty() ? error.message : error.message + ". " + error.hint);
  return to_status(error.code);
}

int be_engine(const EngineWorld& world, const CaPapers& papers, EngineStart start) {
  try {
    return serve_as_engine(world, papers, std::move(start));
  } catch (const std::exception& e) {
    complain(std::string("cannot go on: ") + e.what());
    return to_status(ExitCode::kInternal);
  }
}

int be_everything(const EngineWorld& world, const CaOptions& options,
                  const std::function<void(const CaPapers&)>& on_ready) {
  for (const std::string& warning : harden_process_memory()) spdlog::warn("{}", warning);
  auto secrets = secrets_of(world);
  if (!secrets) return refuse_start(secrets.error());
  if (!secrets->key) secrets->key = world.key;
  const auto ca = CertificateAuthority::create(options);
  if (!ca) return refuse_start(Error{ExitCode::kInternal, ca.error().detail, ca.error().hint});
  const CaPapers papers = CaPapers::of(**ca);
  ProxyServices::Inherited inherited{
      .issuer = **ca, .papers = papers, .counts = *world.counts, .secrets = std::move(*secrets)};
  return serve(world, std::move(inherited), nullptr, std::nullopt, [&] { on_ready(papers); });
}

}  // namespace bottle
