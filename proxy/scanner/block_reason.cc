#include "proxy/scanner/block_reason.h"

#include <algorithm>

namespace bottle {
namespace {

constexpr std::string_view kMark = "x-pipelock-block-reason";
constexpr std::string_view kLayerField = "x-pipelock-block-reason-layer";
constexpr std::string_view kVersionField = "x-pipelock-block-reason-version";
constexpr std::string_view kRetryField = "x-pipelock-block-reason-retry";
constexpr std::size_t kMaxCode = 48;
constexpr std::size_t kMaxLayer = 32;

// The value of a field that is there once: of two, neither is known to count.
std::string_view only(const Fields& fields, std::string_view name) {
  if (fields.count(name) != 1) return {};
  const auto value = fields.find(name);
  return value ? *value : std::string_view();
}

// Both go into logs and refusals: no text of another form.
std::string plain(std::string_view text, std::size_t max) {
  const bool fits = text.size() <= max && std::all_of(text.begin(), text.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || c == '_';
                    });
  return fits ? std::string(text) : std::string();
}

// Codes are added in any 1.x; what another version means by these words is not known.
bool is_known_version(std::string_view version) {
  return version == "1" || version.starts_with("1.");
}

BlockRetry retry_of(std::string_view word) {
  if (word == "none") return BlockRetry::None;
  if (word == "transient") return BlockRetry::Transient;
  if (word == "policy") return BlockRetry::Policy;
  return BlockRetry::Unknown;
}

}  // namespace

std::optional<BlockReason> block_reason_of(const Fields& fields) {
  if (!fields.has(kMark)) return std::nullopt;
  BlockReason reason;
  reason.code = plain(only(fields, kMark), kMaxCode);
  reason.layer = plain(only(fields, kLayerField), kMaxLayer);
  if (is_known_version(only(fields, kVersionField))) {
    reason.retry = retry_of(only(fields, kRetryField));
  }
  return reason;
}

bool is_block_field(std::string_view name) {
  return name.size() >= kMark.size() && iequals(name.substr(0, kMark.size()), kMark);
}

std::string in_brackets(const BlockReason& reason) {
  if (reason.code.empty()) return {};
  std::string out = " (" + reason.code;
  if (!reason.layer.empty()) out.append(", ").append(reason.layer);
  return out + ")";
}

}  // namespace bottle
