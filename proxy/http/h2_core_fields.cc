#include <array>
#include <charconv>
#include <concepts>

#include "proxy/http/h2_core.h"

namespace bottle {
namespace {

const std::uint8_t* field_bytes(const char* data) {
  return reinterpret_cast<const std::uint8_t*>(data);
}

bool forbidden(std::string_view name) {
  switch (name.size()) {
    case 2:
      return name == "te";  // of one connection: the head says what is asked for
    case 4:
      return name == "host";
    case 7:
      return name == "upgrade";
    case 10:
      return name == "connection" || name == "keep-alive";
    case 14:
      return name == "content-length";
    case 16:
      return name == "proxy-connection";
    case 17:
      return name == "transfer-encoding";
    default:
      return false;
  }
}

using Digits = std::array<char, 20>;

std::string_view decimal(Digits& digits, std::integral auto number) {
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), static_cast<std::size_t>(end.ptr - digits.data())};
}

}  // namespace

void H2FieldList::clear() {
  bytes_.clear();
  extents_.clear();
  bad_ = false;
}

void H2FieldList::add(std::string_view name, std::string_view value) {
  value = trim_ows(value);
  if (name.empty() || nghttp2_check_header_value(field_bytes(value.data()), value.size()) == 0) {
    bad_ = true;
    return;
  }
  extents_.push_back(Extent{bytes_.size(), name.size(), bytes_.size() + name.size(), value.size()});
  bytes_.append(name);
  bytes_.append(value);
}

void H2FieldList::add(const Fields& fields) {
  for (const Field field : fields) {
    const std::size_t at = bytes_.size();
    const std::size_t count = extents_.size();
    add(field.name, field.value);
    if (bad_) return;
    char* name = bytes_.data() + at;
    for (std::size_t i = 0; i < field.name.size(); ++i) {
      if (name[i] >= 'A' && name[i] <= 'Z') name[i] = static_cast<char>(name[i] - 'A' + 'a');
    }
    const std::string_view lower(name, field.name.size());
    if (lower.front() == ':' || nghttp2_check_header_name(field_bytes(name), lower.size()) == 0) {
      bad_ = true;
      return;
    }
    if (forbidden(lower)) {
      bytes_.resize(at);
      extents_.resize(count);
    }
  }
}

void H2FieldList::begin(const ResponseHead& head) {
  clear();
  Digits digits{};
  add(":status", decimal(digits, head.status));
  add(head.fields);
}

void H2FieldList::add_length(std::optional<std::uint64_t> length) {
  if (!length) return;
  Digits digits{};
  add("content-length", decimal(digits, *length));
}

const std::vector<nghttp2_nv>* H2FieldList::build() {
  if (bad_) return nullptr;
  nva_.clear();
  auto* base = reinterpret_cast<std::uint8_t*>(bytes_.data());
  for (const Extent& e : extents_) {
    nva_.push_back(
        nghttp2_nv{base + e.name, base + e.value, e.name_size, e.value_size, NGHTTP2_NV_FLAG_NONE});
  }
  return &nva_;
}

}  // namespace bottle
