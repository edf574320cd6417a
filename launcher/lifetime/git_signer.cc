#include "launcher/lifetime/git_signer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>
#include <vector>

#include "launcher/lifetime/git_object.h"
#include "launcher/plan/git_sign.h"
#include "launcher/plan/small_file.h"
#include "launcher/process/command_output.h"
#include "launcher/process/plain_text.h"
#include "proxy/contract/control_client.h"

namespace bottle::launcher {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr int kWaiting = 16;                      // clients; further ones are refused by the kernel
constexpr std::chrono::seconds kClientLimit{10};  // to say an object, or to take an answer
constexpr std::chrono::seconds kBetweenNotices{2};
constexpr std::size_t kMostTold = 10;  // lines of the report

Error cannot(const std::string& why, const std::string& hint = {}) {
  return Error{ExitCode::kSystem, why, hint};
}

// Desktops read some of it as HTML.
std::string markup_of(std::string_view words) {
  std::string out;
  for (const char c : words) {
    if (c == '<') {
      out += "&lt;";
    } else if (c == '&') {
      out += "&amp;";
    } else {
      out += c;
    }
  }
  return out;
}

bool ready(int fd, short events, Clock::time_point until) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
  pollfd one{fd, events, 0};
  return left > 0 && ::poll(&one, 1, static_cast<int>(left)) == 1;
}

// All that the client says. Its own end of the connection ends it.
Expected<std::string> read_object(const Fd& client) {
  const auto until = Clock::now() + kClientLimit;
  std::string out;
  std::array<char, 16 * 1024> piece{};
  while (ready(client.get(), POLLIN, until)) {
    const auto got = ::recv(client.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return cannot("the connection broke");
    if (got == 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(got));
    if (out.size() > kMaxGitObject) return cannot("it is larger than 1 MiB");
  }
  return cannot("it did not come within 10 s");
}

void say(const Fd& client, std::string_view text) {
  const auto until = Clock::now() + kClientLimit;
  while (!text.empty() && ready(client.get(), POLLOUT, until)) {
    const auto sent = ::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EINTR && errno != EAGAIN) return;
    if (sent > 0) text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

// Removes the files of one signature.
class WorkFiles {
 public:
  explicit WorkFiles(const fs::path& folder)
      : object(folder / "object"), key(folder / "key.pub"), signature(folder / "object.sig") {}
  WorkFiles(const WorkFiles&) = delete;
  WorkFiles& operator=(const WorkFiles&) = delete;
  ~WorkFiles() {
    for (const auto& file : {object, key, signature}) ::unlink(file.c_str());
  }
  const fs::path object;
  const fs::path key;
  const fs::path signature;
};

bool write_file(const fs::path& file, std::string_view text) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  return fd && write_all(fd.get(), text);
}

std::vector<std::string> command_of(const SignPlan& plan, const WorkFiles& files) {
  if (!plan.ssh) {
    return {
        plan.program,         "--yes", "-bsa", "-u", plan.key, "-o", files.signature.string(), "--",
        files.object.string()};
  }
  std::vector<std::string> out{plan.program, "-Y", "sign", "-n", "git", "-f"};
  if (plan.public_key.empty()) {
    out.push_back(plan.key);
  } else {
    out.insert(out.end(), {files.key.string(), "-U"});
  }
  out.push_back(files.object.string());
  return out;
}

// False: it cannot be written, or is full.
bool add_to_list(const fs::path& file, const nlohmann::ordered_json& line) {
  const Fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info{};
  if (!fd || ::fstat(fd.get(), &info) != 0) return false;
  if (static_cast<std::size_t>(info.st_size) > kMaxSignatureLog) return false;
  return write_all(fd.get(),
                   line.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n");
}

// The agent chooses how long a text is, and the list has an end.
std::string listed(const std::string& text) { return text.substr(0, kMaxListedText); }

nlohmann::ordered_json line_of(const GitObject& object) {
  nlohmann::ordered_json out{{"at", static_cast<std::int64_t>(::time(nullptr))}};
  const bool commit = object.kind == GitObject::Kind::kCommit;
  out["object"] = commit ? "commit" : "tag";
  out[commit ? "tree" : "of"] = object.id;
  if (commit) out["parents"] = object.parents;
  if (commit) out["author"] = listed(object.author);
  if (!commit) out["tag"] = listed(object.name);
  out[commit ? "committer" : "tagger"] = listed(object.person);
  out["subject"] = listed(object.subject);
  return out;
}

}  // namespace

Expected<std::string> signature_of(const SignPlan& plan, std::string_view object,
                                   const fs::path& work, std::chrono::milliseconds limit) {
  const WorkFiles files(work);
  if (!write_file(files.object, object) ||
      (!plan.public_key.empty() && !write_file(files.key, plan.public_key + "\n"))) {
    return cannot("a file for it cannot be written");
  }
  // gpg-agent would ask for a passphrase there, and that terminal is the agent's screen.
  const auto said = output_of(command_of(plan, files), limit, {"GPG_TTY="});
  if (said.timed_out) {
    return cannot(plan.program + " did not end within " +
                  std::to_string(std::chrono::duration_cast<std::chrono::seconds>(limit).count()) +
                  " s");
  }
  auto signature = small_file(files.signature, kMaxSignature);
  if (said.status == 0 && signature && !signature->empty()) return std::move(*signature);
  return cannot(plan.program + " ended with status " + std::to_string(said.status) + ": " +
                last_line(said.text) +
                (plan.ssh ? " (a key with a passphrase must be in your ssh-agent)" : ""));
}

Expected<GitSigner> GitSigner::open(const Plan& plan, const RuntimeDir& runtime, fs::path state) {
  const auto shared = runtime.path() / kSignName;
  const auto work = runtime.path() / "signing";
  if (::mkdir(shared.c_str(), 0755) != 0 || ::mkdir(work.c_str(), 0700) != 0) {
    return system_error("cannot make " + shared.string(), errno);
  }
  const auto file = shared / kSignSocket;
  // The agent of a container may be another user. Only the bottle reaches the directory otherwise.
  const auto address = UnixPath::of(file.string());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || !address || ::bind(socket.get(), address->address(), UnixPath::size()) != 0 ||
      ::chmod(file.c_str(), 0666) != 0 || ::listen(socket.get(), kWaiting) != 0) {
    return system_error("cannot listen at " + file.string(), errno);
  }
  GitSigner out(*plan.git.sign, std::move(socket), work, std::move(state),
                !plan.quiet && ::isatty(STDERR_FILENO) == 0);
  if (!plan.quiet) out.desktop_.emplace();
  return out;
}

