#include "proxy/config/proxy_users.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <utility>

#include "proxy/guard/encodings.h"

namespace bottle {
namespace {

constexpr std::string_view kField = "proxy-authorization";
constexpr std::size_t kShortPassword = 12;
// "Basic ", the base64 of the longest credentials, and some spaces.
constexpr std::size_t kMaxFieldValue = kMaxCredentials / 3 * 4 + 32;

Error bad(std::string what) { return Error{ExitCode::kUsage, std::move(what), ""}; }

Error bad_line(const std::string& file, std::size_t line, const std::string& what) {
  return bad(file + ":" + std::to_string(line) + ": " + what + "; a line is user:password");
}

Error unreadable(const std::string& file, const std::string& why) {
  return Error{ExitCode::kFiles, "the users of the proxy cannot be read: " + file + ": " + why, ""};
}

Failure sent_back(std::string detail, std::string hint) {
  return Failure(Code::ProxyAuth, std::move(detail), {}, std::move(hint));
}

std::string_view view(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// RFC 7617 section 2: neither part may hold them.
bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

// Decodes "Basic <base64>"; nothing if it is anything else. One scheme, one token, with the
// padding that belongs to it.
std::optional<std::string> strict_basic(std::string_view value) {
  if (value.size() > kMaxFieldValue) return std::nullopt;
  const std::size_t gap = value.find(' ');
  if (gap == std::string_view::npos) return std::nullopt;
  const std::string_view token = trim_ows(value.substr(gap));
  const std::size_t digits = std::min(token.find('='), token.size());
  const bool plain =
      std::all_of(token.begin(), token.begin() + static_cast<std::ptrdiff_t>(digits), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               c == '+' || c == '/';
      });
  const std::string_view padding = token.substr(digits);
  const bool padded = padding.empty() || padding == "=" || padding == "==";
  if (!plain || !padded || token.empty() || token.size() % 4 != 0) return std::nullopt;
  return basic_credentials(value);
}

// One try is enough: a regular file gives what it has.
Expected<std::string> read_private_file(const std::string& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return unreadable(file, std::strerror(errno));
  const auto closing = [](const int* open) { ::close(*open); };
  const std::unique_ptr<const int, decltype(closing)> owner(&fd, closing);
  struct stat about{};
  if (::fstat(fd, &about) != 0) return unreadable(file, std::strerror(errno));
  if (!S_ISREG(about.st_mode)) return unreadable(file, "it is no ordinary file");
  if ((about.st_mode & 077) != 0) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", about.st_mode & 07777);
    return bad(file + " holds passwords, and users other than its owner have access (its mode is " +
               mode.data() + "): chmod 600 " + file);
  }
  std::string text(kMaxProxyUsersFile + 1, '\0');
  std::size_t got = 0;
  while (got < text.size()) {
    const ssize_t n = ::read(fd, text.data() + got, text.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unreadable(file, std::strerror(errno));
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  if (got > kMaxProxyUsersFile) return bad(file + " is over 64 KiB; it takes 256 users");
  text.resize(got);
  return text;
}

}  // namespace

Expected<std::unique_ptr<const ProxyUsers>> ProxyUsers::parse(std::string_view text,
                                                              const std::string& file) {
  auto users = std::make_unique<ProxyUsers>();
  std::set<std::string_view> names;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#') || trim_ows(line).empty()) continue;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return bad_line(file, number, "there is no colon");
    const std::string_view name = line.substr(0, colon);
    const std::string_view password = line.substr(colon + 1);
    if (name.empty()) return bad_line(file, number, "there is no user before the colon");
    if (password.empty()) return bad_line(file, number, "there is no password behind the colon");
    if (line.size() > kMaxCredentials) {
      return bad_line(file, number,
                      "it is longer than " + std::to_string(kMaxCredentials) + " bytes");
    }
    if (is_blank(line.front()) || is_blank(line.back())) {
      return bad_line(file, number, "it begins or ends with a space");
    }
    if (has_control(line)) {
      return bad_line(file, number, "it has a control character, which no client may send");
    }
    if (!names.insert(name).second) {
      return bad_line(file, number, "its user is in an earlier line too");
    }
    if (names.size() > kMaxProxyUsers) {
      return bad_line(file, number,
                      "there are more than " + std::to_string(kMaxProxyUsers) + " users");
    }
    if (password.size() < kShortPassword) {
      users->warnings_.push_back(file + ":" + std::to_string(number) +
                                 ": a password this short can be guessed; take a random one, such "
                                 "as openssl rand -hex 16 makes");
    }
    users->known_.push_back(sha256(line));
  }
  if (users->known_.empty()) return bad(file + " names no user; a line is user:password");
  return std::unique_ptr<const ProxyUsers>(std::move(users));
}

Expected<std::unique_ptr<const ProxyUsers>> ProxyUsers::load(const std::string& file) {
  auto text = read_private_file(file);
  if (!text) return text.error();
  auto users = parse(*text, file);
  ::explicit_bzero(text->data(), text->size());
  return users;
}

std::optional<Failure> ProxyUsers::check(const Fields& fields) const {
  const auto value = fields.find(kField);
  if (!value) {
    return sent_back("this proxy requires a user and a password",
                     "Write them into the proxy's URL: http://USER:PASSWORD@HOST:PORT, with "
                     "percent escapes for characters that a URL does not allow.");
  }
  if (fields.count(kField) > 1) {
    return sent_back("Proxy-Authorization is there more than once", "Send it once.");
  }
  auto credentials = strict_basic(*value);
  if (!credentials) {
    return sent_back("Proxy-Authorization is not Basic with the base64 of user:password",
                     "Only the scheme Basic (RFC 7617) is understood.");
  }
  const Digest shown = sha256(*credentials);
  ::explicit_bzero(credentials->data(), credentials->size());
  // All of them, and user and password at once: the time says neither which one nor how far.
  bool known = false;
  for (const Digest& one : known_) known = equal_in_constant_time(view(one), view(shown)) || known;
  if (known) return std::nullopt;
  return sent_back("the user or the password is wrong", "Ask the person who runs the proxy.");
}

}  // namespace bottle
