#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/failure.h"

namespace bottle {

// Where in a request something stands. A credential belongs into some parts only.
enum class RequestPart : unsigned char { Host, Url, Header, Body };
[[nodiscard]] std::string_view to_string(RequestPart part) noexcept;

// A Note is told and goes on; a Refuse is what the host's policy turns into a refusal or redacts.
enum class Severity : std::uint8_t { Note, Refuse };

enum class FindingKind : std::uint8_t {
  Secret,    // a value that the bottle was given
  Token,     // a text of a credential's shape
  HostName,  // a host's name that carries data
  Answer,    // in what came back
  Unread,    // a text that could not be looked into
};

// A find of the guard, as a value; never the secret itself.
struct Finding {
  FindingKind kind = FindingKind::Token;
  Severity severity = Severity::Refuse;
  std::string name;  // the secret's, the shape's or the class's
  RequestPart part = RequestPart::Body;
  std::string field = {};      // RequestPart::Header: the field's name, unless it is in a name
  std::string json_path = {};  // "messages[12].content[0].text"; empty: no JSON, or not known
  // The bytes of the value or body, as it was fed, that hold it: of an encoded one the whole run.
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string fingerprint = {};  // 16 characters, keyed; empty: not computed
  // Of a value that is looked for by pieces: its size. Bytes around [begin, end) may be more of
  // it. Else 0.
  std::size_t value_size = 0;

  bool operator==(const Finding&) const = default;
};

// The refusal that a finding becomes: Denied, reason "secret_in_host|url|header|body".
[[nodiscard]] Failure refusal(const Finding& finding);

}  // namespace bottle
