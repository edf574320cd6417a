#include "launcher/lifetime/kept_home.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>
#include <variant>

#include "launcher/lifetime/runtime_dir.h"
#include "launcher/plan/home_folder.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAbout = "project.json";
constexpr std::chrono::milliseconds kMeasuring{200};  // at a bottle's end; 100 000 files and more

std::int64_t now_in_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

struct About {
  std::string project{};
  std::string bottle{};
  std::int64_t used = 0;
  TreeSize size{};
};

std::optional<About> read_about(const fs::path& folder) try {
  std::ifstream in(folder / kAbout, std::ios::binary);
  const auto json = nlohmann::json::parse(in);
  return About{.project = json.at("project").get<std::string>(),
               .bottle = json.at("bottle").get<std::string>(),
               .used = json.at("used").get<std::int64_t>(),
               .size = {json.at("bytes").get<std::uint64_t>(), json.at("whole").get<bool>()}};
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
}

Expected<void> write_about(const fs::path& folder, const About& about) {
  const nlohmann::ordered_json json{{"project", about.project},
                                    {"bottle", about.bottle},
                                    {"used", about.used},
                                    {"bytes", about.size.bytes},
                                    {"whole", about.size.whole}};
  const auto file = folder / kAbout;
  const fs::path fresh = file.string() + ".new";
  const Fd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  const auto text = json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (!fd || !write_all(fd.get(), text) || ::rename(fresh.c_str(), file.c_str()) != 0) {
    return system_error("cannot write " + file.string(), errno, "is the disk full?");
  }
  return {};
}

HomeOwner owner_of(const Plan& plan) {
  if (const auto* const container = std::get_if<ContainerPlan>(&plan.made_of)) {
    return {container->uid, container->gid};
  }
  return {::getuid(), ::getgid()};
}

// A directory of the launcher's own, which no link leads to. True: it was made now.
Expected<bool> own_folder(const fs::path& folder) {
  const bool made = ::mkdir(folder.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) {
    return system_error("cannot make " + folder.string(), errno,
                        "set XDG_STATE_HOME to a directory that you can write to");
  }
  struct stat info{};
  if (::lstat(folder.c_str(), &info) != 0) {
    return system_error("cannot use " + folder.string(), errno);
  }
  if (S_ISDIR(info.st_mode) && info.st_uid == ::getuid() && (info.st_mode & 077) == 0) return made;
  return Error{ExitCode::kSystem, folder.string() + " is not a directory that only you can use",
               "move it away, or chmod 700 it"};
}

