#include "launcher/command/machine_checks.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "launcher/manifest/trust_env.h"
#include "launcher/plan/plan.h"
#include "launcher/process/command_output.h"
#include "launcher/process/process.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Status = Finding::Status;

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kOldProgram = 15 * 365 * kDay;
constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kSpoolNeeded = 256 * kMiB;  // spool_total_bytes of one worker
constexpr const char* kSpool = "/var/tmp";          // bottle-proxy's --spool-dir
constexpr std::chrono::seconds kProgramLimit{10};

std::string first_line(const std::string& text) {
  return printable(text.substr(0, text.find('\n')));
}

std::string bytes_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Finding proxy_check(const Context& context) {
  Finding out{.name = "bottle-proxy"};
  const auto named = context.around.variable("BOTTLE_PROXY");
  std::optional<std::string> program;
  if (named && !named->empty()) {
    program = find_program(fs::absolute(*named).string(), "");
  } else {
    program = find_program((own_directory() / "bottle-proxy").string(), "");
    if (!program)
      program = find_program("bottle-proxy", context.around.variable("PATH").value_or(""));
  }
  if (!program) {
    out.status = Status::kFailed;
    out.detail = named ? "BOTTLE_PROXY names " + printable(*named) + ", which cannot be run"
                       : "it is neither beside bottle nor in PATH";
    out.hint = named ? "correct or unset BOTTLE_PROXY"
                     : "install it beside the bottle program, or let BOTTLE_PROXY name it";
    return out;
  }
  const auto said = output_of({*program, "--version"}, kProgramLimit);
  const std::string wanted = std::string("bottle-proxy ") + BOTTLE_VERSION;
  out.detail = *program + ", " + first_line(said.text);
  if (said.status != 0) {
    out.status = Status::kFailed;
    out.detail =
        *program + " ends with " + std::to_string(said.status) + ": " + first_line(said.text);
    out.hint = "does this machine have the libraries and CPU instructions that it needs?";
  } else if (first_line(said.text) != wanted) {
    out.status = Status::kFailed;
    out.hint = "bottle is version " BOTTLE_VERSION "; install both of the same version";
  }
  return out;
}

Finding scanner_check(const Context& context) {
  Finding out{.name = "pipelock"};
  const auto named = context.around.variable("PIPELOCK_BIN");
  const auto path = context.around.variable("PATH").value_or("");
  const auto program = find_program(named.value_or("pipelock"), path);
  if (!program && named) {
    out.status = Status::kFailed;
    out.detail = "PIPELOCK_BIN names " + printable(*named) + ", which cannot be run";
    out.hint = "correct or unset PIPELOCK_BIN";
  } else if (!program) {
    out.status = Status::kSkipped;
    out.detail = "there is none in PATH; the guard that is built into bottle-proxy scans instead";
    out.hint = "to use one: PIPELOCK_BIN=FILE, or --pipelock-bin FILE";
  } else {
    const auto said = output_of({*program, "version"}, kProgramLimit);
    out.detail = *program + ", " + first_line(said.text);
    if (said.status != 0) {
      out.status = Status::kFailed;
      out.hint = "does `" + *program + " version` work?";
    }
  }
  return out;
}

Finding roots_of_machine(const Context& context) {
  // As bottle-proxy looks for them.
  const auto named = context.around.variable("SSL_CERT_FILE");
  if (named && !named->empty()) return roots_check(*named, bytes_in(*named));
  std::error_code ec;
  for (const auto file : system_bundle_files()) {
    if (fs::is_regular_file(fs::path(file), ec)) {
      return roots_check(std::string(file), bytes_in(fs::path(file)));
    }
  }
  return roots_check("", "");
}

Finding clock_of_machine() {
  struct stat program{};
  std::int64_t built = 0;
  if (::stat("/proc/self/exe", &program) == 0) built = program.st_mtime;
  timex state{};
  const bool synchronised = ::adjtimex(&state) != TIME_ERROR;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  return clock_check(now, built, synchronised);
}

Finding spool_of_machine() {
  struct statvfs room{};
  const bool there = ::statvfs(kSpool, &room) == 0 && ::access(kSpool, W_OK | X_OK) == 0;
  return spool_check(kSpool, there, there ? room.f_bavail * room.f_frsize : 0);
}

Finding state_check(const Context& context) {
  Finding out{.name = "places for logs and temporary files"};
  const auto state = state_base(context.around);
  if (!state) {
    out.status = Status::kFailed;
    out.detail = state.error().message;
    out.hint = state.error().hint;
    return out;
  }
  const auto runtime = runtime_base(context.around);
  out.detail = state->string() + ", " + runtime.string();
  for (const auto& wanted : {*state, runtime}) {
    std::error_code ec;
    auto at = wanted;
    while (!fs::exists(at, ec) && at != at.root_path()) at = at.parent_path();
    if (::access(at.c_str(), W_OK | X_OK) == 0) continue;
    out.status = Status::kFailed;
    out.detail = at.string() + " cannot be written to";
    out.hint = "set XDG_STATE_HOME and XDG_RUNTIME_DIR to directories of your own";
  }
  return out;
}

