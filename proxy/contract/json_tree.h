#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/contract/error.h"

namespace bottle {

// Where a token begins, for people: both count from 1, columns in characters (not bytes).
struct TextPosition {
  std::size_t line = 1;
  std::size_t column = 1;
};

struct JsonMember;

// A JSON value that remembers its position in the text. A value type. Numbers are kept as text:
// each caller converts them in its own range.
struct JsonNode {
  enum class Kind { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  TextPosition place;
  bool boolean = false;
  std::string text;                 // kString, kNumber
  std::vector<JsonNode> items;      // kArray
  std::vector<JsonMember> members;  // kObject, in the text's order, names unique
};

struct JsonMember {
  std::string name;
  TextPosition place;
  JsonNode value;
};

// "an object", "a string", … for messages.
std::string_view kind_name(JsonNode::Kind kind);

// Parses one JSON document (RFC 8259, and comments: // to the end of the line, /* to */; at most
// 1 MiB and 16 levels; a name twice in one object is an error). `file` is only used in messages,
// which begin with "file:line:column: ".
Expected<JsonNode> parse_json(std::string_view text, const std::string& file);

// "file:line:column: what" as an Error of kind kManifest.
Error error_at(const std::string& file, TextPosition place, const std::string& what,
               std::string hint = {});

}  // namespace bottle
