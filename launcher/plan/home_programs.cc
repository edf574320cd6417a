#include "launcher/plan/home_programs.h"

#include <sstream>

#include "launcher/plan/plan.h"

namespace bottle::launcher {
namespace {

// The system's own program does what needs no change, or changes folders that the caller names.
std::string package_script(const std::string& name) {
  return R"(#!/bin/sh
# Written by bottle.
for word; do
  case $word in
    Dir* | -oDir* | RootDir* | -oRootDir* | -s | --simulate | --dry-run | --print-uris)
      exec /usr/bin/)" +
         name + R"( "$@" ;;
  esac
done
for word; do
  case $word in
    install | reinstall | remove | purge | autoremove | update | upgrade | full-upgrade | \
    dist-upgrade | build-dep)
      echo "bottle: )" +
         name +
         R"( $word cannot work in a bottle, which cannot change its system: install it outside \
(on this machine, or in the image), or in the home with npm -g, pip, cargo or go" >&2
      exit 1 ;;
  esac
done
exec /usr/bin/)" +
         name + R"( "$@"
)";
}

}  // namespace

std::map<std::string, std::string> install_settings() {
  return {{"NPM_CONFIG_PREFIX", "/home/agent/.local"},
          // Debian's pip refuses to install for a user beside the system's packages.
          {"PIP_BREAK_SYSTEM_PACKAGES", "1"},
          {"PIP_ROOT_USER_ACTION", "ignore"},
          // Images have these in folders that the agent cannot write to.
          {"CARGO_HOME", "/home/agent/.cargo"},
          {"GOPATH", "/home/agent/go"}};
}

std::map<std::string, std::string> stand_ins() {
  return {{"sudo",
           "#!/bin/sh\n"
           "# Written by bottle.\n"
           "echo \"bottle: sudo cannot work in a bottle, where no program can get more rights: run "
           "the command without it\" >&2\n"
           "exit 1\n"},
          {"apt", package_script("apt")},
          {"apt-get", package_script("apt-get")}};
}

std::string with_home_programs(const std::string& path) {
  return std::string(kStandInDirectory) +
         ":/home/agent/.local/bin:/home/agent/.cargo/bin:/home/agent/go/bin:" + path;
}

std::string bottle_path(const std::string& callers_path) {
  std::string out = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::istringstream in(callers_path);
  for (std::string entry; std::getline(in, entry, ':');) {
    const bool there = entry.starts_with("/usr/") || entry.starts_with("/opt/") ||
                       entry.starts_with("/nix/") || entry.starts_with("/snap/");
    const bool have = (":" + out + ":").find(":" + entry + ":") != std::string::npos;
    if (there && !have && entry.find("/../") == std::string::npos) out += ":" + entry;
  }
  return out;
}

}  // namespace bottle::launcher
