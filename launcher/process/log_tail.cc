#include "launcher/process/log_tail.h"

#include <fstream>
#include <iterator>

namespace bottle::launcher {

std::string log_tail(const std::filesystem::path& file) {
  constexpr std::streamoff kMost = 4096;
  std::ifstream in(file, std::ios::binary | std::ios::ate);
  if (!in) return {};
  const std::streamoff size = in.tellg();
  in.seekg(size > kMost ? size - kMost : 0);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (size > kMost) text.erase(0, text.find('\n') + 1);
  std::string out;
  bool at_start = true;
  for (const char c : text) {
    if (c == '\n') {
      at_start = true;
      continue;
    }
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) continue;
    if (at_start) out += "\n    ";
    at_start = false;
    out += c;
  }
  return out;
}

}  // namespace bottle::launcher
