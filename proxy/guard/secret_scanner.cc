#include "proxy/guard/secret_scanner.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <set>
#include <utility>

#include "proxy/contract/host_pattern.h"
#include "proxy/guard/encodings.h"
#include "proxy/guard/escapes.h"
#include "proxy/guard/matcher.h"

namespace bottle {
namespace {

constexpr std::size_t kMaxShapes = 64;
constexpr std::size_t kMaxNameSize = 128;
constexpr std::size_t kMaxHosts = 64;
constexpr std::size_t kDecodeBlock = 4096;

// The meaning of a pattern's id.
struct Target {
  bool exact = false;
  std::size_t index = 0;
};

// The patterns and what they stand for, by id.
struct Patterns {
  std::vector<MatchPattern> expressions;
  std::vector<Target> targets;

  void add(std::string expression, bool any_case, Target target) {
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

bool carries_credentials(const Field& field) {
  return iequals(field.name, "authorization") || iequals(field.name, "proxy-authorization");
}

// Libraries write field names in a case of their own, and HTTP/2 in lower case alone.
std::array<std::string, 3> spellings(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return {std::string(name), to_lower(name), std::move(upper)};
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

}  // namespace

Failure refusal(const Hit& hit) {
  const std::string part(to_string(hit.part));
  std::string where;
  switch (hit.part) {
    case RequestPart::Host:
      where = "the host's name";
      break;
    case RequestPart::Url:
      where = "the URL";
      break;
    case RequestPart::Header:
      where = hit.field.empty() ? "a header field's name" : "the header field " + hit.field;
      break;
    case RequestPart::Body:
      where = "the body (it ends at byte " + std::to_string(hit.offset) + ")";
      break;
  }
  return Failure{Code::Denied, "the request carries a secret (" + hit.name + ") in " + where,
                 "secret_in_" + part,
                 "Take the secret (" + hit.name + ") out of " + where +
                     ". If this host is where it belongs, the person who runs the bottle can add "
                     "it to the \"hosts\" of that secret."};
}

struct SecretSet::Impl {
  struct Exact {
    std::string name;
    std::optional<std::vector<std::string>> hosts;
    bool in_body = false;
    std::bitset<kMaxShapes> shapes;  // well-known shapes found in the value
  };

  std::vector<Exact> exact;
  std::vector<Target> targets;  // by pattern id
  // Forms of the values that survive in a host's name, which has no upper case.
  std::vector<std::pair<std::string, std::size_t>> in_host;
  bool has_space = false;  // a value has a space: '+' must be read as one too
  // Streaming mode serves texts that are there as a whole, too (by resetting a stream): a second
  // database would double the time to start.
  std::optional<MatchDatabase> database;

  // Which of the values are tokens of a well-known shape.
  void find_shapes(const std::vector<SecretSpec>& secrets) {
    struct Listener final : MatchListener {
      explicit Listener(const std::vector<Target>& all) : targets(all) {}
      bool matched(std::size_t id, unsigned long long) override {
        if (!targets[id].exact) shapes.set(targets[id].index);
        return true;
      }
      const std::vector<Target>& targets;
      std::bitset<kMaxShapes> shapes;
    };
    MatchScratch scratch(*database);
    for (std::size_t i = 0; i < secrets.size(); ++i) {
      MatchStream stream(*database, scratch);
      Listener listener(targets);
      stream.scan(secrets[i].value, listener);
      exact[i].shapes = listener.shapes;
    }
  }

  // True if the pattern may stand in that part of a request to that host (over https).
  bool belongs(const Target& target, RequestPart part, std::string_view host) const {
    return target.exact ? exact_belongs(exact[target.index], part, host)
                        : shape_belongs(target.index, part, host);
  }

 private:
  static bool home_takes(const TokenHome& home, RequestPart part, std::string_view host) {
    const bool takes = (part == RequestPart::Header && home.header) ||
                       (part == RequestPart::Url && home.url) ||
                       (part == RequestPart::Body && home.body);
    return takes && host_matches(home.host, host);
  }
  static bool built_in_home(std::size_t shape, RequestPart part, std::string_view host) {
    const auto homes = token_shapes()[shape].homes;
    return std::any_of(homes.begin(), homes.end(),
                       [&](const TokenHome& home) { return home_takes(home, part, host); });
  }
  static bool listed(const Exact& secret, RequestPart part, std::string_view host) {
    if (part != RequestPart::Header && !(part == RequestPart::Body && secret.in_body)) return false;
    return std::any_of(secret.hosts->begin(), secret.hosts->end(),
                       [&](const std::string& pattern) { return host_matches(pattern, host); });
  }
  static bool exact_belongs(const Exact& secret, RequestPart part, std::string_view host) {
    if (secret.hosts) return listed(secret, part, host);
    for (std::size_t shape = 0; shape < token_shapes().size(); ++shape) {
      if (secret.shapes[shape] && built_in_home(shape, part, host)) return true;
    }
    return false;
  }
  // A host to which an exact secret of that shape may go is a home of the shape, too: otherwise a
  // gateway's key that looks like the vendor's could be sent to neither.
  bool shape_belongs(std::size_t shape, RequestPart part, std::string_view host) const {
    if (built_in_home(shape, part, host)) return true;
    return std::any_of(exact.begin(), exact.end(), [&](const Exact& secret) {
      return secret.hosts && secret.shapes[shape] && listed(secret, part, host);
    });
  }
};

namespace {

void add_shape_patterns(Patterns& patterns) {
  for (std::size_t i = 0; i < token_shapes().size(); ++i) {
    patterns.add(std::string(token_shapes()[i].pattern), false, Target{.exact = false, .index = i});
  }
}

void add_exact_patterns(std::string_view whole, std::size_t index, Patterns& patterns) {
  const std::string_view value = whole.substr(0, kMatchedSecret);
  const Target target{.exact = true, .index = index};
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

ScanSpace::ScanSpace(const SecretSet& set)
    : scratch_(std::make_unique<MatchScratch>(*set.impl_->database)) {}
ScanSpace::~ScanSpace() = default;

class SecretScanner::State {
 public:
  State(const SecretSet::Impl& set, MatchScratch& scratch, std::string_view host, Scheme scheme)
      : set_(set),
        host_(host),
        scheme_(scheme),
        text_stream_(*set.database, scratch),
        streams_{MatchStream(*set.database, scratch), MatchStream(*set.database, scratch),
                 MatchStream(*set.database, scratch), MatchStream(*set.database, scratch)} {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::optional<Hit> scan_host() const {
    for (const auto& [form, index] : set_.in_host) {
      const std::size_t at = host_.find(form);
      if (at != std::string::npos) {
        return Hit{.name = set_.exact[index].name,
                   .part = RequestPart::Host,
                   .field = {},
                   .offset = at + form.size()};
      }
    }
    return std::nullopt;
  }

  // HTTP/2 has field names in lower case alone, so a value in one looks as it does in a host's
  // name.
  std::optional<Hit> scan_name(std::string_view name) const {
    const std::string lower = to_lower(name);
    for (const auto& [form, index] : set_.in_host) {
      const std::size_t at = lower.find(form);
      if (at == std::string::npos) continue;
      return Hit{.name = set_.exact[index].name,
                 .part = RequestPart::Header,
                 .field = {},
                 .offset = at + form.size()};
    }
    return std::nullopt;
  }

  // A text that is there as a whole, in all the forms it may be read in.
  std::optional<Hit> scan_text(std::string_view text, RequestPart part) {
    auto hit = scan_one(text, part);
    if (hit) return hit;
    PercentDecoder percent(false);
    hit = scan_decoded(percent, text, part);
    if (hit) return hit;
    if (set_.has_space) {
      PercentDecoder form(true);
      hit = scan_decoded(form, text, part);
      if (hit) return hit;
    }
    JsonUnescaper json;
    return scan_decoded(json, text, part);
  }

  ScanResult feed(ByteView chunk) {
    if (!body_hit_) {
      scan_stream(Form::Raw, chunk);
      scan_stream_decoded(Form::Percent, percent_, chunk);
      if (set_.has_space) scan_stream_decoded(Form::PercentPlus, percent_plus_, chunk);
      scan_stream_decoded(Form::Json, json_, chunk);
      if (body_hit_) body_hit_->offset = fed_ + chunk.size();
      fed_ += chunk.size();
    }
    ScanResult result;
    result.safe = body_hit_ ? 0 : chunk.size();
    result.hit = body_hit_;
    return result;
  }

  std::optional<Hit> finish() {
    flush_stream(Form::Percent, percent_);
    if (set_.has_space) flush_stream(Form::PercentPlus, percent_plus_);
    flush_stream(Form::Json, json_);
    if (body_hit_ && body_hit_->offset == 0) body_hit_->offset = fed_;
    return body_hit_;
  }

 private:
  enum class Form : std::size_t { Raw, Percent, PercentPlus, Json };

  // Takes the first match that may not stand where it stands.
  struct Listener final : MatchListener {
    Listener(const State& state_in, RequestPart part_in) : state(state_in), part(part_in) {}
    bool matched(std::size_t id, unsigned long long end) override {
      const SecretSet::Impl& set = state.set_;
      const Target& target = set.targets[id];
      if (state.scheme_ == Scheme::Https && set.belongs(target, part, state.host_)) return true;
      hit = Hit{.name = target.exact ? set.exact[target.index].name
                                     : std::string(token_shapes()[target.index].name),
                .part = part,
                .field = {},
                .offset = end};
      return false;
    }
    const State& state;
    const RequestPart part;
    std::optional<Hit> hit;
  };

  std::optional<Hit> scan_one(std::string_view text, RequestPart part) {
    Listener listener(*this, part);
    text_stream_.reset();
    text_stream_.scan(text, listener);
    return std::move(listener.hit);
  }

  template <class Decoder>
  std::optional<Hit> scan_decoded(Decoder& decoder, std::string_view text, RequestPart part) {
    if (decoder.passes(text)) return std::nullopt;  // the same text again
    Bytes decoded;
    decoder.decode(text, decoded);
    decoder.flush(decoded);
    return scan_one(decoded, part);
  }

  void scan_stream(Form form, ByteView bytes) {
    if (body_hit_ || bytes.empty()) return;
    Listener listener(*this, RequestPart::Body);
    streams_[static_cast<std::size_t>(form)].scan(bytes, listener);
    body_hit_ = std::move(listener.hit);
  }

  template <class Decoder>
  void scan_stream_decoded(Form form, Decoder& decoder, ByteView chunk) {
    if (decoder.passes(chunk)) {
      scan_stream(form, chunk);
      return;
    }
    while (!chunk.empty() && !body_hit_) {
      const ByteView block = chunk.substr(0, kDecodeBlock);
      decoded_.clear();
      decoder.decode(block, decoded_);
      scan_stream(form, decoded_);
      chunk.remove_prefix(block.size());
    }
  }

  template <class Decoder>
  void flush_stream(Form form, Decoder& decoder) {
    decoded_.clear();
    decoder.flush(decoded_);
    scan_stream(form, decoded_);
  }

  const SecretSet::Impl& set_;
  const std::string host_;
  const Scheme scheme_;
  MatchStream text_stream_;
  std::array<MatchStream, 4> streams_;  // by Form
  PercentDecoder percent_{false};
  PercentDecoder percent_plus_{true};
  JsonUnescaper json_;
  Bytes decoded_;
  std::uint64_t fed_ = 0;
  std::optional<Hit> body_hit_;
};

SecretScanner::SecretScanner(const SecretSet& set, ScanSpace& space, std::string_view host,
                             Scheme scheme)
    : state_(std::make_unique<State>(*set.impl_, *space.scratch_, host, scheme)) {}
SecretScanner::~SecretScanner() = default;

std::optional<Hit> SecretScanner::scan_head(const RequestHead& head) {
  auto hit = scan_host();
  if (!hit) hit = scan_url(head.target);
  if (!hit) hit = scan_fields(head.fields);
  return hit;
}

std::optional<Hit> SecretScanner::scan_host() { return state_->scan_host(); }

std::optional<Hit> SecretScanner::scan_url(std::string_view target) {
  return state_->scan_text(target, RequestPart::Url);
}

std::optional<Hit> SecretScanner::scan_fields(const Fields& fields) {
  // All of them at once first, as nearly always there is nothing. The line ends are boundaries for
  // the patterns, as the ends of a text are.
  Bytes all;
  for (const Field field : fields) {
    auto in_name = state_->scan_name(field.name);
    if (in_name) return in_name;
    for (const std::string& name : spellings(field.name)) all.append(name).append("\n");
    all.append(field.value).append("\n");
    if (carries_credentials(field)) {
      all.append(basic_credentials(field.value).value_or("")).append("\n");
    }
  }
  if (!state_->scan_text(all, RequestPart::Header)) return std::nullopt;
  // One by one then, which also tells where it is. A match across two fields is none.
  for (const Field field : fields) {
    for (const std::string& name : spellings(field.name)) {
      auto in_name = state_->scan_text(name, RequestPart::Header);
      if (in_name) return in_name;
    }
    auto hit = state_->scan_text(field.value, RequestPart::Header);
    if (!hit && carries_credentials(field)) {
      hit = state_->scan_text(basic_credentials(field.value).value_or(""), RequestPart::Header);
    }
    if (hit) {
      hit->field = std::string(field.name);
      return hit;
    }
  }
  return std::nullopt;
}

ScanResult SecretScanner::feed(ByteView chunk) { return state_->feed(chunk); }

std::optional<Hit> SecretScanner::finish() { return state_->finish(); }

}  // namespace bottle
