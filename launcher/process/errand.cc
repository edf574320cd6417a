#include "launcher/process/errand.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace bottle::launcher {
namespace {

// The first byte is the kind of the rest.
constexpr char kValue = '+';
constexpr char kFailed = '-';
constexpr char kBetween = '\0';  // the code, the message and the hint

std::string packed(const Expected<std::string>& result) {
  if (result) return kValue + *result;
  const Error& error = result.error();
  return std::string(1, kFailed) + static_cast<char>(error.code) + error.message + kBetween +
         error.hint;
}

}  // namespace

Expected<Errand> Errand::send(const std::function<Expected<std::string>()>& work) {
  auto pipe = make_pipe();
  if (!pipe) return std::move(pipe.error());
  const int write_end = pipe->write.get();
  auto child = fork_child([&work, write_end] {
    return write_all(write_end, packed(work())) ? 0 : static_cast<int>(ExitCode::kSystem);
  });
  if (!child) return std::move(child.error());
  if (::fcntl(pipe->read.get(), F_SETFL, O_NONBLOCK) != 0) {
    return system_error("cannot read from a process", errno);
  }
  return Errand(std::move(*child), std::move(pipe->read));
}

bool Errand::is_over() {
  std::array<char, 16 * 1024> piece{};
  while (!over_) {
    const auto got = ::read(pipe_.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return false;
    over_ = got <= 0 || text_.size() > kMost;
    if (got > 0) text_.append(piece.data(), static_cast<std::size_t>(got));
  }
  return true;
}

Expected<std::string> Errand::result() const {
  if (text_.empty() || text_.size() > kMost) {
    return Error{ExitCode::kSystem, "a process of bottle ended without an answer", ""};
  }
  std::string rest = text_.substr(1);
  if (text_.front() == kValue) return rest;
  const auto between = rest.find(kBetween, 1);
  if (rest.empty() || between == std::string::npos) {
    return Error{ExitCode::kSystem, "a process of bottle ended in the middle of its answer", ""};
  }
  return Error{static_cast<ExitCode>(static_cast<unsigned char>(rest.front())),
               rest.substr(1, between - 1), rest.substr(between + 1)};
}

}  // namespace bottle::launcher
