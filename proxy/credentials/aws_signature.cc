#include "proxy/credentials/aws_signature.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <utility>

namespace bottle {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kHashField = "x-amz-content-sha256";
constexpr std::string_view kUnsigned = "UNSIGNED-PAYLOAD";
constexpr std::string_view kQueryDigits = "X-Amz-Signature";
constexpr std::string_view kQueryFields = "X-Amz-SignedHeaders";
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

// Behind the question mark; empty if there is none.
std::string_view query_of(std::string_view target) {
  return target.substr(std::min(std::min(target.find('?'), target.size()) + 1, target.size()));
}

using Parameters = std::vector<std::pair<std::string_view, std::string_view>>;

Parameters parameters_of(std::string_view query) {
  Parameters pairs;
  if (query.empty()) return pairs;
  for (const std::string_view one : split(query, '&')) {
    const std::size_t equals = std::min(one.find('='), one.size());
    pairs.emplace_back(one.substr(0, equals), one.substr(std::min(equals + 1, one.size())));
  }
  return pairs;
}

// Nothing unless it is there once.
std::optional<std::string_view> parameter(const Parameters& all, std::string_view name) {
  const auto is_it = [name](const auto& pair) { return pair.first == name; };
  if (std::count_if(all.begin(), all.end(), is_it) != 1) return std::nullopt;
  return std::find_if(all.begin(), all.end(), is_it)->second;
}

// A signature does not cover itself.
std::string canonical_query(std::string_view query, AwsSignature::Place place) {
  Parameters pairs = parameters_of(query);
  if (place == AwsSignature::Place::Query) {
    std::erase_if(pairs, [](const auto& pair) { return pair.first == kQueryDigits; });
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

// Takes off the escapes of separators, the only ones in a credential's scope and a list of names.
std::string unescaped(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 2> kEscapes{{{"2F", '/'}, {"3B", ';'}}};
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%') {
      const std::string_view digits = text.substr(at + 1, 2);
      const auto known = std::find_if(kEscapes.begin(), kEscapes.end(), [digits](const auto& one) {
        return iequals(one.first, digits);
      });
      if (known != kEscapes.end()) {
        out += known->second;
        at += 2;
        continue;
      }
    }
    out += text[at];
  }
  return out;
}

struct Parts {
  std::string_view time, credential, fields, digits;
  AwsSignature::Place place;
};

std::optional<AwsSignature> signature_from(const Parts& parts) {
  const std::size_t slash = parts.credential.find('/');
  if (slash == std::string_view::npos || parts.digits.size() != kAwsDigits) return std::nullopt;
  AwsSignature signature{.time = std::string(parts.time),
                         .scope = std::string(parts.credential.substr(slash + 1)),
                         .fields = {},
                         .digits = std::string(parts.digits),
                         .place = parts.place};
  if (split(signature.scope, '/').size() != 4) return std::nullopt;
  for (const std::string_view name : split(parts.fields, ';')) signature.fields.emplace_back(name);
  if (signature.fields.size() > kMaxFields) return std::nullopt;
  if (std::count(signature.fields.begin(), signature.fields.end(), "host") != 1) {
    return std::nullopt;
  }
  return signature;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

std::optional<AwsSignature> presigned(const RequestHead& head) {
  const Parameters all = parameters_of(query_of(head.target));
  const auto credential = parameter(all, "X-Amz-Credential");
  const auto fields = parameter(all, kQueryFields);
  const auto digits = parameter(all, kQueryDigits);
  const auto time = parameter(all, "X-Amz-Date");
  const auto expires = parameter(all, "X-Amz-Expires");
  if (parameter(all, "X-Amz-Algorithm") != kAlgorithm || !credential || !fields || !digits ||
      !time || !expires) {
    return std::nullopt;
  }
  const auto seconds = number_of(*expires);
  if (!seconds) return std::nullopt;
  const std::string plain_credential = unescaped(*credential);
  const std::string plain_fields = unescaped(*fields);
  auto signature = signature_from({.time = *time,
                                   .credential = plain_credential,
                                   .fields = plain_fields,
                                   .digits = *digits,
                                   .place = AwsSignature::Place::Query});
  if (signature) signature->expires = *seconds;
  return signature;
}

void set_parameter(std::string& target, std::string_view name, std::string_view value) {
  const auto old = parameter(parameters_of(query_of(target)), name);
  if (!old) return;
  target.replace(static_cast<std::size_t>(old->data() - target.data()), old->size(), value);
}

// A presigned URL of S3 is made before its body is known.
bool leaves_body_out(const AwsSignature& signature) {
  return signature.place == AwsSignature::Place::Query &&
         split(signature.scope, '/')[2].starts_with("s3");
}

}  // namespace

Digest aws_signing_key(ByteView secret, std::string_view scope) {
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

std::optional<AwsSignature> aws_signature_of(const RequestHead& head) {
  if (!head.fields.has("authorization")) return presigned(head);
  if (head.fields.count("authorization") != 1) return std::nullopt;
  const std::string_view value = head.fields.find("authorization").value_or("");
  if (!value.starts_with(kAlgorithm) || value.size() == kAlgorithm.size()) return std::nullopt;
  const std::string_view list = value.substr(kAlgorithm.size());
  if (list.front() != ' ') return std::nullopt;
  const auto credential = member(list, "Credential");
  const auto fields = member(list, "SignedHeaders");
  const auto digits = member(list, "Signature");
  const auto time = head.fields.find("x-amz-date");
  if (!credential || !fields || !digits || !time) return std::nullopt;
  return signature_from({.time = *time,
                         .credential = *credential,
                         .fields = *fields,
                         .digits = *digits,
                         .place = AwsSignature::Place::Field});
}

bool needs_body_hash(const RequestHead& head, const AwsSignature& signature) {
  return !head.fields.has(kHashField) && !leaves_body_out(signature);
}

std::optional<std::string> aws_digits(const RequestHead& head, const AwsSignature& signature,
                                      AwsPath path, std::string_view body_hash, ByteView secret) {
  const std::string_view target = head.target;
  const std::size_t question = std::min(target.find('?'), target.size());
  std::string text = head.method + "\n" + canonical_path(target.substr(0, question), path) + "\n" +
                     canonical_query(query_of(target), signature.place) + "\n";
  std::string names;
  for (const std::string& name : signature.fields) {
    const auto value = value_of(head, name);
    if (!value) return std::nullopt;
    text += name + ":" + *value + "\n";
    names += (names.empty() ? "" : ";") + name;
  }
  const std::string_view hash =
      head.fields.find(kHashField).value_or(leaves_body_out(signature) ? kUnsigned : body_hash);
  text.append("\n").append(names).append("\n").append(hash);
  const std::string to_sign = std::string(kAlgorithm) + "\n" + signature.time + "\n" +
                              signature.scope + "\n" + hex(sha256(text));
  Digest key = aws_signing_key(secret, signature.scope);
  const Digest made = MacKey(view(key)).mac(to_sign);
  ::explicit_bzero(key.data(), key.size());
  return hex(made);
}

void unsign_aws_field(RequestHead& head, AwsSignature& signature, std::string_view name) {
  const auto joined = [&signature](std::string_view separator) {
    std::string list;
    for (const std::string& one : signature.fields) {
      list.append(list.empty() ? "" : separator).append(one);
    }
    return list;
  };
  const std::string before = "SignedHeaders=" + joined(";");
  if (std::erase(signature.fields, name) == 0) return;
  if (signature.place == AwsSignature::Place::Query) {
    set_parameter(head.target, kQueryFields, joined("%3B"));
    return;
  }
  std::string value(head.fields.find("authorization").value_or(""));
  const std::size_t at = value.find(before);
  if (at == std::string::npos) return;
  value.replace(at, before.size(), "SignedHeaders=" + joined(";"));
  head.fields.set("authorization", value);
}

void set_aws_digits(RequestHead& head, const AwsSignature& signature, std::string_view digits) {
  if (signature.place == AwsSignature::Place::Query) {
    set_parameter(head.target, kQueryDigits, digits);
    return;
  }
  std::string value(head.fields.find("authorization").value_or(""));
  const std::size_t at = value.find(signature.digits);
  if (at == std::string::npos) return;
  value.replace(at, signature.digits.size(), digits);
  head.fields.set("authorization", value);
}

}  // namespace bottle
