#include "launcher/backend/local/packed_words.h"

namespace bottle::launcher::local {

std::string packed(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out.append(word).push_back('\0');
  return out;
}

std::vector<std::string> unpacked(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\0', at);
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace bottle::launcher::local
