#include "proxy/guard/secret_set.h"

#include <algorithm>
#include <set>
#include <utility>

#include "proxy/contract/host_pattern.h"
#include "proxy/guard/secret_set_impl.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxNameSize = 128;
constexpr std::size_t kMaxHosts = 64;

// They were checked.
std::optional<std::vector<std::string>> canonical(
    const std::optional<std::vector<std::string>>& hosts) {
  if (!hosts) return std::nullopt;
  std::vector<std::string> out;
  for (const HostPattern& home : host_patterns(*hosts)) out.push_back(home.host_text());
  return out;
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameSize &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

Error bad_secret(std::string_view name, const std::string& what) {
  return Error{ExitCode::kUsage, "secret " + std::string(name) + ": " + what, ""};
}

// RFC 3986: written as it is in a query and in a form.
bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

Expected<> check_kept_out(const SecretSpec& secret) {
  const KeptOut& kept = *secret.kept_out;
  const auto is_text = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  };
  if (!secret.hosts || secret.hosts->empty()) {
    return bad_secret(secret.name, "it has a placeholder, and no host that the value is for");
  }
  const bool in_request = kept.in_header || kept.in_any_header || kept.in_query || kept.in_body;
  if (in_request && kept.in_aws_signature) {
    return bad_secret(secret.name, "a key that signs (aws_signature) is in no part of a request");
  }
  if (secret.in_body || (!in_request && !kept.in_aws_signature)) {
    return bad_secret(secret.name, "it has a placeholder, and no part of a request to put it in");
  }
  if (secret.value.size() < kMinKeptOut || !is_text(secret.value) || !is_text(kept.placeholder)) {
    return bad_secret(secret.name, "only a text of " + std::to_string(kMinKeptOut) +
                                       " and more ASCII characters can have a placeholder");
  }
  if (kept.placeholder.size() < kMinKeptOut || kept.placeholder.size() > kMaxSecret) {
    return bad_secret(secret.name, "its placeholder must have " + std::to_string(kMinKeptOut) +
                                       " to " + std::to_string(kMaxSecret) + " characters");
  }
  const auto has = [](std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  if (has(secret.value, kept.placeholder) || has(kept.placeholder, secret.value)) {
    return bad_secret(secret.name, "its placeholder and its value must not be in one another");
  }
  // A login's token is put into JSON that is made anew.
  if (kept.of_login || !(kept.in_query || kept.in_body)) return {};
  // Written by the client in the escapes that the placeholder needs, and no others.
  const auto is_plain = [&kept](char c) {
    return is_unreserved(c) || kept.placeholder.find(c) != std::string::npos;
  };
  if (!std::all_of(secret.value.begin(), secret.value.end(), is_plain)) {
    return bad_secret(secret.name,
                      "it is put into queries or bodies, and has a character that may need an "
                      "escape there and that its placeholder does not have");
  }
  return {};
}

Expected<> check_size(const std::string& name, const std::string& value) {
  if (value.size() < kMinSecret) {
    return bad_secret(name, "its value has fewer than " + std::to_string(kMinSecret) +
                                " bytes, which would be found in ordinary text; leave it "
                                "out of the list or use a longer one");
  }
  if (value.size() > kMaxSecret) {
    return bad_secret(name, "its value has more than " + std::to_string(kMaxSecret) + " bytes");
  }
  return {};
}

Expected<> check_one(const SecretSpec& secret) {
  if (!is_plain_name(secret.name)) {
    return Error{ExitCode::kUsage,
                 "a secret needs a name of 1 to 128 printable ASCII characters without spaces", ""};
  }
  if (auto sized = check_size(secret.name, secret.value); !sized) return sized;
  if (secret.former.size() > kMaxFormer) {
    return bad_secret(secret.name,
                      "it has more than " + std::to_string(kMaxFormer) + " former values");
  }
  for (const std::string& former : secret.former) {
    if (auto sized = check_size(secret.name, former); !sized) return sized;
  }
  if (secret.kept_out) {
    auto checked = check_kept_out(secret);
    if (!checked) return checked;
  }
  if (!secret.hosts) return {};
  if (secret.hosts->size() > kMaxHosts) {
    return bad_secret(secret.name, "it names more than " + std::to_string(kMaxHosts) + " hosts");
  }
  for (const std::string& host : *secret.hosts) {
    const auto home = HostPattern::parse_home(host);
    if (!home) return bad_secret(secret.name, "a host in its list: " + home.error().message);
  }
  return {};
}

}  // namespace

