#include "proxy/credentials/credential_use.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/credentials/basic_field.h"

namespace bottle {
namespace {

// Those of a list that a decoder is there for, with their weights. "*" would ask for any.
std::string readable_codings(std::string_view list) {
  constexpr std::array<std::string_view, 6> kReadable{"gzip", "x-gzip", "deflate",
                                                      "br",   "zstd",   "identity"};
  std::string out;
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = trim_ows(list.substr(0, comma));
    const std::string_view name = trim_ows(item.substr(0, item.find(';')));
    const bool readable =
        std::any_of(kReadable.begin(), kReadable.end(),
                    [name](std::string_view known) { return iequals(known, name); });
    if (readable) out.append(out.empty() ? "" : ", ").append(item);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return out.empty() ? "identity" : out;
}

// The fields that ask for a part of the answer.
constexpr std::array<std::string_view, 2> kPartFields{"range", "if-range"};

// Several fields are one list (RFC 9110 section 5.3).
void ask_for_readable(Fields& fields) {
  std::string all;
  for (const Field field : fields) {
    if (iequals(field.name, "accept-encoding")) all.append(field.value).append(",");
  }
  fields.set("accept-encoding", readable_codings(all));
}

}  // namespace

bool carries_credential(std::string_view field_name) {
  constexpr std::array<std::string_view, 7> kEnds{"key",           "token",    "secret",    "auth",
                                                  "authorization", "password", "credential"};
  const std::string name = to_lower(field_name);
  if (name == "cookie") return true;
  // Of an object (X-Amz-Meta-…), and what a payment service shows in its records.
  if (name.find("-meta-") != std::string::npos || name == "idempotency-key") return false;
  return std::any_of(kEnds.begin(), kEnds.end(),
                     [&name](std::string_view end) { return name.ends_with(end); });
}

CredentialUse::CredentialUse(std::shared_ptr<const CredentialSet> set,
                             std::vector<const Credential*> credentials)
    : set_(std::move(set)), credentials_(std::move(credentials)) {
  std::vector<const TakenOut*> values;
  for (const Credential* one : credentials_) {
    for (const TakenOut& value : one->back) values.push_back(&value);
  }
  // The longest first: one may be a piece of another.
  std::sort(values.begin(), values.end(), [](const TakenOut* a, const TakenOut* b) {
    return a->value().size() > b->value().size();
  });
  for (const TakenOut* value : values) {
    for (const SwapPair& pair : value->pairs) back_.push_back(&pair);
  }
}

CredentialUse::~CredentialUse() {
  for (MadePair& pair : made_) wipe(pair.text.text);
}

std::vector<const SwapPair*> CredentialUse::pairs_of(Part part) const {
  const auto takes = [part](const KeptOut& place) {
    switch (part) {
      case Part::CredentialField:
        return place.in_header || place.in_any_header;
      case Part::OtherField:
        return place.in_any_header;
      case Part::Query:
        return place.in_query;
      case Part::Body:
        return place.in_body;
    }
    return false;
  };
  std::vector<const SwapPair*> pairs;
  for (const Credential* one : credentials_) {
    if (!takes(one->place)) continue;
    for (const SwapPair& pair : one->out) pairs.push_back(&pair);
  }
  return pairs;
}

std::vector<const SwapPair*> CredentialUse::for_body() const { return pairs_of(Part::Body); }

bool CredentialUse::keeps_body_length() const {
  const auto pairs = for_body();
  return std::all_of(pairs.begin(), pairs.end(),
                     [](const SwapPair* pair) { return pair->from().size() == pair->to().size(); });
}

void CredentialUse::put_into(RequestHead& head, std::string_view body_hash) {
  auto signing = signing_of(head, body_hash);
  put_into_fields(head.fields);
  const bool no_part = sends_values() && !ask_for_whole_values(head);
  put_into_query(head.target);
  if (!signing) return;
  for (const std::string_view name : kPartFields) {
    if (no_part) unsign_aws_field(head, signing->signature, name);
  }
  const auto digits = aws_digits(head, signing->signature, signing->path, body_hash, signing->key);
  if (!digits) return;
  set_aws_digits(head, signing->signature, *digits);
  take_back(Spelling{.text = *digits, .shown = signing->signature.digits});
  if (signs_chunks(head)) {
    chunk_signer_ = std::make_unique<AwsChunkSigner>(signing->signature, *digits,
                                                     signing->placeholder, signing->key);
  }
}

bool CredentialUse::ask_for_whole_values(RequestHead& head) {
  ask_for_readable(head.fields);
  part_ = AskedPart::of(head);
  if (!part_) {
    // A client that asked for several parts takes all.
    for (const std::string_view name : kPartFields) head.fields.remove(name);
    return false;
  }
  // No part of a coded answer can be decoded.
  head.fields.set("accept-encoding", "identity");
  std::size_t longest = kAwsDigits;
  for (const SwapPair* pair : back_) longest = std::max(longest, pair->from().size());
  head.fields.set("range", part_->widen(longest - 1));
  return true;
}

void CredentialUse::take_back(Spelling made) {
  made_.emplace_back(std::move(made));
  back_.push_back(&made_.back().back);
}

bool CredentialUse::sends_values() const {
  return std::any_of(credentials_.begin(), credentials_.end(), [](const Credential* one) {
    const auto& place = one->place;
    return place.in_header || place.in_any_header || place.in_query || place.in_body;
  });
}

bool CredentialUse::signs() const {
  return std::any_of(credentials_.begin(), credentials_.end(),
                     [](const Credential* one) { return one->place.in_aws_signature; });
}

bool CredentialUse::wants_body_hash(const RequestHead& head) const {
  if (!signs()) return false;
  const auto signature = aws_signature_of(head);
  return signature && needs_body_hash(head, *signature);
}

std::optional<CredentialUse::Signing> CredentialUse::signing_of(const RequestHead& head,
                                                                std::string_view body_hash) const {
  if (!signs()) return std::nullopt;
  const auto signature = aws_signature_of(head);
  if (!signature || signature->expires > kMaxAwsExpires) return std::nullopt;
  for (const Credential* one : credentials_) {
    if (!one->place.in_aws_signature) continue;
    for (const AwsPath path : {AwsPath::AsItStands, AwsPath::EscapedAgain}) {
      const auto digits = aws_digits(head, *signature, path, body_hash, one->place.placeholder);
      if (!digits || *digits != signature->digits) continue;
      return Signing{.signature = *signature,
                     .path = path,
                     .placeholder = one->place.placeholder,
                     .key = one->value()};
    }
  }
  return std::nullopt;
}

void CredentialUse::put_into_query(std::string& target) const {
  const auto pairs = pairs_of(Part::Query);
  const std::size_t query = target.find('?');
  if (pairs.empty() || query == std::string::npos) return;
  Bytes text = target.substr(query);
  if (swap_in(text, pairs)) target.replace(query, std::string::npos, text);
}

void CredentialUse::put_into_fields(Fields& fields) {
  const auto usual = pairs_of(Part::CredentialField);
  const auto anywhere = pairs_of(Part::OtherField);
  if (usual.empty()) return;
  Fields out;
  bool changed = false;
  for (const Field field : fields) {
    Bytes value(field.value);
    const auto& pairs = carries_credential(field.name) ? usual : anywhere;
    bool here = swap_in(value, pairs);
    if (!here && iequals(field.name, "authorization")) {
      if (auto basic = put_into_basic(field.value, pairs)) {
        value = std::move(basic->value);
        for (Spelling& other : spellings_of(basic->put_in, basic->was_here)) {
          made_.emplace_back(std::move(other));
        }
        made_.emplace_back(
            Spelling{.text = std::move(basic->put_in), .shown = std::move(basic->was_here)});
        here = true;
      }
    }
    changed = changed || here;
    out.add(field.name, value);
  }
  if (!changed) return;
  fields = std::move(out);
  // The pair with a password is longer than the password, so it goes first.
  std::vector<const SwapPair*> back;
  for (const MadePair& pair : made_) back.push_back(&pair.back);
  back.insert(back.end(), back_.begin(), back_.end());
  back_ = std::move(back);
}

void CredentialUse::take_out_of(ResponseHead& head) const {
  (void)swap_in(head.reason, back_);
  take_out_of(head.fields);
}

void CredentialUse::take_out_of(Fields& fields) const {
  Fields out;
  bool changed = false;
  for (const Field field : fields) {
    Bytes name(field.name);
    Bytes value(field.value);
    changed = swap_in(name, back_) || changed;
    changed = swap_in(value, back_) || changed;
    out.add(name, value);
  }
  if (changed) fields = std::move(out);
}

}  // namespace bottle
