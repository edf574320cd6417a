#include "proxy/config/secrets_file.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "proxy/contract/fd.h"
#include "proxy/contract/parent_address.h"
#include "proxy/contract/proxy_contract.h"

namespace bottle {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kMaxWait = 10s;  // the launcher writes at once
// Ends them where the descriptor stays open, as a lifeline (--end-with-stdin).
constexpr std::string_view kEndLine = "end\n";

bool has_end_line(std::string_view text) {
  if (!text.ends_with(kEndLine)) return false;
  text.remove_suffix(kEndLine.size());
  return text.empty() || text.ends_with('\n');
}

Error bad(std::size_t line, const std::string& what) {
  return Error{ExitCode::kUsage, "line " + std::to_string(line) + " of the secrets " + what, ""};
}

Expected<std::vector<std::string>> host_list(const Json& value, std::size_t line) {
  std::vector<std::string> hosts;
  if (!value.is_array()) return bad(line, "has 'hosts' that are no array");
  for (const Json& host : value) {
    if (!host.is_string()) return bad(line, "has a host that is no string");
    hosts.push_back(host.get<std::string>());
  }
  return hosts;
}

Expected<> take_parts(const Json& value, std::size_t line, KeptOut& out) {
  out.in_header = false;
  if (!value.is_array()) return bad(line, "has an 'in' that is no array");
  for (const Json& part : value) {
    const std::string word = part.is_string() ? part.get<std::string>() : "";
    if (word == "header") {
      out.in_header = true;
    } else if (word == "any_header") {
      out.in_any_header = true;
    } else if (word == "aws_signature") {
      out.in_aws_signature = true;
    } else if (word == "query") {
      out.in_query = true;
    } else if (word == "body") {
      out.in_body = true;
    } else {
      return bad(
          line,
          "has an 'in' with another word than header, any_header, query, body, aws_signature");
    }
  }
  return {};
}

Expected<Json> parse_object(std::string_view text, std::size_t line) {
  // Of a key that is there twice the library keeps one: the other value would go unprotected.
  std::size_t keys = 0;
  const auto count = [&keys](int depth, Json::parse_event_t event, Json&) {
    if (depth == 1 && event == Json::parse_event_t::key) ++keys;
    return true;
  };
  Json object = Json::parse(text, count, false);
  if (!object.is_object()) return bad(line, "is no JSON object");
  if (object.size() != keys) return bad(line, "has a key twice");
  return object;
}

Expected<FingerprintKey> key_of(const Json& object, std::size_t line) {
  const Json& hex = object[kFingerprintKey];
  const auto key = hex.is_string() ? fingerprint_key_of_hex(hex.get<std::string>()) : std::nullopt;
  if (key && object.size() == 1) return *key;
  return bad(line, "has a fingerprint_key that is not 64 hexadecimal digits alone");
}

Expected<std::string> parent_password_of(const Json& object, std::size_t line) {
  const Json& text = object[kParentPassword];
  const std::string password = text.is_string() ? text.get<std::string>() : std::string();
  const bool plain = std::none_of(password.begin(), password.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7f;
  });
  const bool fits = !password.empty() && password.size() <= ParentAddress::kLongestPassword;
  if (plain && fits && object.size() == 1) return password;
  return bad(line, "has a parent_password that is not one printable text alone");
}

Expected<SecretSpec> secret_of(const Json& object, std::size_t line) {
  SecretSpec secret;
  KeptOut kept;
  for (const auto& [key, value] : object.items()) {
    if (key == "name" || key == "value") {
      if (!value.is_string()) return bad(line, "has a '" + key + "' that is no string");
      (key == "name" ? secret.name : secret.value) = value.get<std::string>();
    } else if (key == "hosts") {
      auto hosts = host_list(value, line);
      if (!hosts) return hosts.error();
      secret.hosts = std::move(*hosts);
    } else if (key == "in_body") {
      if (!value.is_boolean()) return bad(line, "has an 'in_body' that is neither true nor false");
      secret.in_body = value.get<bool>();
    } else if (key == "placeholder") {
      if (!value.is_string()) return bad(line, "has a 'placeholder' that is no string");
      kept.placeholder = value.get<std::string>();
    } else if (key == "in") {
      auto taken = take_parts(value, line, kept);
      if (!taken) return taken.error();
    } else {
      return bad(line,
                 "has an unknown key; there are name, value, hosts, in_body, placeholder, in, "
                 "fingerprint_key, parent_password");
    }
  }
  const bool has_placeholder = object.contains("placeholder");
  if (object.contains("in") && !has_placeholder) return bad(line, "has 'in' and no placeholder");
  if (has_placeholder) secret.kept_out = std::move(kept);
  if (secret.name.empty() || secret.value.empty()) return bad(line, "lacks a name or a value");
  return secret;
}

bool take_text(const Json& object, const char* key, std::string& out) {
  const auto at = object.find(key);
  if (at == object.end() || !at->is_string()) return false;
  out = at->get<std::string>();
  return !out.empty();
}

