#include "proxy/contract/proxy_contract.h"

namespace bottle {
namespace {

constexpr std::string_view kReady = "bottle-proxy ready ";
constexpr std::string_view kFingerprint = "ca_sha256=";

}  // namespace

std::string fd_word(int fd) { return "fd:" + std::to_string(fd); }

std::string ready_line(std::string_view listen, std::string_view ca_sha256,
                       std::string_view others) {
  std::string line(kReady);
  line += "listen=";
  line += listen;
  line += ' ';
  line += kFingerprint;
  line += ca_sha256;
  line += others;
  return line;
}

std::optional<std::string> fingerprint_in_ready_line(std::string_view line) {
  if (!line.starts_with(kReady)) return std::nullopt;
  const std::size_t at = line.find(kFingerprint);
  if (at == std::string_view::npos) return std::nullopt;
  line.remove_prefix(at + kFingerprint.size());
  return std::string(line.substr(0, line.find(' ')));
}

}  // namespace bottle
