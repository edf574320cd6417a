#include "proxy/guard/secret_scanner.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/guard/encodings.h"
#include "proxy/guard/escapes.h"
#include "proxy/guard/matcher.h"
#include "proxy/guard/secret_set_impl.h"

namespace bottle {
namespace {

constexpr std::size_t kDecodeBlock = 4096;

bool carries_credentials(const Field& field) {
  return iequals(field.name, "authorization") || iequals(field.name, "proxy-authorization");
}

// Libraries write field names in a case of their own, and HTTP/2 in lower case alone.
std::array<std::string, 3> spellings(std::string_view name) {
  std::string upper(name);
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return {std::string(name), to_lower(name), std::move(upper)};
}

}  // namespace

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

  std::optional<Finding> scan_host() const {
    for (const auto& [form, index] : set_.in_host) {
      const std::size_t at = host_.find(form);
      if (at != std::string::npos) {
        return Finding{.kind = FindingKind::Secret,
                       .severity = Severity::Refuse,
                       .name = set_.exact[index].name,
                       .part = RequestPart::Host,
                       .field = {},
                       .begin = at,
                       .end = at + form.size()};
      }
    }
    return std::nullopt;
  }

  // HTTP/2 has field names in lower case alone, so a value in one looks as it does in a host's
  // name.
  std::optional<Finding> scan_name(std::string_view name) const {
    const std::string lower = to_lower(name);
    for (const auto& [form, index] : set_.in_host) {
      const std::size_t at = lower.find(form);
      if (at == std::string::npos) continue;
      return Finding{.kind = FindingKind::Secret,
                     .severity = Severity::Refuse,
                     .name = set_.exact[index].name,
                     .part = RequestPart::Header,
                     .field = {},
                     .begin = at,
                     .end = at + form.size()};
    }
    return std::nullopt;
  }

  // A text that is there as a whole, in all the forms it may be read in.
  std::optional<Finding> scan_text(std::string_view text, RequestPart part) {
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
      if (body_hit_) body_hit_->end = fed_ + chunk.size();
      fed_ += chunk.size();
    }
    ScanResult result;
    result.safe = body_hit_ ? 0 : chunk.size();
    result.refused = body_hit_;
    return result;
  }

  std::optional<Finding> finish() {
    flush_stream(Form::Percent, percent_);
    if (set_.has_space) flush_stream(Form::PercentPlus, percent_plus_);
    flush_stream(Form::Json, json_);
    if (body_hit_ && body_hit_->end == 0) body_hit_->end = fed_;
    return body_hit_;
  }

 private:
  enum class Form : std::size_t { Raw, Percent, PercentPlus, Json };

  // Takes the first match that may not stand where it stands.
  struct Listener final : MatchListener {
    Listener(const State& state_in, RequestPart part_in) : state(state_in), part(part_in) {}
    bool matched(std::size_t id, unsigned long long end) override {
      const SecretSet::Impl& set = state.set_;
      const MatchTarget& target = set.targets[id];
      if (state.scheme_ == Scheme::Https && set.belongs(target, part, state.host_)) return true;
      hit = Finding{.kind = target.exact ? FindingKind::Secret : FindingKind::Token,
                    .name = target.exact ? set.exact[target.index].name
                                         : std::string(token_shapes()[target.index].name),
                    .part = part,
                    .field = {},
                    .end = end};
      return false;
    }
    const State& state;
    const RequestPart part;
    std::optional<Finding> hit;
  };

  std::optional<Finding> scan_one(std::string_view text, RequestPart part) {
    Listener listener(*this, part);
    text_stream_.reset();
    text_stream_.scan(text, listener);
    return std::move(listener.hit);
  }

  template <class Decoder>
  std::optional<Finding> scan_decoded(Decoder& decoder, std::string_view text, RequestPart part) {
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
  std::optional<Finding> body_hit_;
};

SecretScanner::SecretScanner(const SecretSet& set, ScanSpace& space, std::string_view host,
                             Scheme scheme)
    : state_(std::make_unique<State>(*set.impl_, *space.scratch_, host, scheme)) {}
SecretScanner::~SecretScanner() = default;

std::optional<Finding> SecretScanner::scan_head(const RequestHead& head) {
  auto hit = scan_host();
  if (!hit) hit = scan_url(head.target);
  if (!hit) hit = scan_fields(head.fields);
  return hit;
}

std::optional<Finding> SecretScanner::scan_host() { return state_->scan_host(); }

std::optional<Finding> SecretScanner::scan_url(std::string_view target) {
  return state_->scan_text(target, RequestPart::Url);
}

std::optional<Finding> SecretScanner::scan_fields(const Fields& fields) {
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

std::optional<Finding> SecretScanner::finish() { return state_->finish(); }

}  // namespace bottle
