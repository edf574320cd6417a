#include "launcher/command/login.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <optional>
#include <thread>
#include <utility>

#include "launcher/backend/bottle_control.h"
#include "launcher/backend/run_bottle.h"
#include "launcher/command/bottle_checks.h"
#include "launcher/command/command.h"
#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/login_client.h"
#include "launcher/plan/plan.h"
#include "launcher/plan/planned_login.h"
#include "launcher/plan/resolved_env.h"
#include "launcher/process/own_memory.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kLockWait{60};
constexpr std::chrono::milliseconds kLockPause{50};
constexpr std::size_t kMaxFile = 256 * 1024;

Expected<Fd> lock_of(const LoginStore& store) {
  const auto until = std::chrono::steady_clock::now() + kLockWait;
  for (;;) {
    auto lock = store.try_lock();
    if (!lock) return of_store(lock.error());
    std::optional<Fd> taken = std::move(*lock);
    if (taken) return std::move(*taken);
    if (std::chrono::steady_clock::now() > until) break;
    std::this_thread::sleep_for(kLockPause);
  }
  return Error{
      ExitCode::kEnvironment,
      "a bottle has been refreshing the login in " + store.directory().string() + " for a minute",
      "try again"};
}

Expected<std::string> text_of(const LoginClient& client, const fs::path& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    return system_error(std::string(client.title) + " has no login: cannot read " + file.string(),
                        errno,
                        "log in with it first, or run: bottle login " + std::string(client.name),
                        ExitCode::kEnvironment);
  }
  std::string text(kMaxFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return system_error("cannot read " + file.string(), errno, "", ExitCode::kEnvironment);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxFile) return Error{ExitCode::kEnvironment, file.string() + " is too long", ""};
  text.resize(size);
  return text;
}

// Takes the login that is in the agent's file.
Expected<void> keep(const LoginClient& client, const fs::path& file, const Context& context) {
  const HiddenMemory while_it_has_tokens;
  auto text = text_of(client, file);
  if (!text) return text.error();
  const auto login = login_in(client, *text);
  ::explicit_bzero(text->data(), text->size());
  if (!login) return login.error();
  const auto store = login_store(client, context.around);
  if (!store) return store.error();
  const auto lock = lock_of(*store);
  if (!lock) return lock.error();
  if (auto written = store->write(*login); !written) return of_store(written.error());
  context.err << "bottle: the login of " << client.title << " is kept in "
              << store->directory().string() << "; \"login\": \"" << client.name
              << "\" in a manifest uses it\n";
  return {};
}

fs::path own_file(const LoginClient& client, const Surroundings& around) {
  const auto folder = around.variable(std::string(client.folder_variable));
  if (folder && folder->starts_with("/")) return fs::path(*folder) / client.file;
  return around.home / client.folder / client.file;
}

Expected<int> import(const LoginClient& client, const LoginOptions& options,
                     const Context& context) {
  const fs::path file =
      options.file ? expand_path(*options.file, context.around.directory, context.around.home)
                   : own_file(client, context.around);
  if (auto kept = keep(client, file, context); !kept) return kept.error();
  context.err << "bottle: " << file.string()
              << " is left as it is. A program that goes on using it "
              << "may make the login invalid, since refreshing changes the tokens: log in there "
                 "again if it does\n";
  return 0;
}

Expected<BottleSpec> spec_of_login(const LoginClient& client, const LoginOptions& options,
                                   const fs::path& workspace, const fs::path& folder,
                                   const Context& context) {
  StartOptions start;
  start.scanner = "guard";
  start.backend = "local";
  start.quiet = true;
  start.resolve = options.resolve;
  if (options.origin_ca) start.origin_ca = context.around.directory / *options.origin_ca;
  start.allow.assign(client.login_hosts.begin(), client.login_hosts.end());
  start.command.assign(client.login_command.begin(), client.login_command.end());
  Surroundings around = context.around;
  around.directory = workspace;
  auto spec = make_spec(start, around);
  if (!spec) return spec;
  // No key of the caller's is passed on, so the agent has nothing but the login that it makes.
  spec->env.notes.clear();
  const std::string at = "/home/agent/" + std::string(client.folder);
  spec->mounts.push_back(Mount{.host = folder.string(), .at = at, .read_only = false});
  spec->env.values[std::string(client.folder_variable)] = at;
  return spec;
}

