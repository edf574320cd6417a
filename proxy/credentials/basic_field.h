#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/credentials/text_swap.h"

namespace bottle {

// "Basic <base64 of user:password>" (RFC 7617) with a placeholder in it, and with the value.
struct BasicField {
  Bytes value;     // of the field, as it goes out
  Bytes put_in;    // the base64 text in it, without padding, which an answer must not show
  Bytes was_here;  // the base64 text in the client's field, without padding; as long: cut, or
                   // filled up, where the value has another length than the placeholder
};

// Nothing if the field has another scheme, if none of the texts is in what it carries, or if its
// base64 is not the one spelling of that.
[[nodiscard]] std::optional<BasicField> put_into_basic(std::string_view field_value,
                                                       const std::vector<const SwapPair*>& pairs);

}  // namespace bottle
