#include <algorithm>
#include <set>
#include <utility>

#include "proxy/contract/host_pattern.h"
#include "proxy/guard/encodings.h"
#include "proxy/guard/secret_set_impl.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxNameSize = 128;
constexpr std::size_t kMaxHosts = 64;

// The patterns and what they stand for, by id.
struct Patterns {
  std::vector<MatchPattern> expressions;
  std::vector<MatchTarget> targets;

  void add(std::string expression, bool any_case, MatchTarget target) {
    expressions.push_back(MatchPattern{.expression = std::move(expression), .any_case = any_case});
    targets.push_back(target);
  }
};

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

Expected<> check_one(const SecretSpec& secret) {
  if (!is_plain_name(secret.name)) {
    return Error{ExitCode::kUsage,
                 "a secret needs a name of 1 to 128 printable ASCII characters without spaces", ""};
  }
  if (secret.value.size() < kMinSecret) {
    return bad_secret(secret.name, "its value has fewer than " + std::to_string(kMinSecret) +
                                       " bytes, which would be found in ordinary text; leave it "
                                       "out of the list or use a longer one");
  }
  if (secret.value.size() > kMaxSecret) {
    return bad_secret(secret.name,
                      "its value has more than " + std::to_string(kMaxSecret) + " bytes");
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

void add_shape_patterns(Patterns& patterns) {
  for (std::size_t i = 0; i < token_shapes().size(); ++i) {
    patterns.add(std::string(token_shapes()[i].pattern), false,
                 MatchTarget{.exact = false, .index = i});
  }
}

void add_exact_patterns(std::string_view whole, std::size_t index, Patterns& patterns) {
  const std::string_view value = whole.substr(0, kMatchedSecret);
  const MatchTarget target{.exact = true, .index = index};
  std::set<std::string> forms{std::string(value)};
  for (std::size_t alignment = 0; alignment < 3; ++alignment) {
    std::string form = base64_core(value, alignment);
    forms.insert(base64_url_safe(form));
    forms.insert(std::move(form));
  }
  for (const std::string& form : forms) patterns.add(escape_for_matcher(form), false, target);
  patterns.add(hex_lower(value), true, target);
}

}  // namespace

SecretSet::SecretSet(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SecretSet::~SecretSet() = default;

std::size_t SecretSet::exact_count() const noexcept { return impl_->exact.size(); }

Expected<> SecretSet::check(const std::vector<SecretSpec>& secrets) {
  if (secrets.size() > kMaxSecrets) {
    return Error{ExitCode::kUsage, "more than " + std::to_string(kMaxSecrets) + " secrets", ""};
  }
  if (token_shapes().size() > kMaxShapes) {
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

Expected<std::unique_ptr<const SecretSet>> SecretSet::make(std::vector<SecretSpec> secrets) {
  const auto checked = check(secrets);
  if (!checked) return checked.error();
  auto impl = std::make_unique<Impl>();
  Patterns patterns;
  add_shape_patterns(patterns);
  for (const SecretSpec& secret : secrets) {
    const std::size_t index = impl->exact.size();
    impl->exact.push_back(Impl::Exact{.name = secret.name,
                                      .hosts = canonical(secret.hosts),
                                      .in_body = secret.in_body,
                                      .shapes = {}});
    impl->has_space = impl->has_space || secret.value.find(' ') != std::string::npos;
    add_exact_patterns(secret.value, index, patterns);
    for (std::string form : {to_lower(secret.value), hex_lower(secret.value)}) {
      if (form.size() <= 253) impl->in_host.emplace_back(std::move(form), index);
    }
  }
  auto database = MatchDatabase::compile(patterns.expressions);
  if (!database) return database.error();
  impl->targets = std::move(patterns.targets);
  impl->database = std::move(*database);
  impl->find_shapes(secrets);
  return std::unique_ptr<const SecretSet>(new SecretSet(std::move(impl)));
}

}  // namespace bottle