// Below /tmp, as the demo's: a workspace cannot be in /run.
Expected<int> log_in(const LoginClient& client, const LoginOptions& options,
                     const Context& context) {
  auto place = RuntimeDir::create("/tmp/bottle-" + std::to_string(::getuid()),
                                  "login-" + std::to_string(::getpid()));
  if (!place) return std::move(place.error());
  const fs::path workspace = place->path() / "workspace";
  const fs::path folder = place->path() / "folder";
  if (::mkdir(workspace.c_str(), 0700) != 0 || ::mkdir(folder.c_str(), 0700) != 0) {
    return system_error("cannot make " + workspace.string(), errno);
  }
  const auto spec = spec_of_login(client, options, workspace, folder, context);
  if (!spec) return spec.error();
  const auto chosen = choose_backend(spec->backend, context.backends);
  if (!chosen) return chosen.error();
  const auto backend = chosen->entry->make();
  const auto plan = backend->prepare(*spec, chosen->why);
  if (!plan) {
    Error error = plan.error();
    if (error.code == ExitCode::kCommandNotFound) {
      error.hint = "log in with " + std::string(client.title) +
                   " on this machine, and take that: bottle login --import " +
                   std::string(client.name);
    }
    return error;
  }
  context.err << "bottle: " << client.title << " logs in, in a bottle of its own\n";
  const auto control = chosen->entry->control();
  auto status = run_bottle(*plan, *backend, *control);
  if (!status) return std::move(status.error());
  if (status->value != 0) {
    return Error{ExitCode::kEnvironment,
                 std::string(client.title) + " did not log in: it ended with status " +
                     std::to_string(status->value),
                 "try again; nothing was kept"};
  }
  if (auto kept = keep(client, folder / client.file, context); !kept) return kept.error();
  return 0;
}

std::string time_words(std::int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts)};
}

Expected<int> list(const Context& context) {
  const HiddenMemory while_it_has_tokens;
  for (const LoginClient& client : login_clients()) {
    const auto store = login_store(client, context.around);
    if (!store) return store.error();
    if (!store->exists()) continue;
    const auto login = store->read();
    context.out << client.name << "  ";
    if (!login) {
      context.out << login.error().message << "\n";
      continue;
    }
    context.out << (login->refreshed_ms > 0 ? "refreshed " + time_words(login->refreshed_ms)
                                            : std::string("not refreshed yet"))
                << "  " << store->directory().string() << "\n";
  }
  return 0;
}

Expected<int> remove(const LoginClient& client, const Context& context) {
  const auto store = login_store(client, context.around);
  if (!store) return store.error();
  const Error none{ExitCode::kUsage, "bottle has no login for " + std::string(client.title),
                   "bottle login list shows what it has"};
  if (!store->exists()) return none;
  const auto lock = lock_of(*store);
  if (!lock) return lock.error();
  const auto removed = store->remove();
  if (!removed) return of_store(removed.error());
  if (!*removed) return none;
  context.err << "bottle: the login of " << client.title
              << " is removed here, for bottles that run, too. It stays valid at its maker's until "
                 "it is revoked there\n";
  return 0;
}

}  // namespace

Expected<void> check_login(const LoginOptions& options) {
  const auto& words = options.words;
  const std::string names = login_client_names();
  if (options.file && !options.import) {
    return usage_error("--file is for --import", "bottle login --import claude --file FILE");
  }
  if (words.size() == 1 && words[0] == "list" && !options.import) return {};
  const bool removes = words.size() == 2 && words[0] == "rm" && !options.import;
  if (!removes && words.size() != 1) {
    return usage_error("it takes an agent, \"list\", or \"rm\" and an agent",
                       "the agents are: " + names);
  }
  if (find_login_client(words.back()) != nullptr) return {};
  return usage_error("there is no agent \"" + printable(words.back()) + "\" whose login is known",
                     "there are: " + names);
}

Expected<int> run_login(const LoginOptions& options, const Context& context) {
  if (in_a_bottle(context.around)) {
    return Error{ExitCode::kIsolation, "this is a bottle, and logins are kept outside of bottles",
                 "run it outside"};
  }
  if (options.words[0] == "list") return list(context);
  const LoginClient& client = *find_login_client(options.words.back());
  if (options.words[0] == "rm") return remove(client, context);
  return options.import ? import(client, options, context) : log_in(client, options, context);
}

}  // namespace bottle::launcher
