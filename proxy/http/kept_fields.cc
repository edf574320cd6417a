#include "proxy/http/kept_fields.h"

#include <string>
#include <string_view>
#include <utility>

namespace bottle {
namespace {

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

}  // namespace

Fields kept_fields(const Fields& fields, const FieldsRead& read, ControlFields control) {
  Fields kept;
  kept.reserve(fields.size(), fields.list_size());
  bool cookies_written = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    const std::string_view value = trim_ows(field.value);
    const bool keeps = read.roles[i] == FieldRole::Keep || read.roles[i] == FieldRole::Single ||
                       read.roles[i] == FieldRole::Trailer || read.roles[i] == FieldRole::Cookie ||
                       read.roles[i] == FieldRole::Signature ||
                       (read.roles[i] == FieldRole::Control && control == ControlFields::Keep);
    if (!keeps || read.options.lists(field.name)) continue;
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

}  // namespace bottle
