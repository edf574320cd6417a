#pragma once

#include <string>
#include <string_view>

namespace bottle {

// The text that a field's value carries in base64, for names that say so: credentials of
// "Authorization: Basic", and gRPC's binary metadata ("-bin"). Of a list ("-bin" fields may have
// one) each member in a line, and behind them all members as one text, which one cut up over them
// is in. Empty for other fields.
[[nodiscard]] std::string carried_text(std::string_view name, std::string_view value);

}  // namespace bottle
