#include "proxy/http/field_roles.h"

#include <algorithm>
#include <array>

#include "proxy/contract/control_fields.h"

namespace bottle {
namespace {

struct NamedRole {
  std::string_view name;
  FieldRole role;
};

constexpr auto kRoles = std::to_array<NamedRole>({
    {"host", FieldRole::Host},
    {"content-length", FieldRole::Length},
    {"transfer-encoding", FieldRole::Coding},
    {"connection", FieldRole::Connection},
    {"expect", FieldRole::Expect},
    {"te", FieldRole::Te},
    {"cookie", FieldRole::Cookie},
    {"signature", FieldRole::Signature},
    {"signature-input", FieldRole::Signature},
    {"keep-alive", FieldRole::Hop},
    {"trailer", FieldRole::Trailer},
    {"upgrade", FieldRole::Hop},
    {"http2-settings", FieldRole::Hop},
    {"alt-svc", FieldRole::AltService},
    {"authorization", FieldRole::Single},
    {"content-type", FieldRole::Single},
    {"content-encoding", FieldRole::Single},
    {"content-location", FieldRole::Single},
    {"content-range", FieldRole::Single},
    {"from", FieldRole::Single},
    {"if-modified-since", FieldRole::Single},
    {"if-range", FieldRole::Single},
    {"if-unmodified-since", FieldRole::Single},
    {"max-forwards", FieldRole::Single},
    {"origin", FieldRole::Single},
    {"range", FieldRole::Single},
    {"referer", FieldRole::Single},
    {"user-agent", FieldRole::Single},
    {"x-api-key", FieldRole::Single},
    {"x-goog-api-key", FieldRole::Single},
});

// Fields that a head keeps and that mean something only there. "Content-…" too, except the digests,
// which can only be known at the end.
constexpr auto kHeadOnly = std::to_array<std::string_view>(
    {"accept-ranges", "age", "allow", "cache-control", "date", "expires", "forwarded", "location",
     "pragma", "refresh", "retry-after", "set-cookie", "set-cookie2", "vary", "via", "warning",
     "www-authenticate", "x-real-ip"});
constexpr auto kDigests = std::to_array<std::string_view>({"content-digest", "content-md5"});

template <class List>
bool is_among(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

}  // namespace

FieldRole role_of(std::string_view name) noexcept {
  for (const NamedRole& row : kRoles) {
    if (row.name == name) return row.role;
  }
  if (name.starts_with("proxy-")) return FieldRole::Hop;
  if (is_control_field(name)) return FieldRole::Control;
  return FieldRole::Keep;
}

bool may_be_trailer(std::string_view name) noexcept {
  if (role_of(name) != FieldRole::Keep || is_among(kHeadOnly, name)) return false;
  if (name.starts_with("x-forwarded")) return false;
  return !name.starts_with("content-") || is_among(kDigests, name);
}

LowerNames::LowerNames(const Fields& fields) {
  std::size_t total = 0;
  for (const Field field : fields) total += field.name.size();
  if (total > kUsualBytes) {
    more_bytes_.resize(total);
    bytes_ = more_bytes_.data();
  }
  if (fields.size() > kUsualFields) {
    more_ends_.resize(fields.size());
    ends_ = more_ends_.data();
  }
  char* out = bytes_;
  std::size_t* end = ends_;
  for (const Field field : fields) {
    for (const char c : field.name) {
      *out++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    *end++ = static_cast<std::size_t>(out - bytes_);
  }
}

bool ConnectionOptions::add(std::string_view list) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    const std::string_view option = trim_ows(list.substr(0, comma));
    if (!option.empty()) {
      if (options_.size() == kMax) return false;
      options_.push_back(option);
    }
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return true;
}

bool ConnectionOptions::lists(std::string_view name) const noexcept {
  return std::any_of(options_.begin(), options_.end(),
                     [name](std::string_view option) { return iequals(option, name); });
}

std::string_view ConnectionOptions::one_of(std::initializer_list<FieldRole> roles) const {
  const auto found =
      std::find_if(options_.begin(), options_.end(), [roles](std::string_view option) {
        return std::find(roles.begin(), roles.end(), role_of(to_lower(option))) != roles.end();
      });
  return found == options_.end() ? std::string_view() : *found;
}

std::string without_control_members(std::string_view dictionary) {
  std::string out;
  std::size_t begin = 0;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i <= dictionary.size(); ++i) {
    if (i < dictionary.size()) {
      const char c = dictionary[i];
      if (quoted) {
        if (c == '\\') {
          ++i;
        } else if (c == '"') {
          quoted = false;
        }
        continue;
      }
      if (c == '"') quoted = true;
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (c != ',' || depth > 0) continue;
    }
    const std::size_t stop = std::min(i, dictionary.size());
    const std::string_view member = trim_ows(dictionary.substr(begin, stop - begin));
    begin = std::min(stop + 1, dictionary.size());
    const std::string label = to_lower(member.substr(0, kControlSignaturePrefix.size()));
    if (member.empty() || label == kControlSignaturePrefix) continue;
    if (!out.empty()) out += ", ";
    out += member;
  }
  return out;
}

}  // namespace bottle
