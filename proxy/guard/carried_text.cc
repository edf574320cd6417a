#include "proxy/guard/carried_text.h"

#include <algorithm>

#include "proxy/guard/encodings.h"
#include "proxy/http/fields.h"

namespace bottle {
namespace {

constexpr std::string_view kBinary = "-bin";

bool is_binary_metadata(std::string_view name) {
  return name.size() > kBinary.size() &&
         iequals(name.substr(name.size() - kBinary.size()), kBinary);
}

std::string metadata_text(std::string_view list) {
  std::string lines;
  std::string joined;
  std::size_t members = 0;
  while (!list.empty()) {
    const std::string_view member = list.substr(0, list.find(','));
    const std::string text = base64_bytes(trim_ows(member));
    lines.append(text).append("\n");
    joined += text;
    ++members;
    list.remove_prefix(std::min(member.size() + 1, list.size()));
  }
  return members > 1 ? lines + joined : lines;
}

}  // namespace

std::string carried_text(std::string_view name, std::string_view value) {
  if (iequals(name, "authorization") || iequals(name, "proxy-authorization")) {
    return basic_credentials(value).value_or("");
  }
  return is_binary_metadata(name) ? metadata_text(value) : std::string();
}

}  // namespace bottle