// Held while a home's folder is made, taken or removed.
Fd lock_homes(const fs::path& homes) {
  Fd lock(::open((homes / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock) ::flock(lock.get(), LOCK_EX);
  return lock;
}

Fd open_lease(const fs::path& folder) {
  return Fd(::open((folder / kLeaseName).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

std::string holder_in(const fs::path& folder) {
  std::ifstream in(folder / kLeaseName);
  std::string id;
  std::getline(in, id);
  return id;
}

// After a launcher was killed, the kernel takes an instant to end the processes of its bottle.
bool leased(const Fd& lease) {
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    if (::flock(lease.get(), LOCK_EX | LOCK_NB) == 0) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

Error in_use(const fs::path& folder) {
  const std::string id = holder_in(folder);
  return Error{ExitCode::kUsage, "bottle " + id + " has the kept home of this project",
               "bottle exec " + id +
                   " COMMAND runs another command in that bottle; --home private "
                   "starts one with an empty home"};
}

// The home itself, opened. Its owner is the agent.
Expected<Fd> open_home(const fs::path& home, bool make, const HomeOwner& owner) {
  if (make && ::mkdir(home.c_str(), 0700) != 0 && errno != EEXIST) {
    return system_error("cannot make " + home.string(), errno);
  }
  Fd fd(::open(home.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return system_error("cannot use " + home.string(), errno);
  if (make && ::getuid() == 0 && ::fchown(fd.get(), owner.uid, owner.gid) != 0) {
    return system_error("cannot give " + home.string() + " to the agent", errno);
  }
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0 || info.st_uid != owner.uid) {
    return Error{ExitCode::kSystem,
                 "the kept home " + home.string() + " belongs to user " +
                     std::to_string(info.st_uid) + ", and the agent is user " +
                     std::to_string(owner.uid),
                 "chown it, remove it (bottle home rm), or start with --home private"};
  }
  return fd;
}

}  // namespace

Expected<KeptHome> KeptHome::take(const Plan& plan) {
  const auto homes = plan.home.parent_path();
  std::error_code ec;
  fs::create_directories(homes.parent_path(), ec);
  if (auto owned = own_folder(homes); !owned) return std::move(owned.error());
  const Fd lock = lock_homes(homes);
  if (!lock) return system_error("cannot lock " + homes.string(), errno);
  if (auto owned = own_folder(plan.home); !owned) return std::move(owned.error());
  KeptHome out(plan.home, open_lease(plan.home));
  if (!out.lease_) return system_error("cannot lease " + plan.home.string(), errno);
  if (!leased(out.lease_)) return in_use(plan.home);
  if (::ftruncate(out.lease_.get(), 0) != 0 || !write_all(out.lease_.get(), plan.id + "\n")) {
    return system_error("cannot write the lease of " + plan.home.string(), errno);
  }

  const HomeKey key = home_key(plan);
  auto about = read_about(plan.home);
  out.is_new_ = !about;
  if (about && (about->project != key.project || about->bottle != key.bottle)) {
    return Error{ExitCode::kSystem,
                 plan.home.string() + " is the home of " + about->project + " and not of " +
                     key.project.string(),
                 "rename the project's folder, or start with --home private"};
  }
  if (!about) about = About{.project = key.project.string(), .bottle = key.bottle};
  out.size_ = about->size;
  const auto shown = plan.home / kHomeName;
  const HomeOwner owner = owner_of(plan);
  const auto home = open_home(shown, out.is_new_, owner);
  if (!home) return home.error();
  if (auto made = make_mount_points(*home, shown, plan.mounts, owner); !made) {
    return std::move(made.error());
  }
  for (const auto& login : plan.logins) {
    if (!is_below(login.mounted, shown)) continue;
    auto made = make_folder(*home, shown, login.mounted.lexically_relative(shown), owner);
    if (!made) return std::move(made.error());
  }
  about->used = now_in_seconds();
  if (auto written = write_about(plan.home, *about); !written) return std::move(written.error());
  return out;
}

std::string KeptHome::large() const { return size_.bytes < kLargeHome ? "" : size_words(size_); }

void KeptHome::note_size() const {
  auto about = read_about(folder_);
  if (!about) return;
  about->size = size_of_tree(folder_ / kHomeName, kMeasuring);
  // A number for people: the next start does without it.
  const auto written = write_about(folder_, *about);
  static_cast<void>(written);
}

fs::path KnownHome::home() const { return folder / kHomeName; }

std::vector<KnownHome> known_homes(const fs::path& state_base) {
  std::vector<KnownHome> out;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(state_base / kHomesName, ec)) {
    if (entry.is_symlink(ec) || !entry.is_directory(ec)) continue;
    KnownHome one{.name = entry.path().filename().string(), .folder = entry.path()};
    if (const auto about = read_about(one.folder)) {
      one.project = about->project;
      one.bottle = about->bottle;
      one.used = about->used;
    }
    const Fd lease = open_lease(one.folder);
    if (lease && ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0) one.user = holder_in(one.folder);
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](const KnownHome& a, const KnownHome& b) { return a.name < b.name; });
  return out;
}

Expected<void> remove_home(const KnownHome& home) {
  const Fd lock = lock_homes(home.folder.parent_path());
  const Fd lease = open_lease(home.folder);
  if (!lock || !lease) return system_error("cannot lock " + home.folder.string(), errno);
  if (::flock(lease.get(), LOCK_EX | LOCK_NB) != 0) {
    const std::string id = holder_in(home.folder);
    return Error{ExitCode::kUsage, home.name + " is the home of bottle " + id + ", which runs",
                 "bottle stop " + id + " ends it"};
  }
  const Fd folder(::open(home.folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) return system_error("cannot remove " + home.folder.string(), errno);
  if (auto removed = remove_content(folder, home.folder); !removed) return removed;
  if (::rmdir(home.folder.c_str()) != 0) {
    return system_error("cannot remove " + home.folder.string(), errno);
  }
  return {};
}

std::string size_words(const TreeSize& size) {
  constexpr std::array<const char*, 4> kUnits{"KiB", "MiB", "GiB", "TiB"};
  double number = static_cast<double>(size.bytes) / 1024;
  std::size_t unit = 0;
  for (; number >= 1024 && unit + 1 < kUnits.size(); ++unit) number /= 1024;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), number < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", number,
                kUnits[unit]);
  return std::string(size.whole ? "" : "at least ") + text.data();
}

}  // namespace bottle::launcher
