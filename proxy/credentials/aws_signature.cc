#include "proxy/credentials/aws_signature.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "certs/digest.h"

namespace bottle {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kHashField = "x-amz-content-sha256";
constexpr std::size_t kDigits = 64;
constexpr std::size_t kMaxFields = 128;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view view(const Digest& digest) {
  return std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size());
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string canonical_path(std::string_view path, AwsPath rule) {
  if (path.empty()) return "/";
  if (rule == AwsPath::AsItStands) return std::string(path);
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c) || c == '/') {
      out += c;
    } else {
      out.append("%").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
  return out;
}

std::string canonical_query(std::string_view query) {
  if (query.empty()) return "";
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  for (const std::string_view one : split(query, '&')) {
    const std::size_t equals = std::min(one.find('='), one.size());
    pairs.emplace_back(one.substr(0, equals), one.substr(std::min(equals + 1, one.size())));
  }
  std::sort(pairs.begin(), pairs.end());
  std::string out;
  for (const auto& [name, value] : pairs) {
    out.append(out.empty() ? "" : "&").append(name).append("=").append(value);
  }
  return out;
}

// Without spaces around it, and one where there were several.
std::string trimmed(std::string_view value) {
  std::string out;
  for (const char c : trim_ows(value)) {
    if (c != ' ' || !out.ends_with(' ')) out += c;
  }
  return out;
}

std::optional<std::string> value_of(const RequestHead& head, std::string_view name) {
  if (name == "host") return head.authority;
  if (name == "content-length" && head.content_length) return std::to_string(*head.content_length);
  std::optional<std::string> all;
  for (const Field field : head.fields) {
    if (!iequals(field.name, name)) continue;
    all = all ? *all + "," + trimmed(field.value) : trimmed(field.value);
  }
  return all;
}

// "NAME=value" in the list behind the algorithm's name.
std::optional<std::string_view> member(std::string_view list, std::string_view name) {
  for (const std::string_view one : split(list, ',')) {
    const std::string_view item = trim_ows(one);
    if (item.size() > name.size() && item.starts_with(name) && item[name.size()] == '=') {
      return item.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

Digest signing_key(ByteView secret, std::string_view scope) {
  Bytes first = "AWS4" + Bytes(secret);
  Digest key{};
  bool begun = false;
  for (const std::string_view part : split(scope, '/')) {
    key = MacKey(begun ? view(key) : ByteView(first)).mac(part);
    begun = true;
  }
  ::explicit_bzero(first.data(), first.size());
  return key;
}

}  // namespace

std::optional<AwsSignature> aws_signature_of(const RequestHead& head) {
  if (head.fields.count("authorization") != 1) return std::nullopt;
  const std::string_view value = *head.fields.find("authorization");
  if (!value.starts_with(kAlgorithm) || value.size() == kAlgorithm.size()) return std::nullopt;
  const std::string_view list = value.substr(kAlgorithm.size());
  if (list.front() != ' ') return std::nullopt;
  const auto credential = member(list, "Credential");
  const auto fields = member(list, "SignedHeaders");
  const auto digits = member(list, "Signature");
  const auto time = head.fields.find("x-amz-date");
  if (!credential || !fields || !digits || !time || digits->size() != kDigits) return std::nullopt;
  const std::size_t slash = credential->find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  AwsSignature signature{.time = std::string(*time),
                         .scope = std::string(credential->substr(slash + 1)),
                         .fields = {},
                         .digits = std::string(*digits)};
  if (split(signature.scope, '/').size() != 4) return std::nullopt;
  for (const std::string_view name : split(*fields, ';')) signature.fields.emplace_back(name);
  if (signature.fields.size() > kMaxFields) return std::nullopt;
  if (std::count(signature.fields.begin(), signature.fields.end(), "host") != 1) {
    return std::nullopt;
  }
  return signature;
}

bool needs_body_hash(const RequestHead& head) { return !head.fields.has(kHashField); }

std::optional<std::string> aws_digits(const RequestHead& head, const AwsSignature& signature,
                                      AwsPath path, std::string_view body_hash, ByteView secret) {
  const std::string_view target = head.target;
  const std::size_t question = std::min(target.find('?'), target.size());
  std::string text = head.method + "\n" + canonical_path(target.substr(0, question), path) + "\n" +
                     canonical_query(target.substr(std::min(question + 1, target.size()))) + "\n";
  std::string names;
  for (const std::string& name : signature.fields) {
    const auto value = value_of(head, name);
    if (!value) return std::nullopt;
    text += name + ":" + *value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string_view hash = head.fields.find(kHashField).value_or(body_hash);
  text.append("\n").append(names).append("\n").append(hash);
  const std::string to_sign = std::string(kAlgorithm) + "\n" + signature.time + "\n" +
                              signature.scope + "\n" + hex(sha256(text));
  Digest key = signing_key(secret, signature.scope);
  const Digest made = MacKey(view(key)).mac(to_sign);
  ::explicit_bzero(key.data(), key.size());
  return hex(made);
}

void unsign_aws_field(RequestHead& head, AwsSignature& signature, std::string_view name) {
  const auto joined = [&signature] {
    std::string list = "SignedHeaders=";
    for (const std::string& one : signature.fields) {
      list.append(list.ends_with('=') ? "" : ";").append(one);
    }
    return list;
  };
  const std::string before = joined();
  if (std::erase(signature.fields, name) == 0) return;
  std::string value(head.fields.find("authorization").value_or(""));
  const std::size_t at = value.find(before);
  if (at == std::string::npos) return;
  value.replace(at, before.size(), joined());
  head.fields.set("authorization", value);
}

void set_aws_digits(RequestHead& head, const AwsSignature& signature, std::string_view digits) {
  std::string value(head.fields.find("authorization").value_or(""));
  const std::size_t at = value.find(signature.digits);
  if (at == std::string::npos) return;
  value.replace(at, signature.digits.size(), digits);
  head.fields.set("authorization", value);
}

}  // namespace bottle
