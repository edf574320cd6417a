#include "launcher/process/asked_program.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "launcher/process/command_output.h"
#include "launcher/process/plain_text.h"

namespace bottle::launcher {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kMostErrors = 1024;  // the end of its standard error
constexpr std::size_t kMostWord = 64;
constexpr milliseconds kLook{20};  // its output has ended, so it is about to

constexpr std::string_view kSpace = " \t\r\n";

std::string first_word(std::string_view text) {
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  return printable(text.substr(0, text.find_first_of(kSpace)), kMostWord);
}

// Reads the bytes that are there; closes `from` at its end.
void take(Fd& from, std::string& into) {
  std::array<char, 4096> piece{};
  while (from) {
    const auto got = ::read(from.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return from.reset();
    into.append(piece.data(), static_cast<std::size_t>(got));
    if (into.size() > AskedProgram::kMostOutput) return;
  }
}

Error no_answer(std::string why, const std::string& complained) {
  if (const std::string line = last_line(complained); !line.empty()) why += ": " + line;
  return Error{ExitCode::kEnvironment, std::move(why), ""};
}

}  // namespace

Expected<AskedProgram> AskedProgram::start(const std::vector<std::string>& words,
                                           const std::string& input, milliseconds limit) {
  const char* const path = std::getenv("PATH");
  const auto program = find_program(words.front(), path == nullptr ? "" : path);
  if (!program) return no_answer(printable(words.front(), 200) + " is not on this machine", "");
  auto output = make_pipe();
  auto errors = make_pipe();
  auto questions = make_pipe();
  if (!output || !errors || !questions) return system_error("cannot run " + *program, errno);
  // It fits in the pipe, so a program that does not read it holds nothing up.
  ::fcntl(questions->write.get(), F_SETFL, O_NONBLOCK);
  if (!write_all(questions->write.get(), input)) return no_answer("the question is too long", "");
  Launch launch{
      .argv = words,
      .env = environment_with(),
      .fds = {{questions->read.get(), 0}, {output->write.get(), 1}, {errors->write.get(), 2}}};
  launch.argv.front() = *program;
  auto child = spawn(launch, ExitCode::kEnvironment);
  if (!child) return std::move(child.error());
  for (const Fd* const end : {&output->read, &errors->read}) {
    ::fcntl(end->get(), F_SETFL, O_NONBLOCK);
  }
  return AskedProgram(std::move(*child), std::move(output->read), std::move(errors->read),
                      Clock::now() + limit);
}

AskedProgram::~AskedProgram() { kill_all(); }

// It leads a session: the programs that it started go, too.
void AskedProgram::kill_all() {
  if (child_.pid() <= 0) return;
  ::kill(-child_.pid(), SIGKILL);
}

milliseconds AskedProgram::patience() const {
  if (!output_) return kLook;
  const auto left = std::chrono::ceil<milliseconds>(until_ - Clock::now());
  return std::max(left, milliseconds(0));
}

bool AskedProgram::advance() {
  take(output_, said_);
  take(errors_, complained_);
  if (complained_.size() > kMostErrors) complained_.erase(0, complained_.size() - kMostErrors);
  too_much_ = said_.size() > kMostOutput;
  if (!output_ && child_.ended()) return true;
  late_ = Clock::now() >= until_;
  if (!late_ && !too_much_) return false;
  kill_all();
  return true;
}

Expected<std::string> AskedProgram::word() {
  if (too_much_) return no_answer("it printed more than 4096 bytes", complained_);
  if (late_) return no_answer("it did not end in time", complained_);
  if (child_.exit_status() != 0) {
    return no_answer("it ended with status " + std::to_string(child_.exit_status()), complained_);
  }
  std::string word = first_word(said_);
  if (word.empty()) return no_answer("it printed nothing", complained_);
  return word;
}

}  // namespace bottle::launcher