Expected<LoginSpec> login_of(const Json& object, std::size_t line) {
  constexpr std::string_view kHttps = "https://";
  constexpr std::size_t kKeys = 5;
  LoginSpec login{.name = {},
                  .store = LoginStore({}),
                  .hosts = {},
                  .token_host = {},
                  .token_path = {},
                  .placeholders = {}};
  std::string directory;
  std::string url;
  const bool texts = take_text(object, kLoginLine, login.name) &&
                     take_text(object, "directory", directory) &&
                     take_text(object, "token_url", url);
  const auto placeholders = object.find("placeholders");
  const bool complete = texts && object.size() == kKeys && object.contains("hosts") &&
                        placeholders != object.end() && placeholders->is_object();
  if (!complete) {
    return bad(line,
               "has a login without one of login, directory, hosts, token_url, placeholders, or "
               "with another key");
  }
  auto hosts = host_list(object["hosts"], line);
  if (!hosts) return hosts.error();
  login.hosts = std::move(*hosts);
  login.store = LoginStore(directory);
  const std::size_t slash = url.find('/', kHttps.size());
  if (!url.starts_with(kHttps) || slash == std::string::npos || slash == kHttps.size()) {
    return bad(line, "has a token_url that is not https://HOST/PATH");
  }
  login.token_host = url.substr(kHttps.size(), slash - kHttps.size());
  login.token_path = url.substr(slash);
  for (const auto& [name, text] : placeholders->items()) {
    if (!text.is_string()) return bad(line, "has a placeholder that is no string");
    login.placeholders.emplace(name, text.get<std::string>());
  }
  return login;
}

}  // namespace

Expected<HandedSecrets> parse_secret_lines(std::string_view text) {
  HandedSecrets handed;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::size_t end = text.find('\n');
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto object = parse_object(one, line);
    if (!object) return object.error();
    if (object->contains(kFingerprintKey)) {
      if (handed.key) return bad(line, "has a second fingerprint_key");
      const auto key = key_of(*object, line);
      if (!key) return key.error();
      handed.key = *key;
      continue;
    }
    if (object->contains(kParentPassword)) {
      if (handed.parent_password) return bad(line, "has a second parent_password");
      auto password = parent_password_of(*object, line);
      if (!password) return password.error();
      // It is no agent's to know or to send.
      if (password->size() >= kMinSecret) {
        handed.values.push_back(SecretSpec{
            .name = kParentPasswordName, .value = *password, .hosts = std::vector<std::string>()});
      }
      handed.parent_password = std::move(*password);
      continue;
    }
    if (object->contains(kLoginLine)) {
      auto login = login_of(*object, line);
      if (!login) return login.error();
      handed.logins.push_back(std::move(*login));
      continue;
    }
    auto secret = secret_of(*object, line);
    if (!secret) return secret.error();
    handed.values.push_back(std::move(*secret));
  }
  return handed;
}

Expected<std::string> read_secret_text(int fd) {
  std::string text;
  std::array<char, 16384> piece{};
  const auto until = std::chrono::steady_clock::now() + kMaxWait;
  std::string problem;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    const int ready = left.count() > 0 ? ::poll(&wait, 1, static_cast<int>(left.count())) : 0;
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      problem = "did not end within 10 s";
      break;
    }
    const ssize_t n = ::read(fd, piece.data(), piece.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) problem = std::string("cannot be read: ") + std::strerror(errno);
    if (n <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(n));
    if (has_end_line(text)) {
      text.resize(text.size() - kEndLine.size());
      break;
    }
    if (text.size() > kMostSecretText) {
      problem = "are longer than any set of secrets may be";
      break;
    }
  }
  if (fd != STDIN_FILENO) ::close(fd);
  ::explicit_bzero(piece.data(), piece.size());
  if (!problem.empty()) {
    ::explicit_bzero(text.data(), text.size());
    return Error{ExitCode::kUsage, "the secrets " + problem, ""};
  }
  return text;
}

Expected<HandedSecrets> read_secrets(int fd) {
  auto text = read_secret_text(fd);
  if (!text) return text.error();
  auto secrets = parse_secret_lines(*text);
  ::explicit_bzero(text->data(), text->size());
  return secrets;
}

Expected<HandedSecrets> read_secrets_file(const std::string& path) {
  const auto cannot = [&path](const std::string& why, std::string hint = {}) {
    return Error{ExitCode::kFiles, "cannot read the secrets in " + path + ": " + why,
                 std::move(hint)};
  };
  // Opened without waiting, so that a pipe in its place holds nothing up.
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return cannot(std::strerror(errno));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return cannot("it is no file");
  const bool ours = info.st_uid == ::geteuid() || info.st_uid == 0;
  if (!ours || (info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return cannot("others than its owner may write it", "chmod 600 " + path);
  }
  if ((info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    spdlog::warn("others on this machine may read the secrets in {}: chmod 600 it", path);
  }
  auto secrets = read_secrets(file.release());
  if (!secrets) secrets.error().message += " (" + path + ")";
  return secrets;
}

Expected<HandedSecrets> handed_secrets(const Config& config) {
  if (!config.secrets_file.empty()) return read_secrets_file(config.secrets_file);
  if (config.secrets_fd) return read_secrets(*config.secrets_fd);
  return HandedSecrets();
}

}  // namespace bottle
