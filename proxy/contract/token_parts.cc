#include "proxy/contract/token_parts.h"

#include <algorithm>

namespace bottle {

bool is_signed_jwt(std::string_view token) {
  if (!token.starts_with("eyJ") || std::count(token.begin(), token.end(), '.') != 2) return false;
  constexpr std::size_t kShortest = 16;  // a signature
  return token.size() - token.rfind('.') > kShortest &&
         std::all_of(token.begin(), token.end(),
                     [](char c) { return is_base64url(c) || c == '.'; });
}

std::string_view secret_part(std::string_view token) {
  return is_signed_jwt(token) ? token.substr(token.rfind('.') + 1) : token;
}

std::string shown_token(std::string_view token, std::string_view placeholder) {
  std::string shown(token.substr(0, token.size() - secret_part(token).size()));
  return shown.append(placeholder);
}

}  // namespace bottle
