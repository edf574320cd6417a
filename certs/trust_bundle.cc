#include "certs/trust_bundle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "proxy/contract/fd.h"

namespace bottle {
namespace {

constexpr std::array<const char*, 6> kUsualBundles{
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL, CentOS
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",                                  // Alpine
    "/usr/local/etc/ssl/cert.pem"};
constexpr std::size_t kMaxBundle = 16 * 1024 * 1024;
constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";

Error unwritable(const std::filesystem::path& path, std::string_view what) {
  return Error{
      ExitCode::kFiles,
      "cannot write " + path.string() + ": " + std::string(what) + ": " + std::strerror(errno),
      "Name a file in a folder that exists and may be written."};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

Expected<std::filesystem::path> system_bundle_path() {
  const char* named = std::getenv("SSL_CERT_FILE");
  if (named != nullptr && *named != '\0') return std::filesystem::path(named);
  std::string looked;
  for (const char* path : kUsualBundles) {
    if (::access(path, F_OK) == 0) return std::filesystem::path(path);
    looked += looked.empty() ? path : std::string(", ") + path;
  }
  return Error{ExitCode::kFiles, "this system has no root certificates; looked for " + looked,
               "Install the package ca-certificates, or set SSL_CERT_FILE to a PEM bundle."};
}

Expected<std::string> read_bundle(const std::filesystem::path& path) {
  const auto unreadable = [&path](const std::string& why) {
    return Error{ExitCode::kFiles, "cannot read certificates from " + path.string() + ": " + why,
                 "Name a PEM file with at least one certificate."};
  };
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return unreadable(std::strerror(errno));
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) return unreadable(std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) return unreadable("it is not a regular file");
  std::string text;
  std::array<char, 64 * 1024> block{};
  for (;;) {
    const ssize_t n = ::read(file.get(), block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(std::strerror(errno));
    if (n == 0) break;
    text.append(block.data(), static_cast<std::size_t>(n));
    if (text.size() > kMaxBundle) return unreadable("it is larger than 16 MiB");
  }
  if (text.find(kPemBegin) == std::string::npos) return unreadable("it holds no PEM certificate");
  return text;
}

std::string merge_bundle(std::string_view roots, std::string_view ca_pem) {
  std::string merged(roots);
  if (!merged.empty() && merged.back() != '\n') merged += '\n';
  merged += ca_pem;
  return merged;
}

Expected<void> write_public_file(const std::filesystem::path& path, std::string_view text) {
  struct stat facts{};
  if (::stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) {
    if (S_ISDIR(facts.st_mode)) {
      errno = EISDIR;
      return unwritable(path, "it is a folder");
    }
    // /dev/stdout, a pipe: nothing to replace, so nothing to do atomically.
    Fd out(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (out.get() < 0) return unwritable(path, "open");
    if (!write_all(out.get(), text)) return unwritable(path, "write");
    return {};
  }

  std::string temporary = path.string() + ".XXXXXX";
  Fd out(::mkostemp(temporary.data(), O_CLOEXEC));
  if (out.get() < 0) return unwritable(path, "create");
  const auto fail = [&path, &temporary](std::string_view what) {
    Error error = unwritable(path, what);  // before unlink may change errno
    ::unlink(temporary.c_str());
    return error;
  };
  if (!write_all(out.get(), text)) return fail("write");
  if (::fchmod(out.get(), 0644) != 0) return fail("chmod");
  if (::fsync(out.get()) != 0) return fail("sync");
  if (::close(out.release()) != 0) return fail("close");
  if (::rename(temporary.c_str(), path.c_str()) != 0) return fail("rename");
  return {};
}

}  // namespace bottle