SecretSet::SecretSet(std::unique_ptr<SecretSetImpl> impl) : impl_(std::move(impl)) {}
SecretSet::~SecretSet() = default;

std::size_t SecretSet::exact_count() const noexcept { return impl_->exact.size(); }

Expected<> SecretSet::check(const std::vector<SecretSpec>& secrets) {
  if (secrets.size() > kMaxSecrets) {
    return Error{ExitCode::kUsage, "more than " + std::to_string(kMaxSecrets) + " secrets", ""};
  }
  if (count_of(ShapeChoice::Scanner) > kMaxShapes) {
    return Error{ExitCode::kInternal, "the table of token shapes has outgrown kMaxShapes", ""};
  }
  std::set<std::string_view> names;
  for (const SecretSpec& secret : secrets) {
    auto checked = check_one(secret);
    if (!checked) return checked;
    if (!names.insert(secret.name).second) return bad_secret(secret.name, "is named twice");
  }
  return MatchDatabase::check_platform();
}

Expected<std::unique_ptr<const SecretSet>> SecretSet::make(std::vector<SecretSpec> secrets,
                                                           GuardOptions options) {
  const auto checked = check(secrets);
  if (!checked) return checked.error();
  std::unique_ptr<SecretSet> for_scanner;
  if (options.scanner) {
    auto made = make_one(secrets, options, ShapeChoice::Scanner);
    if (!made) return made.error();
    for_scanner = std::move(*made);
  }
  const auto choice = options.financial ? ShapeChoice::Financial : ShapeChoice::Tokens;
  auto set = make_one(std::move(secrets), std::move(options), choice);
  if (!set) return set.error();
  (*set)->for_scanner_ = std::move(for_scanner);
  return std::unique_ptr<const SecretSet>(std::move(*set));
}

Expected<std::unique_ptr<SecretSet>> SecretSet::make_one(std::vector<SecretSpec> secrets,
                                                         GuardOptions options, ShapeChoice choice) {
  auto shapes = shape_database(choice);
  if (!shapes) return shapes.error();
  auto impl = std::make_unique<SecretSetImpl>(std::move(*shapes));
  impl->options = std::move(options);
  std::sort(impl->options.ignore.begin(), impl->options.ignore.end());
  SecretSetImpl::Literals literals;
  for (SecretSpec& secret : secrets) {
    SecretSetImpl::Exact value{.name = std::move(secret.name),
                               .value = std::move(secret.value),
                               .hosts = canonical(secret.hosts),
                               .in_body = secret.in_body,
                               .shapes = {},
                               .fingerprint = {}};
    value.fingerprint = fingerprint(impl->options.key, value.value);
    if (secret.kept_out) {
      value.kept_out = true;
      SecretSetImpl::Exact placeholder = value;
      placeholder.value = std::move(secret.kept_out->placeholder);
      placeholder.in_header = secret.kept_out->in_header || secret.kept_out->in_any_header;
      placeholder.in_query = secret.kept_out->in_query;
      placeholder.in_body = secret.kept_out->in_body;
      impl->add(std::move(placeholder), literals);
      value.hosts.emplace();
    }
    for (std::string& former : secret.former) {
      SecretSetImpl::Exact old = value;
      old.value = std::move(former);
      old.fingerprint = fingerprint(impl->options.key, old.value);
      impl->add(std::move(old), literals);
    }
    impl->add(std::move(value), literals);
  }
  impl->plain = LiteralSet(std::move(literals.plain));
  impl->squeezed = LiteralSet(std::move(literals.squeezed));
  impl->numbers = LiteralSet(std::move(literals.numbers));
  impl->in_names = LiteralSet(std::move(literals.in_names));
  impl->find_shapes();
  return std::unique_ptr<SecretSet>(new SecretSet(std::move(impl)));
}

}  // namespace bottle
