#include "launcher/lifetime/sign_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string_view>

#include "launcher/lifetime/git_object.h"
#include "launcher/lifetime/git_signer.h"
#include "launcher/plan/git_sign.h"
#include "launcher/process/command_output.h"
#include "launcher/process/process.h"
#include "proxy/contract/control_client.h"

namespace bottle::launcher {
namespace {

int complain(const std::string& why) {
  std::cerr << "bottle: this cannot be signed: " << why << "\n" << std::flush;
  return 1;
}

// To the end. nullopt: it is longer, or cannot be read.
std::optional<std::string> all_of(int fd, std::size_t most) {
  std::string out;
  std::array<char, 16 * 1024> piece{};
  for (;;) {
    const auto got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) return out;
    out.append(piece.data(), static_cast<std::size_t>(got));
    if (out.size() > most) return std::nullopt;
  }
}

// The whole answer of the launcher's signer.
std::optional<std::string> asked(std::string_view object) {
  const std::string path = std::string(kSignDirectory) + "/" + std::string(kSignSocket);
  const auto address = UnixPath::of(path);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket || !address || ::connect(socket.get(), address->address(), UnixPath::size()) != 0 ||
      !write_all(socket.get(), object) || ::shutdown(socket.get(), SHUT_WR) != 0) {
    return std::nullopt;
  }
  // The signer's waits have limits, and its end is the end of this.
  return all_of(socket.get(), kMaxSignature + kSigned.size());
}

// Signs `object`; `take` gets the signature and returns whether it could be written.
template <class Take>
int sign(const std::optional<std::string>& object, Take take) {
  if (!object) return complain("it cannot be read, or is larger than 1 MiB");
  const auto answer = asked(*object);
  if (!answer || answer->empty()) return complain("the launcher's signer does not answer");
  if (!answer->starts_with(kSigned)) {
    return complain(answer->starts_with(kRefused) ? answer->substr(kRefused.size()) : *answer);
  }
  return take(answer->substr(kSigned.size())) ? 0 : complain("the signature cannot be written");
}

int sign_like_ssh_keygen(const std::filesystem::path& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  return sign(fd ? all_of(fd.get(), kMaxGitObject) : std::nullopt,
              [&file](const std::string& signature) {
                const Fd out(::open((file.string() + ".sig").c_str(),
                                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
                return out && write_all(out.get(), signature);
              });
}

int sign_like_gpg() {
  return sign(all_of(STDIN_FILENO, kMaxGitObject), [](const std::string& signature) {
    // git looks for this word of gpg's.
    return write_all(STDOUT_FILENO, signature) &&
           write_all(STDERR_FILENO, "[GNUPG:] SIG_CREATED \n");
  });
}

int pass_on(const std::string& program, const std::vector<std::string>& words) {
  const char* const path = std::getenv("PATH");
  const auto found = find_program(program, path == nullptr ? "/usr/bin:/bin" : path);
  if (!found) {
    std::cerr << "bottle: " << program << " is not in the bottle\n" << std::flush;
    return 127;
  }
  Launch launch{.argv = {*found}, .env = environment_with(), .fds = {{0, 0}, {1, 1}, {2, 2}}};
  launch.argv.insert(launch.argv.end(), words.begin(), words.end());
  exec_now(launch);
  return 126;
}

}  // namespace

int sign_client_main(const std::vector<std::string>& words) {
  const bool ssh = words.size() > 1 && words[0] == "-Y";
  if (ssh && words[1] == "sign") return sign_like_ssh_keygen(words.back());
  if (ssh) return pass_on("ssh-keygen", words);
  const bool signs = std::any_of(words.begin(), words.end(),
                                 [](const std::string& word) { return word == "-bsau"; });
  return signs ? sign_like_gpg() : pass_on("gpg", words);
}

}  // namespace bottle::launcher