Expected<void> GitSigner::start() {
  auto child = fork_child([this]() -> int {
    ::setsid();  // a program that asks for a passphrase must not ask at the agent's terminal
    serve();
  });
  if (!child) return std::move(child.error());
  child_ = std::move(*child);
  socket_.reset();  // nothing would answer there if the process ended
  return {};
}

void GitSigner::serve() {
  for (;;) {
    const Fd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client) {
      answer(client);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      ::_exit(1);
    }
  }
}

void GitSigner::answer(const Fd& client) {
  const auto refuse = [&client](const Error& why) {
    say(client, std::string(kRefused) + why.message);
  };
  const auto text = read_object(client);
  if (!text) return refuse(text.error());
  const auto object = read_git_object(*text);
  if (!object) return refuse(object.error());
  auto line = line_of(*object);
  // Before it is signed: there is no signature that no list has.
  line["result"] = "asked";
  if (!add_to_list(state_ / kSignatureLog, line)) {
    return refuse(cannot("the list of signatures cannot be written, or is full: " +
                         (state_ / kSignatureLog).string()));
  }
  const auto signature = signature_of(plan_, *text, work_);
  line["result"] = signature ? "signed" : "failed";
  if (!signature) line["why"] = signature.error().message;
  const bool in_list = add_to_list(state_ / kSignatureLog, line);
  if (!signature) {
    refuse(signature.error());
  } else if (!in_list) {
    refuse(cannot("the list of signatures cannot be written"));
  } else {
    say(client, std::string(kSigned) + *signature);
  }
  ::shutdown(client.get(), SHUT_WR);  // git need not wait for what follows
  tell((signature ? "signed " : "could not sign ") + words_of(*object));
}

void GitSigner::tell(const std::string& words) {
  if (tells_) std::cerr << "bottle: " + words + "\n" << std::flush;
  const auto now = Clock::now();
  // A rebase signs hundreds; the list has them all.
  if (!desktop_ || now - notified_ < kBetweenNotices) return;
  desktop_->show("bottle", markup_of(words));
  notified_ = now;
}

std::string GitSigner::report() const {
  const auto file = state_ / kSignatureLog;
  std::ifstream in(file, std::ios::binary);
  std::size_t count = 0;
  std::size_t failed = 0;
  std::vector<std::string> shown;
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    const auto text = [&json](const char* key) { return json.value(key, std::string()); };
    const auto result = text("result");
    if (result == "failed") ++failed;
    if (result != "signed" || ++count > kMostTold) continue;
    const bool commit = text("object") == "commit";
    shown.push_back("bottle:   " +
                    words_of({.kind = commit ? GitObject::Kind::kCommit : GitObject::Kind::kTag,
                              .id = text(commit ? "tree" : "of"),
                              .name = text("tag"),
                              .author = text("author"),
                              .person = text(commit ? "committer" : "tagger"),
                              .subject = text("subject")}) +
                    "\n");
  }
  if (count == 0 && failed == 0) return {};
  std::string out = "bottle: signed with your key: " + std::to_string(count) +
                    (failed > 0 ? ", and " + std::to_string(failed) + " could not be" : "") +
                    "; the list is " + file.string() + "\n";
  for (const auto& line : shown) out += line;
  if (count > kMostTold) {
    out += "bottle:   and " + std::to_string(count - kMostTold) + " more\n";
  }
  return out;
}

}  // namespace bottle::launcher
