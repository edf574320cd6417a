#include "proxy/credentials/credential_set.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/contract/host_pattern.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

// The longest spelling has three characters for one.
constexpr std::size_t kSpellings = 1 + 3 + 2;

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

Bytes escaped_in_url(ByteView text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  Bytes out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c)) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

// As encoders of PHP and Java write it; a quotation mark and a backslash are escaped by all.
Bytes escaped_in_json(ByteView text) {
  Bytes out;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '/') out += '\\';
    out += c;
  }
  return out;
}

void wipe(Bytes& secret) { ::explicit_bzero(secret.data(), secret.size()); }

}  // namespace

std::unique_ptr<const CredentialSet> CredentialSet::make(const std::vector<SecretSpec>& secrets) {
  std::size_t bytes = 0;
  for (const SecretSpec& secret : secrets) {
    if (secret.kept_out) bytes += kSpellings * secret.value.size();
  }
  std::unique_ptr<CredentialSet> set(new CredentialSet(bytes));
  for (const SecretSpec& secret : secrets) {
    if (secret.kept_out) set->add(secret);
  }
  std::sort(set->credentials_.begin(), set->credentials_.end(),
            [](const Credential& a, const Credential& b) {
              return a.place.placeholder.size() > b.place.placeholder.size();
            });
  return set;
}

void CredentialSet::add(const SecretSpec& secret) {
  Credential one{
      .name = secret.name, .hosts = {}, .place = *secret.kept_out, .out = {}, .back = {}};
  for (const HostPattern& home : host_patterns(*secret.hosts))
    one.hosts.push_back(home.host_text());
  const Bytes& placeholder = one.place.placeholder;
  const auto pair = [this, &one](ByteView from_agent, ByteView value, bool goes_out) {
    const ByteView shown = keep_placeholder(Bytes(from_agent));
    const ByteView kept = keep(value);
    if (goes_out) one.out.emplace_back(shown, kept);
    one.back.emplace_back(kept, shown);
  };
  pair(placeholder, secret.value, true);
  Bytes in_url = escaped_in_url(secret.value);
  Bytes in_json = escaped_in_json(secret.value);
  const Bytes shown_in_url = escaped_in_url(placeholder);
  const Bytes shown_in_json = escaped_in_json(placeholder);
  const auto fits = [&secret](const Bytes& spelling, const Bytes& shown) {
    return spelling != secret.value && spelling.size() == shown.size();
  };
  if (fits(in_url, shown_in_url)) pair(shown_in_url, in_url, true);
  if (fits(in_json, shown_in_json)) pair(shown_in_json, in_json, false);
  wipe(in_url);
  wipe(in_json);
  credentials_.push_back(std::move(one));
}

ByteView CredentialSet::keep(ByteView secret) {
  char* const at = memory_.span().data() + used_;
  std::memcpy(at, secret.data(), secret.size());
  used_ += secret.size();
  return ByteView(at, secret.size());
}

ByteView CredentialSet::keep_placeholder(Bytes placeholder) {
  placeholders_.push_back(std::make_unique<const Bytes>(std::move(placeholder)));
  return *placeholders_.back();
}

std::vector<const Credential*> CredentialSet::of_host(std::string_view host) const {
  std::vector<const Credential*> found;
  for (const Credential& one : credentials_) {
    const bool is_home =
        std::any_of(one.hosts.begin(), one.hosts.end(),
                    [host](const std::string& pattern) { return host_matches(pattern, host); });
    if (is_home) found.push_back(&one);
  }
  return found;
}

}  // namespace bottle
