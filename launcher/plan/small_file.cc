#include "launcher/plan/small_file.h"

#include <fcntl.h>

#include <system_error>

#include "launcher/process/regular_file.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

namespace fs = std::filesystem;

std::optional<std::string> small_file(const fs::path& file, std::size_t most) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return std::nullopt;
  auto text = regular_text(fd.get(), most);
  if (!text) return std::nullopt;
  return std::move(*text);
}

fs::path path_in(const fs::path& file, std::string_view before) {
  constexpr std::size_t kMaxLink = 4096 + 16;  // "gitdir: " and a path
  auto text = small_file(file, kMaxLink);
  if (!text || !text->starts_with(before)) return {};
  text->erase(0, before.size());
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty() || text->find_first_of(std::string_view("\0\n", 2)) != std::string::npos) {
    return {};
  }
  return file.parent_path() / *text;
}

fs::path real_path(const fs::path& path) {
  std::error_code ec;
  auto out = fs::canonical(path, ec);
  return ec ? fs::path() : out;
}

fs::file_type type_of(const fs::path& path) {
  std::error_code ec;
  return fs::symlink_status(path, ec).type();
}
bool is_there(const fs::path& path) { return type_of(path) != fs::file_type::not_found; }
bool is_folder(const fs::path& path) { return type_of(path) == fs::file_type::directory; }
bool is_file(const fs::path& path) { return type_of(path) == fs::file_type::regular; }

}  // namespace bottle::launcher
