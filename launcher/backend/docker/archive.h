#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace bottle::launcher::docker {

// tar archives (POSIX.1-2001 ustar), which is what `docker cp` takes and gives: files reach a
// container, and come out of one, without being shared with the engine's machine.

struct Owner {
  unsigned uid = 0;
  unsigned gid = 0;
};

class Archive {
 public:
  // Names are relative and at most 100 bytes; all that the launcher writes are.
  void directory(std::string_view name, unsigned mode, Owner owner = {});
  void file(std::string_view name, unsigned mode, std::string_view content, Owner owner = {});
  // The archive with its end. Nothing may be added after.
  std::string finish();

 private:
  void header(std::string_view name, unsigned mode, Owner owner, std::size_t size, char type);
  std::string bytes_;
};

// The content of the regular file whose name in `archive` is `path` (no leading slash, at most 100
// bytes). nullopt: there is none, or the archive is damaged before it.
std::optional<std::string> file_at(std::string_view archive, std::string_view path);
// Whether anything has that name: a file, a link, a directory.
bool has_entry(std::string_view archive, std::string_view path);

}  // namespace bottle::launcher::docker
