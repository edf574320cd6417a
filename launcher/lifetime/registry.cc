#include "launcher/lifetime/registry.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "launcher/lifetime/held_guard.h"
#include "launcher/plan/small_file.h"

namespace bottle::launcher {
namespace {

constexpr const char* kRecord = "record.json";
// A command line of 100 KiB and paths of 64 KiB, each byte of which can be six in JSON.
constexpr std::size_t kMaxRecord = 1024 * 1024;
constexpr std::size_t kMaxEnvironment = 4 * 1024 * 1024;

std::string masked(std::string word, const std::vector<KnownSecret>& secrets) {
  for (const auto& secret : secrets) {
    const auto value = secret.value.reveal();
    if (value.empty()) continue;
    for (auto at = word.find(value); at != std::string::npos;
         at = word.find(value, at + kSecretMask.size())) {
      word.replace(at, value.size(), kSecretMask);
    }
  }
  return word;
}

std::optional<BottleRecord> record_in(const std::filesystem::path& directory) {
  auto record = read_record(small_file(directory / kRecord, kMaxRecord).value_or(""));
  if (!record || record->id != directory.filename().string()) return std::nullopt;
  return record;
}

std::vector<std::filesystem::path> directories_in(const std::filesystem::path& base) {
  std::vector<std::filesystem::path> out;
  struct stat info{};
  if (::lstat(base.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::getuid()) {
    return out;
  }
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(base, ec)) {
    if (!entry.is_directory(ec) || entry.is_symlink(ec)) continue;
    out.push_back(entry.path());
    if (out.size() >= kMaxListed) break;
  }
  return out;
}

nlohmann::json mark_json(const ProcessMark& mark) {
  return {{"pid", mark.pid}, {"start", mark.start}};
}

ProcessMark mark_from(const nlohmann::json& json) {
  return {json.at("pid").get<pid_t>(), json.at("start").get<std::uint64_t>()};
}

nlohmann::json sources_json(const std::vector<SecretSource>& sources) {
  auto out = nlohmann::json::array();
  for (const auto& one : sources) {
    out.push_back({{"name", one.name},
                   {"source", static_cast<int>(one.source)},
                   {"words", one.words},
                   {"ttl", one.ttl.count()}});
  }
  return out;
}

nlohmann::json paths_json(const std::vector<std::filesystem::path>& paths) {
  auto out = nlohmann::json::array();
  for (const auto& path : paths) out.push_back(path.string());
  return out;
}

// 0: not limited.
nlohmann::json resources_json(const ResourceLimits& limits) {
  return {{"memory", limits.memory.value_or(0)},
          {"cpus", limits.cpus.value_or(0)},
          {"pids", limits.pids.value_or(0)}};
}

ResourceLimits resources_from(const nlohmann::json& json) {
  ResourceLimits out;
  if (const auto memory = json.at("memory").get<std::uint64_t>(); memory > 0) out.memory = memory;
  if (const auto cpus = json.at("cpus").get<unsigned>(); cpus > 0) out.cpus = cpus;
  if (const auto pids = json.at("pids").get<unsigned>(); pids > 0) out.pids = pids;
  return out;
}

SecretSource source_from(const nlohmann::json& json) {
  return {.name = json.at("name").get<std::string>(),
          .source = static_cast<EnvValue::Source>(json.at("source").get<int>()),
          .words = json.at("words").get<std::vector<std::string>>(),
          .ttl = std::chrono::seconds(json.at("ttl").get<std::int64_t>())};
}

}  // namespace

std::optional<ProcessMark> mark_of(pid_t pid) {
  if (pid <= 0) return std::nullopt;
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const auto name_end = text.rfind(')');  // the name before it may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  // The state is field 3, the start field 22 (proc(5)).
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field) fields >> skipped;
  std::uint64_t start = 0;
  if (!(fields >> start)) return std::nullopt;
  return ProcessMark{pid, start};
}

Fd open_process(const ProcessMark& mark) {
  if (mark.pid <= 0) return Fd();
  Fd process(static_cast<int>(::syscall(SYS_pidfd_open, mark.pid, 0)));
  // Looked at after the opening: if the number is the marked process's now, it was it then.
  const auto now = mark_of(mark.pid);
  if (!process || !now || now->start != mark.start) return Fd();
  return process;
}

