#include "proxy/guard/answers/link_check.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace bottle {
namespace {

// Words of placeholders: "{conversation}", "[SECRET]", "$API_KEY".
constexpr std::array<std::string_view, 30> kData{
    "conversation", "chat",     "history",   "secret",    "password",   "passwd",
    "api_key",      "apikey",   "api-key",   "summary",   "message",    "prompt",
    "context",      "userdata", "user_data", "user-data", "credential", "private",
    "email",        "env",      "ssh",       "cookie",    "session",    "data",
    "content",      "memory",   "key",       "token",     "file",       "info"};
// Names that say so themselves.
constexpr std::array<std::string_view, 22> kNames{
    "data",    "d",       "exfil",        "leak",    "secret",  "secrets", "stolen", "payload",
    "dump",    "chat",    "conversation", "msg",     "env",     "info",    "c",      "content",
    "history", "context", "keys",         "cookies", "summary", "prompt"};
// Values of these are long and random as a matter of course.
constexpr std::array<std::string_view, 24> kSigned{
    "jwt",   "sig",   "signature", "hmac", "hash",   "expires",   "policy", "key-pair-id",
    "token", "state", "nonce",     "code", "digest", "integrity", "v",      "version",
    "logo",  "url",   "style",     "etag", "rev",    "sha",       "id",     "s"};

constexpr std::size_t kLong = 48;         // an encoded value of an image's address
constexpr std::size_t kLongInLink = 120;  // of one that a person would have to follow

bool one_of(auto& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

std::string lower(ByteView text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

// "{…}", "[…]", "<…>", "$…", "%…%", "{{…}}", in a value, around a word of kData.
bool is_placeholder(ByteView value) {
  const std::size_t open = value.find_first_of("{[<$");
  const bool bare = open == ByteView::npos;
  const std::string word = lower(bare ? value : value.substr(open));
  const bool shout =
      bare && value.size() >= 4 && std::all_of(value.begin(), value.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
      });
  if (bare && !shout) return false;
  return std::any_of(kData.begin(), kData.end(),
                     [&](std::string_view data) { return word.find(data) != std::string::npos; });
}

bool is_encoded(ByteView value, std::size_t least) {
  if (value.size() < least) return false;
  const bool alphabet = std::all_of(value.begin(), value.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/' || c == '-' || c == '_' || c == '=';
  });
  // Words in a row have no digits, or separators between them.
  const auto digits =
      std::count_if(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto separators = std::count_if(value.begin(), value.end(),
                                        [](char c) { return c == '-' || c == '_' || c == '+'; });
  return alphabet && digits >= 2 && static_cast<std::size_t>(separators) * 12 < value.size();
}

}  // namespace

bool carries_data(ByteView address, bool image) {
  const std::size_t question = address.find('?');
  if (question == ByteView::npos) return false;
  ByteView query = address.substr(question + 1);
  query = query.substr(0, query.find('#'));
  while (!query.empty()) {
    const std::size_t end = std::min(query.find_first_of("&;"), query.size());
    const ByteView pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = pair.find('=');
    const std::string name =
        equals == ByteView::npos ? std::string() : lower(pair.substr(0, equals));
    const ByteView value = equals == ByteView::npos ? pair : pair.substr(equals + 1);
    const bool telling = one_of(kNames, name);
    if (is_placeholder(value) && (image || telling)) return true;
    if (name.starts_with("x-amz-") || name.starts_with("x-goog-") || one_of(kSigned, name))
      continue;
    if (is_encoded(value, image ? (telling ? kLong / 2 : kLong) : (telling ? kLong : kLongInLink)))
      return true;
  }
  return false;
}

}  // namespace bottle
