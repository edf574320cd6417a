#include "proxy/http/media_type.h"

#include <algorithm>
#include <string_view>

namespace bottle {

std::string media_type(const Fields& fields) {
  if (fields.count("content-type") != 1) return {};
  const std::string_view field = *fields.find("content-type");
  return to_lower(trim_ows(field.substr(0, std::min(field.find(';'), field.size()))));
}

bool is_json_type(std::string_view type) noexcept {
  return type == "application/json" || type.ends_with("+json");
}

}  // namespace bottle
