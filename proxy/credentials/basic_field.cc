#include "proxy/credentials/basic_field.h"

#include <cstdint>

#include "proxy/guard/encodings.h"
#include "proxy/http/fields.h"

namespace bottle {
namespace {

// The value ends on no particular bit, so the last character carries what is left.
Bytes base64_without_padding(ByteView bytes) {
  Bytes padded(bytes);
  padded.append(2, '\0');
  Bytes text = base64_core(padded, 0);
  text.resize((bytes.size() * 8 + 5) / 6);
  return text;
}

}  // namespace

std::optional<BasicField> put_into_basic(std::string_view field_value,
                                         const std::vector<const SwapPair*>& pairs) {
  auto carried = basic_credentials(field_value);
  if (!carried) return std::nullopt;
  const std::string_view trimmed = trim_ows(field_value);
  const std::size_t begin = trimmed.find_first_not_of(" \t", std::string_view("basic").size());
  if (begin == std::string_view::npos) return std::nullopt;
  std::string_view text = trimmed.substr(begin);
  const std::size_t last = text.find_last_not_of('=');
  const std::string_view padding = last == std::string_view::npos ? text : text.substr(last + 1);
  text.remove_suffix(padding.size());
  BasicField field;
  field.was_here = Bytes(text);
  const Bytes plain = base64_without_padding(*carried);
  const bool url_safe = plain != text;
  if (url_safe && base64_url_safe(plain) != text) return std::nullopt;
  if (!swap_in(*carried, pairs)) return std::nullopt;
  field.put_in = base64_without_padding(*carried);
  if (url_safe) field.put_in = base64_url_safe(std::move(field.put_in));
  field.value = Bytes(trimmed.substr(0, begin)) + field.put_in;
  // Padded as the client's was; a text without padding may have needed none.
  constexpr std::size_t kGroup = 4;
  const bool pads = !padding.empty() || text.size() % kGroup == 0;
  const std::size_t over = field.put_in.size() % kGroup;
  if (pads && over != 0) field.value.append(kGroup - over, '=');
  field.was_here.resize(field.put_in.size(), 'x');
  return field;
}

}  // namespace bottle
