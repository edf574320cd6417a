#include "proxy/http/kept_fields.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace bottle {
namespace {

bool keeps(const FieldsRead& read, ControlFields control, std::size_t i, const Field& field) {
  const FieldRole role = read.roles[i];
  const bool goes_on = role == FieldRole::Keep || role == FieldRole::Single ||
                       role == FieldRole::Trailer || role == FieldRole::Cookie ||
                       role == FieldRole::Signature ||
                       (role == FieldRole::Control && control == ControlFields::Keep);
  return goes_on && !read.options.lists(field.name);
}

std::string joined_cookies(const Fields& fields, const FieldsRead& read, std::size_t first) {
  std::string joined;
  joined.reserve(read.cookie_bytes);
  for (std::size_t i = first; i < fields.size(); ++i) {
    const std::string_view crumb = trim_ows(fields[i].value);
    if (read.roles[i] != FieldRole::Cookie || crumb.empty()) continue;
    if (!joined.empty()) joined += "; ";
    joined += crumb;
  }
  return joined;
}

// Those whose values are written anew come one by one.
Fields written_anew(const Fields& fields, const FieldsRead& read, ControlFields control) {
  Fields kept;
  kept.reserve(fields.size(), fields.list_size());
  bool cookies_written = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    const std::string_view value = trim_ows(field.value);
    if (!keeps(read, control, i, field)) continue;
    if (read.roles[i] == FieldRole::Cookie && read.cookies > 1) {
      // RFC 9113 section 8.2.3: the crumbs are one field for everyone but HTTP/2.
      if (std::exchange(cookies_written, true)) continue;
      kept.add(field.name, joined_cookies(fields, read, i));
    } else if (read.roles[i] == FieldRole::Signature) {
      const std::string own = without_control_members(value);
      if (!own.empty()) kept.add(field.name, own);
    } else {
      kept.add(field.name, value);
    }
  }
  return kept;
}

}  // namespace

void keep_fields(Fields& fields, const FieldsRead& read, ControlFields control) {
  const bool changes = read.cookies > 1 || std::find(read.roles.begin(), read.roles.end(),
                                                     FieldRole::Signature) != read.roles.end();
  if (changes) {
    fields = written_anew(fields, read, control);
    return;
  }
  fields.keep_trimmed(
      [&](std::size_t i, const Field& field) { return keeps(read, control, i, field); });
}

}  // namespace bottle
