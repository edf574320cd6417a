#include "launcher/backend/local/bwrap_arguments.h"

#include <unistd.h>

#include <array>

#include "launcher/backend/local/file_tree.h"
#include "launcher/manifest/trust_env.h"

namespace bottle::launcher::local {
namespace {

// Of /proc: what root can use against the whole machine without any capability, because the kernel
// asks for the user id only (/proc/sys/kernel/core_pattern names a program that runs as root), or
// what tells about other bottles and the host. bubblewrap covers two of these by itself.
constexpr std::array kReadOnlyProc{"/proc/sys",   "/proc/sysrq-trigger", "/proc/irq",  "/proc/bus",
                                   "/proc/fs",    "/proc/acpi",          "/proc/scsi", "/proc/mtrr",
                                   "/proc/asound"};
constexpr std::array kHiddenProc{"/proc/kcore",      "/proc/keys",       "/proc/key-users",
                                 "/proc/kallsyms",   "/proc/timer_list", "/proc/sched_debug",
                                 "/proc/kpagecount", "/proc/kpageflags", "/proc/kpagecgroup",
                                 "/proc/slabinfo",   "/proc/vmallocinfo"};

}  // namespace

std::vector<std::string> bwrap_arguments(const Plan& plan, const BwrapSettings& settings) {
  // The network namespace is the one that bwrap is started in; it is not unshared again, since the
  // proxy's socket listens there. --unshare-user: bwrap's own namespace below the helper's has no
  // power over that network namespace.
  std::vector<std::string> args{"--unshare-user",       "--unshare-ipc",
                                "--unshare-pid",        "--unshare-uts",
                                "--hostname",           std::string(kOwnName),
                                "--unshare-cgroup-try", "--die-with-parent",
                                "--cap-drop",           "ALL",
                                "--json-status-fd",     std::to_string(settings.status_fd)};
  // Without a terminal of its own the agent must not share the caller's session: TIOCSTI would let
  // it type into the caller's shell (kernels before 6.2, or dev.tty.legacy_tiocsti=1).
  if (!settings.terminal) args.emplace_back("--new-session");

  const auto add = [&args](std::initializer_list<std::string> words) {
    args.insert(args.end(), words);
  };
  // Root inside is root's user id outside. Plain users keep namespaces: browsers' sandboxes and
  // nested bubblewraps need them.
  if (::getuid() == 0) args.emplace_back("--disable-userns");
  add({"--proc", "/proc", "--dev", "/dev"});
  for (const char* path : kReadOnlyProc) add({"--ro-bind-try", path, path});
  const std::string empty = (settings.runtime / kEmptyName).string();
  for (const char* path : kHiddenProc) {
    if (::access(path, F_OK) == 0) add({"--ro-bind", empty, path});
  }
  for (const auto& mount : plan.mounts) {
    switch (mount.kind) {
      case PlannedMount::Kind::kReadOnly:
        add({"--ro-bind", mount.source, mount.at});
        break;
      case PlannedMount::Kind::kWritable:
      case PlannedMount::Kind::kHome:
        add({"--bind", mount.source, mount.at});
        break;
      case PlannedMount::Kind::kPrivate:
        add({"--perms", mount.at.ends_with("/tmp") ? "1777" : "0755", "--tmpfs", mount.at});
        break;
      case PlannedMount::Kind::kSymlink:
        add({"--symlink", mount.source, mount.at});
        break;
      case PlannedMount::Kind::kHidden:
        if (mount.source == "directory") {
          add({"--perms", "0555", "--tmpfs", mount.at, "--remount-ro", mount.at});
        } else {
          add({"--ro-bind", empty, mount.at});
        }
        break;
      case PlannedMount::Kind::kOwned:
        add({"--bind", (settings.runtime / mount.source).string(), mount.at});
        break;
      case PlannedMount::Kind::kGenerated:
        add({"--ro-bind", (settings.runtime / mount.source).string(), mount.at});
        break;
    }
  }
  add({"--remount-ro", "/", "--chdir", plan.directory.string(), "--clearenv"});
  for (const auto& [name, value] : plan.environment) {
    const auto* const text = std::get_if<std::string>(&value);
    add({"--setenv", name,
         std::string(text != nullptr ? *text : std::get<Secret>(value).reveal())});
  }
  return args;
}

}  // namespace bottle::launcher::local
