#pragma once

#include <string>
#include <string_view>

#include "proxy/contract/json_tree.h"

namespace bottle::launcher {

// Changes of a JSON text that was parsed, and has comments: nothing but the new entry is written.
// `object` and `list` are nodes of the tree of this very text.

// With `entry` ("\"key\": value") as the last member of an object.
std::string with_member(std::string_view text, const JsonNode& object, const std::string& entry);
// With `entry` as the last item of a list.
std::string with_item(std::string_view text, const JsonNode& list, const std::string& entry);

// Null: there is no such member.
const JsonMember* member_of(const JsonNode& object, std::string_view name);

}  // namespace bottle::launcher
