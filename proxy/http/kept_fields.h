#pragma once

#include <cstddef>
#include <vector>

#include "proxy/http/field_roles.h"
#include "proxy/http/fields.h"
#include "proxy/http/framing_rules.h"

namespace bottle {

// A request's fields as they were read: one role each, and what Connection lists.
struct FieldsRead {
  std::vector<FieldRole> roles;
  ConnectionOptions options;
  std::size_t cookies = 0;
  std::size_t cookie_bytes = 0;  // of one field that joins them
};

// Leaves the fields that go on, in their order and with trimmed values: none of one connection (RFC
// 9110 section 7.6.1), and HTTP/2's pieces of a Cookie as one. `read` is of the same fields.
void keep_fields(Fields& fields, const FieldsRead& read, ControlFields control);

}  // namespace bottle
