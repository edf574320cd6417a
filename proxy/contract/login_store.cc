#include "proxy/contract/login_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>
#include <utility>

namespace bottle {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kMaxFile = 256 * 1024;

Error problem(const std::string& what, int number) {
  return Error{ExitCode::kFiles, what + ": " + std::strerror(number), ""};
}

Error unusable(const fs::path& file, const std::string& why) {
  return Error{ExitCode::kFiles, "the login in " + file.string() + " cannot be used: " + why,
               "log in again: bottle login"};
}

Expected<void> make_directory(const fs::path& directory) {
  std::error_code ec;
  fs::create_directories(directory.parent_path(), ec);
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return problem("cannot make " + directory.string(), errno);
  }
  struct stat info{};
  const bool ours = ::lstat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
                    info.st_uid == ::getuid() && (info.st_mode & 077) == 0;
  if (ours) return {};
  return Error{ExitCode::kFiles, directory.string() + " is not a directory that only you can read",
               "chmod 700 it, or remove it"};
}

bool put_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

std::optional<StoredLogin> login_of(const std::string& text) {
  const Json tree = Json::parse(text, nullptr, false);
  if (!tree.is_object() || !tree.contains("file") || !tree["file"].is_object()) {
    return std::nullopt;
  }
  StoredLogin login;
  for (const auto& [key, texts] :
       {std::pair{"tokens", &login.tokens}, std::pair{"placeholders", &login.placeholders}}) {
    if (!tree.contains(key) || !tree[key].is_object()) return std::nullopt;
    for (const auto& [name, value] : tree[key].items()) {
      if (!value.is_string()) return std::nullopt;
      texts->emplace(name, value.get<std::string>());
    }
  }
  if (const auto at = tree.find("refreshed_ms"); at != tree.end() && at->is_number_integer()) {
    login.refreshed_ms = at->get<std::int64_t>();
  }
  if (const auto at = tree.find("expires_in"); at != tree.end() && at->is_number_integer()) {
    login.expires_in = at->get<std::int64_t>();
  }
  login.client_file = tree["file"].dump();
  return login;
}

}  // namespace

bool LoginStore::exists() const {
  struct stat info{};
  return ::lstat(file().c_str(), &info) == 0;
}

Expected<StoredLogin> LoginStore::read() const {
  const fs::path path = file();
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) {
    if (errno == ENOENT) return unusable(path, "there is none");
    return unusable(path, std::strerror(errno));
  }
  struct stat info{};
  const bool ours = ::fstat(fd.get(), &info) == 0 && S_ISREG(info.st_mode) &&
                    info.st_uid == ::getuid() && (info.st_mode & 077) == 0;
  if (!ours) return unusable(path, "it is not a file that only you can read");
  std::string text(kMaxFile + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unusable(path, std::strerror(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  auto login = size > kMaxFile ? std::nullopt : login_of(text);
  ::explicit_bzero(text.data(), text.size());
  if (!login) return unusable(path, "it is not what bottle wrote");
  return std::move(*login);
}

Expected<void> LoginStore::write(const StoredLogin& login) const {
  if (auto made = make_directory(directory_); !made) return made;
  Json tree;
  tree["tokens"] = login.tokens;
  tree["placeholders"] = login.placeholders;
  tree["refreshed_ms"] = login.refreshed_ms;
  if (login.expires_in) tree["expires_in"] = *login.expires_in;
  tree["file"] = Json::parse(login.client_file, nullptr, false);
  std::string text = tree.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  std::string fresh = (directory_ / ".login-XXXXXX").string();
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));  // mode 0600
  const bool written = fd && put_all(fd.get(), text) && ::fsync(fd.get()) == 0;
  const bool there = written && ::rename(fresh.c_str(), file().c_str()) == 0;
  const int number = errno;
  ::explicit_bzero(text.data(), text.size());
  if (!there) {
    if (fd) ::unlink(fresh.c_str());
    return problem("cannot write " + file().string(), number);
  }
  const Fd entry(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!entry || ::fsync(entry.get()) != 0) {
    return problem("cannot write " + directory_.string(), errno);
  }
  return {};
}

Expected<bool> LoginStore::remove() const {
  if (::unlink(file().c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return problem("cannot remove " + file().string(), errno);
}

Expected<std::optional<Fd>> LoginStore::try_lock() const {
  if (auto made = make_directory(directory_); !made) return made.error();
  const fs::path path = directory_ / "lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return problem("cannot make " + path.string(), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return std::optional<Fd>(std::move(fd));
  if (errno == EWOULDBLOCK || errno == EINTR) return std::optional<Fd>();
  return problem("cannot lock " + path.string(), errno);
}

LoginStore::Stamp LoginStore::stamp() const {
  struct stat info{};
  if (::lstat(file().c_str(), &info) != 0) return {};
  constexpr std::int64_t kSecond = 1'000'000'000;
  return Stamp{.inode = info.st_ino,
               .size = info.st_size,
               .changed_ns = info.st_ctim.tv_sec * kSecond + info.st_ctim.tv_nsec};
}

}  // namespace bottle
