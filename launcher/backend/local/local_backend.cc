#include "launcher/backend/local/local_backend.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "launcher/backend/local/file_tree.h"
#include "launcher/backend/local/local_bottle.h"
#include "launcher/backend/local/session_leader.h"
#include "launcher/backend/local/terminal.h"
#include "launcher/lifetime/proxy_process.h"
#include "launcher/plan/git_sign.h"
#include "launcher/plan/home_folder.h"
#include "launcher/process/namespaces.h"
#include "launcher/process/process.h"

namespace bottle::launcher::local {
namespace {

// As the agent sees it: root in the bottle has root's user id and none of root's powers.
bool may_change(const std::filesystem::path& directory) {
  if (::access(directory.c_str(), W_OK) != 0) return false;
  struct stat info{};
  if (::getuid() != 0 || ::stat(directory.c_str(), &info) != 0) return true;
  if (info.st_uid == 0) return (info.st_mode & S_IWUSR) != 0;
  return (info.st_mode & (info.st_gid == 0 ? S_IWGRP : S_IWOTH)) != 0;
}

class LocalBackend final : public BottleBackend {
 public:
  Expected<Plan> prepare(const BottleSpec& spec, const std::string& why) override;
  Expected<void> check(const Plan& plan) override;
  Expected<std::unique_ptr<BackendBottle>> begin(const BottleResources& resources) override;
};

Expected<Plan> LocalBackend::prepare(const BottleSpec& spec, const std::string& why) {
  if (!find_program("bwrap", kToolPath)) {
    return Error{ExitCode::kIsolation,
                 "the local backend needs bubblewrap, and bwrap was not found",
                 "install it: apt install bubblewrap, or dnf install bubblewrap"};
  }
  if (auto possible = probe_namespaces(); !possible) return std::move(possible.error());
  auto plan = make_plan(spec, "local", why, own_directory());
  if (!plan) return plan;
  plan->logins = spec.logins;
  put_logins_in_home(*plan);
  auto files = plan_files(spec, *plan);
  if (!files) return std::move(files.error());
  plan->mounts = std::move(*files);
  if (Terminal::is_there()) {
    std::error_code ec;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ec);
    plan->mounts.push_back(
        {PlannedMount::Kind::kReadOnly, program.string(), std::string(kLeaderPath)});
  }
  add_sign_mounts(*plan);
  for (const auto& mount : plan->mounts) {
    const bool writable = mount.kind == PlannedMount::Kind::kWritable;
    if (writable && plan->audit.string().starts_with(mount.source + "/")) {
      plan->notes.push_back("the agent can change the audit log: it lies in " + mount.source);
      break;
    }
  }
  if (!may_change(plan->workspace)) {
    plan->notes.push_back("the agent cannot change the workspace " + plan->workspace.string() +
                          ", it belongs to another user or is read-only");
  }
  const auto path = spec.around.variable("PATH").value_or("");
  if (auto runnable = check_command(*plan, path); !runnable) return std::move(runnable.error());
  return plan;
}

Expected<void> LocalBackend::check(const Plan& plan) { return check_pipelock(plan); }

Expected<std::unique_ptr<BackendBottle>> LocalBackend::begin(const BottleResources& resources) {
  return begin_local_bottle(resources);
}

}  // namespace

std::unique_ptr<BottleBackend> make_local_backend() { return std::make_unique<LocalBackend>(); }

}  // namespace bottle::launcher::local
