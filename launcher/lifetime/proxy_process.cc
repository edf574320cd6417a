#include "launcher/lifetime/proxy_process.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "launcher/plan/user_key.h"
#include "launcher/process/log_tail.h"
#include "proxy/contract/control_words.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle::launcher {
namespace {

constexpr std::chrono::seconds kReadyLimit{30};  // reads the roots, makes the CA; slow disks exist
constexpr std::chrono::seconds kSecretsLimit{10};
constexpr std::chrono::seconds kEndLimit{1};     // its output is closed, so it is about to end
constexpr int kFirstNumber = 3;                  // of the descriptors that it is handed
constexpr std::chrono::seconds kCheckLimit{10};  // a look-up and a connection that take 5 s each
constexpr std::size_t kMostSaid = 4096;          // it says a few lines
constexpr std::string_view kProgramMark = "bottle-proxy: ";

// The variables that the proxy needs of the caller's environment: where the caller's own trust is,
// and where temporary files may go. Nothing else; the sanitizers' options are for builds that have
// them.
std::vector<std::string> proxy_environment() {
  std::vector<std::string> env{"LANG=C.UTF-8", "PATH=/usr/bin:/bin"};
  for (const char* name : {"SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "ASAN_OPTIONS",
                           "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name); value != nullptr) {
      env.push_back(std::string(name) + "=" + value);
    }
  }
  return env;
}

// The launcher's own status for one of bottle-proxy's: its options and its files are for the caller
// to mend, everything else is its own failure.
ExitCode code_of_proxy(int status) {
  if (status == to_status(ExitCode::kUsage)) return ExitCode::kUsage;
  if (status == to_status(ExitCode::kFiles)) return ExitCode::kSystem;
  return ExitCode::kProxy;
}

struct Said {
  int status = -1;
  std::string text{};  // standard error, without the program's name
};

// Runs bottle-proxy for an answer that takes no longer than kCheckLimit.
Expected<Said> ask_program(const std::vector<std::string>& words) {
  auto output = make_pipe();
  if (!output) return std::move(output.error());
  const Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const Launch launch{.argv = words,
                      .env = proxy_environment(),
                      .fds = {{nothing.get(), 0}, {nothing.get(), 1}, {output->write.get(), 2}}};
  auto child = spawn(launch, ExitCode::kProxy);
  if (!child) return std::move(child.error());
  output->write.reset();

  const auto until = std::chrono::steady_clock::now() + kCheckLimit;
  Said said;
  std::array<char, 512> chunk{};
  while (said.text.size() < kMostSaid && std::chrono::steady_clock::now() < until) {
    pollfd fds{output->read.get(), POLLIN, 0};
    if (::poll(&fds, 1, 100) <= 0) continue;
    const auto got = ::read(output->read.get(), chunk.data(), chunk.size());
    if (got <= 0) break;
    said.text.append(chunk.data(), static_cast<std::size_t>(got));
  }
  if (!child->wait(kEndLimit)) {
    return Error{ExitCode::kProxy, words[0] + " " + words[1] + " did not end", ""};
  }
  said.status = child->exit_status();
  if (said.text.starts_with(kProgramMark)) said.text.erase(0, kProgramMark.size());
  while (said.text.ends_with('\n')) said.text.pop_back();
  return said;
}

std::vector<std::string> notes_in(const std::string& text) {
  std::vector<std::string> notes;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(kProgramMark)) line.erase(0, kProgramMark.size());
    if (line.starts_with(kNoteMark)) notes.push_back(line.substr(kNoteMark.size()));
  }
  return notes;
}

}  // namespace

Expected<std::vector<std::string>> check_with_proxy(const Plan& plan) {
  if (plan.proxy.here.empty()) return std::vector<std::string>();
  std::vector<std::string> words{plan.proxy.here, kCheckConfig};
  words.insert(words.end(), plan.proxy.arguments.begin(), plan.proxy.arguments.end());
  // These words replace the sockets of a start.
  words.insert(words.end(), {proxy_flag::kControl, std::string(kUnixWord) + kControlName});
  if (plan.pipelock_url) words.insert(words.end(), {proxy_flag::kPipelock, *plan.pipelock_url});
  if (plan.pipelock) {
    words.insert(words.end(),
                 {proxy_flag::kPipelock, "http://127.0.0.1:8888", proxy_flag::kExitListen,
                  "127.0.0.1:0", proxy_flag::kExitNames, "127.0.0.1:0"});
  }
  const auto said = ask_program(words);
  if (!said) return said.error();
  if (said->status == 0) return notes_in(said->text);
  return Error{code_of_proxy(said->status), "bottle-proxy does not accept this: " + said->text, ""};
}

Expected<void> check_pipelock(const Plan& plan) {
  if (!plan.pipelock_url || plan.proxy.here.empty()) return {};
  const auto said = ask_program({plan.proxy.here, kHealthcheck, *plan.pipelock_url + "/health"});
  if (!said) return said.error();
  if (said->status == 0) return {};
  return Error{ExitCode::kScanner, "no pipelock answers: " + said->text,
               "start it, name another with --pipelock, or let bottle start one (--pipelock-bin "
               "FILE)"};
}

Expected<void> hand_over(const Fd& pipe, const std::string& data) {
  ::fcntl(pipe.get(), F_SETFL, O_NONBLOCK);
  std::string_view rest = data;
  const auto until = std::chrono::steady_clock::now() + kSecretsLimit;
  while (!rest.empty()) {
    const auto put = ::write(pipe.get(), rest.data(), rest.size());
    if (put > 0) {
      rest.remove_prefix(static_cast<std::size_t>(put));
      continue;
    }
    if (errno == EPIPE) return {};  // it ended: waiting for its ready line tells why
    pollfd fds{pipe.get(), POLLOUT, 0};
    ::poll(&fds, 1, 100);
    if (std::chrono::steady_clock::now() >= until) {
      return Error{ExitCode::kProxy, "bottle-proxy does not read the secrets it should guard", ""};
    }
  }
  return {};
}

