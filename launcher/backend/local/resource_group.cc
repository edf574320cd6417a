#include "launcher/backend/local/resource_group.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "launcher/backend/local/control_group.h"
#include "launcher/process/process.h"

namespace bottle::launcher::local {
namespace {

std::string name_of(const std::string& id) { return "bottle-" + id; }
std::string scope_of(const std::string& id) { return name_of(id) + ".scope"; }

ResourceLimits without(ResourceLimits all, const ResourceLimits& some) {
  if (some.memory) all.memory.reset();
  if (some.cpus) all.cpus.reset();
  if (some.pids) all.pids.reset();
  return all;
}

// The kernel counts root's processes and does not limit them.
bool counts_processes() { return ::getuid() != 0; }

bool set_limit(__rlimit_resource which, std::uint64_t most) {
  const rlimit limit{most, most};
  return ::setrlimit(which, &limit) == 0;
}

std::string add(std::string words, const std::string& more) {
  return words.empty() ? more : words + "; " + more;
}

// Says what limits of processes do in place of a group's.
std::string process_words(const ResourceLimits& limits) {
  std::string out;
  if (limits.memory) {
    out = memory_words(*limits.memory) +
          " of memory for each process; the bottle's memory together is not limited";
  }
  if (limits.cpus) out = add(out, "processor time is not limited");
  if (!limits.pids) return out;
  return add(out, counts_processes() ? std::to_string(*limits.pids) + " processes"
                                     : "the number of processes is not limited for root");
}

struct Made {
  ResourceLimits kept{};
  std::string directory{};  // empty: there is none, or systemd removes it
  std::string words{};
};

// Notes the group before it is made: a launcher that is killed leaves none behind that way.
Expected<Made> make_one(const Plan& plan, pid_t pid, Registration& registration,
                        const RuntimeDir& runtime) {
  const auto& wanted = plan.resources;
  const auto scope = scope_of(plan.id);
  if (const auto kept = make_scope(scope, wanted, pid); kept && kept->any()) {
    auto noted = registration.group_is(runtime, scope, without(wanted, *kept));
    if (!noted) return std::move(noted.error());
    return Made{.kept = *kept, .words = "control group of systemd, " + scope};
  }
  const auto tree = group_tree();
  if (const auto place = tree ? find_group_place(*tree, wanted) : std::nullopt) {
    const std::string group = place->parent / name_of(plan.id);
    auto noted = registration.group_is(runtime, group, without(wanted, place->kept));
    if (!noted) return std::move(noted.error());
    if (make_group(group, place->kept, pid)) {
      return Made{place->kept, group, "control group " + group};
    }
  }
  auto noted = registration.group_is(runtime, "", wanted);
  if (!noted) return std::move(noted.error());
  return Made{};
}

}  // namespace

bool limit_process(const ResourceLimits& limits) {
  if (limits.memory && !set_limit(RLIMIT_DATA, *limits.memory)) return false;
  return !limits.pids || !counts_processes() || set_limit(RLIMIT_NPROC, *limits.pids);
}

ResourceGroup::ResourceGroup(ResourceGroup&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      words_(std::move(other.words_)),
      rest_(other.rest_) {}

ResourceGroup::~ResourceGroup() {
  if (!directory_.empty()) remove_group(directory_);
}

Expected<ResourceGroup> ResourceGroup::make(const Plan& plan, pid_t pid, Registration& registration,
                                            const RuntimeDir& runtime) {
  ResourceGroup out;
  if (!plan.resources.any()) return out;
  auto made = make_one(plan, pid, registration, runtime);
  if (!made) return std::move(made.error());
  out.directory_ = std::move(made->directory);
  out.rest_ = without(plan.resources, made->kept);
  if (made->kept.any()) out.words_ = words_of(made->kept) + " (" + made->words + ")";
  if (!out.rest_.any()) return out;
  out.words_ = add(out.words_, process_words(out.rest_));
  out.words_ += made->kept.any() ? " (the control group does not have these limits)"
                                 : " (no control group, cgroup v2, can be made here)";
  return out;
}

bool join_resources(const BottleRecord& bottle) {
  errno = 0;
  if (bottle.group.starts_with("/")) {
    const Fd group(::open((bottle.group + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC));
    return group && write_all(group.get(), "0");
  }
  return bottle.group.empty() || join_scope(bottle.group, ::getpid());
}

bool remove_resources(const BottleRecord& bottle) {
  // A record is a file: the group in it is removed only if its name is that of this bottle's.
  const std::filesystem::path group(bottle.group);
  return !group.is_absolute() || group.filename() != name_of(bottle.id) || remove_group(group);
}

}  // namespace bottle::launcher::local
