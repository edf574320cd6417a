#include "proxy/flow/cut_exchanges.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

using Json = nlohmann::json;

std::string tail_of(const std::string& file) {
  struct stat info{};
  if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  std::ifstream in(file, std::ios::binary);
  const auto size = static_cast<std::uint64_t>(info.st_size);
  in.seekg(static_cast<std::streamoff>(size - std::min(size, kSearchedTail)));
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::string word(const Json& line, const char* key) {
  const auto at = line.find(key);
  return at != line.end() && at->is_string() ? at->get<std::string>() : std::string();
}

AuditRecord record_of(const Json& begin) {
  AuditRecord out;
  out.time = std::chrono::system_clock::now();
  out.id = word(begin, audit_key::kId);
  out.route = word(begin, audit_key::kRoute);
  out.client_protocol = word(begin, audit_key::kClientProtocol);
  out.method = word(begin, audit_key::kMethod);
  out.host = word(begin, audit_key::kHost);
  out.target = word(begin, audit_key::kPath);
  const auto port = begin.find(audit_key::kPort);
  if (port != begin.end() && port->is_number_unsigned()) out.port = port->get<std::uint16_t>();
  out.not_inspected = begin.value(audit_key::kNotInspected, false);
  out.begun = true;
  out.verdict = Verdict::Cut;
  out.reason = problem_code::kProxyRestarted;
  out.detail = "the process that served it ended";
  out.by = DecidedBy::Proxy;
  return out;
}

}  // namespace

std::vector<AuditRecord> cut_exchanges(const std::string& path) {
  const std::string text = tail_of(path);
  const std::string begin_word = "\"kind\":\"" + std::string(to_string(AuditKind::Begin)) + "\"";
  std::unordered_map<std::string, AuditRecord> open;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    // The first line may be the rest of one, and the last one may have been cut.
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object()) continue;
    const std::string id = word(json, audit_key::kId);
    if (id.empty()) continue;
    if (line.find(begin_word) == std::string::npos) {
      open.erase(id);
    } else {
      open.insert_or_assign(id, record_of(json));
    }
  }
  std::vector<AuditRecord> out;
  for (auto& [id, record] : open) out.push_back(std::move(record));
  std::sort(out.begin(), out.end(),
            [](const AuditRecord& a, const AuditRecord& b) { return a.id < b.id; });
  return out;
}

}  // namespace bottle
