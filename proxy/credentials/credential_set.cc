#include "proxy/credentials/credential_set.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/contract/host_pattern.h"
#include "proxy/credentials/spellings.h"
#include "proxy/guard/shapes/token_shapes.h"

namespace bottle {
namespace {

// The memory that a value and its spellings take.
std::size_t size_of(ByteView value) {
  std::size_t bytes = value.size();
  for (Spelling& one : spellings_of(value, value)) {
    bytes += one.text.size();
    wipe(one.text);
    wipe(one.shown);
  }
  return bytes;
}

std::size_t size_of(const SecretSpec& secret) {
  Bytes in_url = escaped_in_url(secret.value);
  std::size_t bytes = size_of(ByteView(secret.value)) + in_url.size();
  wipe(in_url);
  for (const std::string& former : secret.former) bytes += size_of(ByteView(former));
  return bytes;
}

bool is_put_in(const SecretSpec& secret) { return secret.kept_out && !secret.kept_out->of_login; }

}  // namespace

std::unique_ptr<const CredentialSet> CredentialSet::make(const std::vector<SecretSpec>& secrets) {
  std::size_t bytes = 0;
  for (const SecretSpec& secret : secrets) {
    if (is_put_in(secret)) bytes += size_of(secret);
  }
  std::unique_ptr<CredentialSet> set(new CredentialSet(bytes));
  for (const SecretSpec& secret : secrets) set->add(secret);
  std::sort(set->credentials_.begin(), set->credentials_.end(),
            [](const Credential& a, const Credential& b) {
              return a.place.placeholder.size() > b.place.placeholder.size();
            });
  return set;
}

void CredentialSet::add(const SecretSpec& secret) {
  if (!secret.kept_out || secret.kept_out->of_login || !secret.hosts) return;
  Credential one{
      .name = secret.name, .hosts = {}, .place = *secret.kept_out, .out = {}, .back = {}};
  for (const HostPattern& home : host_patterns(*secret.hosts))
    one.hosts.push_back(home.host_text());
  const Bytes& placeholder = one.place.placeholder;
  one.back.push_back(taken_out(secret.value, placeholder));
  one.out.emplace_back(keep_placeholder(placeholder), one.value());
  Bytes shown_in_url = escaped_in_url(placeholder);
  if (shown_in_url != placeholder) {
    Bytes in_url = escaped_in_url(secret.value);
    one.out.emplace_back(keep_placeholder(std::move(shown_in_url)), keep(in_url));
    wipe(in_url);
  }
  for (const std::string& former : secret.former) {
    one.back.push_back(taken_out(former, placeholder));
  }
  credentials_.push_back(std::move(one));
}

TakenOut CredentialSet::taken_out(ByteView value, const Bytes& placeholder) {
  Bytes shown = placeholder;
  shown.resize(value.size(), 'x');
  TakenOut out;
  out.pairs.emplace_back(keep(value), keep_placeholder(shown));
  for (Spelling& other : spellings_of(value, shown)) {
    out.pairs.emplace_back(keep(other.text), keep_placeholder(std::move(other.shown)));
    wipe(other.text);
  }
  return out;
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
