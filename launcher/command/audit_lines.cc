#include "launcher/command/audit_lines.h"

#include <algorithm>

#include "proxy/contract/audit_schema.h"

namespace bottle::launcher {

std::string_view time_of(std::string_view line) {
  constexpr std::string_view kKey = R"("time":")";
  const auto at = line.find(kKey);
  if (at == line.npos) return {};
  line.remove_prefix(at + kKey.size());
  return line.substr(0, line.find('"'));
}

AuditLines::AuditLines(const std::filesystem::path& log, std::uint64_t most) {
  for (const auto& file : audit_files(log)) parts_.emplace_back(file, most);
}

bool AuditLines::is_there() const {
  return std::any_of(parts_.begin(), parts_.end(),
                     [](const PartLines& part) { return part.is_there(); });
}

const std::string* AuditLines::peek() {
  const std::string* first = nullptr;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const std::string* line = parts_[i].peek();
    if (line == nullptr || (first != nullptr && time_of(*line) >= time_of(*first))) continue;
    first = line;
    next_ = i;
  }
  return first;
}

void AuditLines::take() { parts_[next_].take(); }

bool AuditLines::renew() {
  bool any = false;
  for (PartLines& part : parts_) any = part.renew() || any;
  return any;
}

void AuditLines::finish() {
  for (PartLines& part : parts_) part.finish();
}

}  // namespace bottle::launcher