std::string record_text(const BottleRecord& record) {
  const nlohmann::ordered_json json{{"id", record.id},
                                    {"backend", record.backend},
                                    {"bottle", record.bottle},
                                    {"command", record.command},
                                    {"workspace", record.workspace.string()},
                                    {"audit", record.audit.string()},
                                    {"started", record.started},
                                    {"launcher", mark_json(record.launcher)},
                                    {"keeper", mark_json(record.keeper)},
                                    {"environment_fd", record.environment_fd},
                                    {"group", record.group},
                                    {"process_limits", resources_json(record.process_limits)},
                                    {"proxy", record.proxy},
                                    {"java", record.java},
                                    {"manifest", record.manifest.string()},
                                    {"allow_options", record.allow_options},
                                    {"sources", sources_json(record.sources)},
                                    {"never_there", paths_json(record.never_there)}};
  // Words of a command line may be anything; what is not UTF-8 is shown by a replacement.
  return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<BottleRecord> read_record(std::string_view text) try {
  const auto json = nlohmann::json::parse(text);
  BottleRecord out;
  out.id = json.at("id").get<std::string>();
  out.backend = json.at("backend").get<std::string>();
  out.bottle = json.at("bottle").get<std::string>();
  out.command = json.at("command").get<std::vector<std::string>>();
  out.workspace = json.at("workspace").get<std::string>();
  out.audit = json.at("audit").get<std::string>();
  out.started = json.at("started").get<std::int64_t>();
  out.launcher = mark_from(json.at("launcher"));
  out.keeper = mark_from(json.at("keeper"));
  out.environment_fd = json.at("environment_fd").get<int>();
  out.group = json.at("group").get<std::string>();
  out.process_limits = resources_from(json.at("process_limits"));
  out.proxy = json.at("proxy").get<std::string>();
  out.java = json.at("java").get<bool>();
  out.manifest = json.at("manifest").get<std::string>();
  out.allow_options = json.at("allow_options").get<std::vector<std::string>>();
  for (const auto& one : json.at("sources")) out.sources.push_back(source_from(one));
  // A bottle that an older version started has no such list.
  const auto paths = json.value("never_there", nlohmann::json::array());
  for (const auto& one : paths) out.never_there.emplace_back(one.get<std::string>());
  return out;
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
}

Expected<Registration> Registration::publish(const RuntimeDir& runtime, const Plan& plan) {
  Fd memory(::memfd_create("bottle-environment", MFD_CLOEXEC));
  std::string text;
  for (const auto& [name, value] : plan.environment) {
    const auto* const plain = std::get_if<std::string>(&value);
    text += name + "=";
    text += plain != nullptr ? *plain : std::get<Secret>(value).reveal();
    text += '\0';
  }
  if (!memory || !write_all(memory.get(), text)) {
    return system_error("cannot keep the bottle's environment in memory", errno);
  }
  BottleRecord record;
  record.id = plan.id;
  record.backend = plan.backend;
  record.bottle = plan.bottle;
  for (const auto& word : plan.command) record.command.push_back(masked(word, plan.secrets));
  record.workspace = plan.directory;
  record.audit = plan.audit;
  record.started = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  record.launcher = mark_of(::getpid()).value_or(ProcessMark{});
  record.environment_fd = memory.get();
  record.proxy = "127.0.0.1:" + std::to_string(plan.proxy_port);
  record.java = plan.java;
  record.manifest = plan.manifest;
  record.allow_options = plan.allow_options;
  record.sources = plan.sources;
  record.never_there = absent_at_start(plan.held);
  auto written = runtime.replace(kRecord, record_text(record));
  if (!written) return std::move(written.error());
  return Registration(std::move(record), std::move(memory));
}

Expected<void> Registration::keeper_is(const RuntimeDir& runtime, pid_t pid) {
  record_.keeper = mark_of(pid).value_or(ProcessMark{});
  return runtime.replace(kRecord, record_text(record_));
}

Expected<std::map<std::string, std::string>> environment_of(const BottleRecord& record) {
  const Error gone{ExitCode::kUsage, "bottle " + record.id + " has ended",
                   "bottle list shows those that run"};
  const Fd process = open_process(record.launcher);
  if (!process || record.environment_fd < 0) return gone;
  const std::string path = "/proc/" + std::to_string(record.launcher.pid) + "/fd/" +
                           std::to_string(record.environment_fd);
  // Its own position: the launcher's stands at the end.
  const Fd memory(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!memory) return system_error("cannot read the environment of bottle " + record.id, errno);
  // Still running, so the number was the launcher's when the path was opened.
  pollfd ended{process.get(), POLLIN, 0};
  if (::poll(&ended, 1, 0) != 0) return gone;
  std::string text(kMaxEnvironment, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const auto got = ::read(memory.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    size += static_cast<std::size_t>(got);
  }
  std::map<std::string, std::string> out;
  for (std::size_t at = 0; at < size;) {
    const auto end = text.find('\0', at);
    const std::string pair = text.substr(at, end - at);
    if (const auto equals = pair.find('='); equals != std::string::npos) {
      out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
    }
    at = end + 1;
  }
  return out;
}

Expected<void> Registration::group_is(const RuntimeDir& runtime, const std::string& group,
                                      const ResourceLimits& process_limits) {
  record_.group = group;
  record_.process_limits = process_limits;
  return runtime.replace(kRecord, record_text(record_));
}

std::vector<BottleRecord> living_bottles(const std::filesystem::path& base) {
  std::vector<BottleRecord> out;
  for (const auto& directory : directories_in(base)) {
    if (!is_leased(directory)) continue;
    auto record = record_in(directory);
    // A lease may outlive its launcher by an instant, while the kernel ends the launcher's
    // children.
    if (record && open_process(record->launcher)) out.push_back(std::move(*record));
  }
  std::sort(out.begin(), out.end(), [](const BottleRecord& a, const BottleRecord& b) {
    return std::tie(a.started, a.id) < std::tie(b.started, b.id);
  });
  return out;
}

Expected<BottleRecord> find_bottle(const std::filesystem::path& base, const std::string& id) {
  const auto living = living_bottles(base);
  std::vector<BottleRecord> matches;
  std::string ids;
  for (const auto& record : living) {
    if (record.id == id) return record;
    if (!id.empty() && record.id.starts_with(id)) matches.push_back(record);
    ids += (ids.empty() ? "" : ", ") + record.id;
  }
  if (matches.size() == 1) return matches.front();
  const std::string hint =
      living.empty() ? "no bottle is running; bottle start makes one" : "running: " + ids;
  if (matches.empty()) {
    return Error{ExitCode::kUsage, "no bottle \"" + id + "\" is running", hint};
  }
  return Error{ExitCode::kUsage, "\"" + id + "\" could be more than one bottle", hint};
}

std::size_t reap_bottles(const std::filesystem::path& base,
                         const std::function<bool(const BottleRecord&)>& remove) {
  return reap_left_overs(base, [&remove](const std::filesystem::path& directory) {
    const auto record = record_in(directory);
    return !record || remove(*record);
  });
}

}  // namespace bottle::launcher