// The backend that has to work: the one that was asked for, else any one.
std::vector<Finding> backend_checks(const Context& context) {
  std::optional<std::string> asked = context.around.variable("BOTTLE_BACKEND");
  if (asked && asked->empty()) asked.reset();
  std::vector<std::vector<Finding>> all;
  bool any_works = false;
  for (const auto& entry : context.backends) {
    auto findings = entry.control()->examine(asked == entry.name);
    any_works = any_works || std::none_of(findings.begin(), findings.end(), [](const Finding& f) {
                  return f.status == Status::kFailed || f.status == Status::kWarning;
                });
    all.push_back(std::move(findings));
  }
  std::vector<Finding> out;
  for (auto& findings : all) {
    std::move(findings.begin(), findings.end(), std::back_inserter(out));
  }
  if (!any_works) {
    out.push_back({.name = "a backend",
                   .status = Status::kFailed,
                   .detail = "none of them works on this machine",
                   .hint = "fix one of the lines above"});
  }
  return out;
}

}  // namespace

Finding clock_check(std::int64_t now, std::int64_t program, bool synchronised) {
  Finding out{.name = "clock"};
  const std::string hint = "set it (timedatectl set-ntp true): certificates are valid for a time";
  if (now + kDay < program) {
    out.status = Status::kFailed;
    out.detail = "it is " + duration_words(program - now) + " behind this program's own date";
    out.hint = hint;
  } else if (program > 0 && now > program + kOldProgram) {
    out.status = Status::kFailed;
    out.detail = "it is " + duration_words(now - program) + " after this program's own date";
    out.hint = hint;
  } else if (!synchronised) {
    out.status = Status::kSkipped;
    out.detail = "plausible; the kernel does not know it to be synchronised";
    out.hint = "in a virtual machine or a container that is usual; else: timedatectl set-ntp true";
  } else {
    out.detail = "plausible, and synchronised";
  }
  return out;
}

Finding spool_check(const std::string& directory, bool writable, std::uint64_t free_bytes) {
  Finding out{.name = "disk for large request bodies"};
  const std::string hint = "large uploads wait there while they are scanned; free some space in it";
  if (!writable) {
    out.status = Status::kFailed;
    out.detail = directory + " cannot be written to";
    out.hint = "it has to be a directory that all users can write to (mode 1777)";
    return out;
  }
  out.detail = std::to_string(free_bytes / kMiB) + " MiB free in " + directory;
  if (free_bytes < kSpoolNeeded) {
    out.status = Status::kWarning;
    out.hint = hint;
  }
  return out;
}

Finding parent_check(const HostsParent& host) {
  Finding out{.name = "parent proxy"};
  if (host.variable.empty()) {
    out.detail = "HTTPS_PROXY is not set: hosts are reached directly";
    return out;
  }
  const auto address = ParentAddress::parse(host.url);
  if (!address) {
    out.status = Status::kWarning;
    out.detail = host.variable + ": " + address.error().message;
    out.hint = "bottles cannot use it; " + address.error().hint;
    return out;
  }
  out.status = Status::kSkipped;
  out.detail =
      host.variable + " names " + address->text() + ", and a bottle uses it only if it is told to";
  out.hint = R"(write "parent": {"from_host": true} in the manifest's "egress")";
  // An option has no place for a password.
  if (address->password.empty()) {
    out.hint += ", or start with --parent " + address->text();
  }
  return out;
}

Finding roots_check(const std::string& file, const std::string& content) {
  Finding out{.name = "system's trusted roots"};
  if (file.empty()) {
    out.status = Status::kFailed;
    out.detail = "no bundle of certificates was found";
    out.hint = "install it: apt install ca-certificates; or let SSL_CERT_FILE name one";
    return out;
  }
  constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
  std::size_t count = 0;
  for (auto at = content.find(kBegin); at != std::string::npos;
       at = content.find(kBegin, at + kBegin.size())) {
    ++count;
  }
  out.detail = std::to_string(count) + " in " + printable(file);
  if (count == 0) {
    out.status = Status::kFailed;
    out.detail = printable(file) + " has no certificate, or cannot be read";
    out.hint = "apt install --reinstall ca-certificates; or correct SSL_CERT_FILE";
  }
  return out;
}

std::vector<Finding> machine_checks(const Context& context) {
  auto out = backend_checks(context);
  out.push_back(proxy_check(context));
  out.push_back(scanner_check(context));
  out.push_back(roots_of_machine(context));
  out.push_back(parent_check(parent_of_host(
      [&context](const std::string& name) { return context.around.variable(name); })));
  out.push_back(clock_of_machine());
  out.push_back(spool_of_machine());
  out.push_back(state_check(context));
  return out;
}

}  // namespace bottle::launcher
