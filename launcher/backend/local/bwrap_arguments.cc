#include "launcher/backend/local/bwrap_arguments.h"

#include "launcher/backend/local/file_tree.h"

namespace bottle::launcher::local {

std::vector<std::string> bwrap_arguments(const Plan& plan, const BwrapSettings& settings) {
  // The network namespace is the one that bwrap is started in; it is not unshared again, since the
  // proxy's socket listens there. --unshare-user: bwrap's own namespace below the helper's has no
  // power over that network namespace.
  std::vector<std::string> args{"--unshare-user",
                                "--unshare-ipc",
                                "--unshare-pid",
                                "--unshare-uts",
                                "--hostname",
                                "bottle",
                                "--unshare-cgroup-try",
                                "--die-with-parent",
                                "--cap-drop",
                                "ALL",
                                "--info-fd",
                                std::to_string(settings.info_fd)};
  // Without a terminal of its own the agent must not share the caller's session: TIOCSTI would let
  // it type into the caller's shell (kernels before 6.2, or dev.tty.legacy_tiocsti=1).
  if (!settings.terminal) args.emplace_back("--new-session");

  const auto add = [&args](std::initializer_list<std::string> words) {
    args.insert(args.end(), words);
  };
  add({"--proc", "/proc", "--dev", "/dev"});
  for (const auto& mount : plan.mounts) {
    switch (mount.kind) {
      case PlannedMount::Kind::kReadOnly:
        add({"--ro-bind", mount.source, mount.at});
        break;
      case PlannedMount::Kind::kWritable:
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
          add({"--ro-bind", (settings.runtime / kEmptyName).string(), mount.at});
        }
        break;
      case PlannedMount::Kind::kGenerated:
        add({"--ro-bind", (settings.runtime / mount.source).string(), mount.at});
        break;
    }
  }
  add({"--remount-ro", "/", "--chdir", plan.workspace.string(), "--clearenv"});
  for (const auto& [name, value] : plan.environment) {
    const auto* const text = std::get_if<std::string>(&value);
    add({"--setenv", name, text != nullptr ? *text : std::get<Secret>(value).reveal()});
  }
  return args;
}

}  // namespace bottle::launcher::local
