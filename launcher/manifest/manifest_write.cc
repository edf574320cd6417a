#include "launcher/manifest/manifest_write.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "launcher/process/process.h"
#include "proxy/contract/fd.h"

namespace bottle::launcher {

Expected<std::string> manifest_text(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    return Error{ExitCode::kManifest, "cannot read the manifest " + file.string(),
                 "name another file with --manifest"};
  }
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

Expected<void> replace_manifest(const std::filesystem::path& file, const std::string& text) {
  const auto failed = [&file](int problem) {
    return system_error("cannot write " + file.string(), problem, "is the folder yours?",
                        ExitCode::kManifest);
  };
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0 || ::access(file.c_str(), W_OK) != 0) return failed(errno);
  std::string fresh = file.string() + ".XXXXXX";
  const Fd fd(::mkostemp(fresh.data(), O_CLOEXEC));
  if (!fd) return failed(errno);
  const bool done = ::fchmod(fd.get(), info.st_mode & 07777) == 0 && write_all(fd.get(), text) &&
                    ::fsync(fd.get()) == 0 && ::rename(fresh.c_str(), file.c_str()) == 0;
  if (done) return {};
  const int problem = errno;
  ::unlink(fresh.c_str());
  return failed(problem);
}

}  // namespace bottle::launcher