Expected<std::string> fingerprint_in(const std::string& line) {
  auto fingerprint = fingerprint_in_ready_line(line);
  if (!fingerprint) {
    return Error{ExitCode::kProxy, "bottle-proxy said something unexpected instead of being ready",
                 "is the bottle-proxy beside bottle of the same version?"};
  }
  return std::move(*fingerprint);
}

bool lost_audit_lines(Child& proxy) {
  return proxy.ended() && proxy.exit_status() == to_status(ExitCode::kFiles);
}

void explain_proxy_end(Child& child, const std::filesystem::path& log, Error& error) {
  if (child.wait(kEndLimit)) {
    error.code = code_of_proxy(child.exit_status());
    if (error.code != ExitCode::kProxy) error.message = "bottle-proxy does not start:";
  }
  error.message += log_tail(log);
}

namespace {

// A kept-out value is printable ASCII. It goes straight into text that is overwritten when it is
// freed, and not through the serializer's own buffers.
std::string kept_out_line(const KnownSecret& secret, const Secret& placeholder) {
  std::string quoted;
  quoted.reserve(2 * secret.value.size());
  for (const char c : secret.value.reveal()) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  const nlohmann::json rest{{"name", secret.name},
                            {"hosts", secret.hosts},
                            {"placeholder", placeholder.reveal()},
                            {"in", secret.in}};
  return "{\"value\":\"" + quoted + "\"," + rest.dump().substr(1) + "\n";
}

}  // namespace

std::string secret_lines(const std::vector<KnownSecret>& secrets, const FingerprintKey& key) {
  std::string out = nlohmann::json{{kFingerprintKey, to_hex(key)}}.dump() + "\n";
  for (const auto& secret : secrets) {
    if (secret.placeholder) {
      out += kept_out_line(secret, *secret.placeholder);
      continue;
    }
    const nlohmann::json line{
        {"name", secret.name}, {"value", secret.value.reveal()}, {"hosts", secret.hosts}};
    // A value that is not UTF-8 still gets through, with replacement characters in its place.
    out += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return out;
}

std::string login_line(const LoginSpec& login) {
  nlohmann::json line;
  line[kLoginLine] = login.name;
  line["directory"] = login.store.directory().string();
  line["hosts"] = login.hosts;
  line["token_url"] = "https://" + login.token_host + login.token_path;
  line["placeholders"] = login.placeholders;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Expected<std::string> secret_lines(const Plan& plan) {
  const auto key = user_key(plan.state_base, kFingerprintKeyFile);
  if (!key) return key.error();
  std::string out = secret_lines(plan.secrets, *key);
  if (plan.parent) out += plan.parent->secret_line();
  for (const PlannedLogin& login : plan.logins) out += login_line(login.spec);
  return out;
}

Expected<RunningProxy> start_proxy(const Plan& plan, const ProxyFiles& files,
                                   const std::vector<HandedSocket>& sockets,
                                   const std::string& pipelock_url, SignalWatch& signals) {
  auto output = make_pipe();
  if (!output) return std::move(output.error());
  auto secrets = make_pipe();
  if (!secrets) return std::move(secrets.error());
  const Fd log(::open(files.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!log || !nothing) return system_error("cannot write " + files.log.string(), errno);

  Launch launch;
  launch.argv = {plan.proxy.here};
  launch.argv.insert(launch.argv.end(), plan.proxy.arguments.begin(), plan.proxy.arguments.end());
  const auto option = [&launch](const std::string& name, const std::string& value) {
    launch.argv.push_back(name);
    launch.argv.push_back(value);
  };
  option(proxy_flag::kCaOut, files.ca.string());
  option(proxy_flag::kBundleOut, files.bundle.string());
  option(proxy_flag::kControl, kUnixWord + files.control.string());
  if (!pipelock_url.empty()) option(proxy_flag::kPipelock, pipelock_url);
  launch.env = proxy_environment();
  launch.fds = {{nothing.get(), 0}, {output->write.get(), 1}, {log.get(), 2}};
  int number = kFirstNumber;
  const auto hand = [&launch, &option, &number](const std::string& name, int fd) {
    option(name, fd_word(number));
    launch.fds.emplace_back(fd, number++);
  };
  for (const auto& socket : sockets) hand(socket.option, socket.fd);
  hand(proxy_flag::kSecrets, secrets->read.get());
  auto child = spawn(launch, ExitCode::kProxy);
  if (!child) return std::move(child.error());
  output->write.reset();
  secrets->read.reset();
  // Not before: a child has a copy of all memory but the secrets' own.
  const auto lines = secret_lines(plan);
  if (!lines) return lines.error();
  auto handed = hand_over(secrets->write, *lines);
  if (!handed) return std::move(handed.error());
  secrets->write.reset();

  auto line =
      await_line(output->read.get(), signals, kReadyLimit, "bottle-proxy", ExitCode::kProxy);
  auto fingerprint = line ? fingerprint_in(*line) : Expected<std::string>(std::move(line.error()));
  if (!fingerprint) {
    if (fingerprint.error().code == ExitCode::kProxy) {
      explain_proxy_end(*child, files.log, fingerprint.error());
    }
    return std::move(fingerprint.error());
  }
  return RunningProxy{std::move(*child), std::move(*fingerprint), std::move(output->read)};
}

}  // namespace bottle::launcher
