#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bottle::test {

// A message with its prefix, as it stands in a body.
inline std::string grpc_message(std::string_view text, std::uint8_t flags = 0) {
  std::string out(1, static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<std::uint32_t>(text.size()) >> shift & 0xffU);
  }
  return out.append(text);
}

}  // namespace bottle::test
