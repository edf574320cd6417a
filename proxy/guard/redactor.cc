#include "proxy/guard/redactor.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/http/media_type.h"

namespace bottle {
namespace {

constexpr std::size_t kRedactPiece = 4096;
constexpr std::size_t kMaxName = 64;

bool is_utf8(std::string_view parameters) {
  const std::string lower = to_lower(parameters);
  const std::size_t at = lower.find("charset");
  if (at == std::string::npos) return true;
  std::string_view value = trim_ows(std::string_view(lower).substr(at + 7));
  if (!value.starts_with('=') || lower.find("charset", at + 1) != std::string::npos) return false;
  value = trim_ows(value.substr(1));
  value = trim_ows(value.substr(0, value.find(';')));
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
    value = value.substr(1, value.size() - 2);
  }
  return value == "utf-8" || value == "utf8" || value == "us-ascii";
}

}  // namespace

std::optional<RedactKind> redact_kind(const Fields& fields) {
  if (fields.count("content-type") != 1) return std::nullopt;
  const std::string_view field = *fields.find("content-type");
  const std::size_t semicolon = std::min(field.find(';'), field.size());
  const std::string type = media_type(fields);
  if (!is_utf8(field.substr(semicolon))) return std::nullopt;
  // A call may go both ways at the same time: it cannot be held.
  if (type.starts_with("application/grpc")) return std::nullopt;
  if (is_json_type(type)) return RedactKind::Json;
  if (type == "application/x-www-form-urlencoded") return RedactKind::Form;
  if (type == "text/plain") return RedactKind::Plain;
  return std::nullopt;
}

bool is_sealed(const Fields& fields) {
  for (const std::string_view name :
       {"content-md5", "digest", "content-digest", "repr-digest", "signature", "signature-input"}) {
    if (fields.has(name)) return true;
  }
  const auto hash = fields.find("x-amz-content-sha256");
  if (hash && *hash != "UNSIGNED-PAYLOAD") return true;
  const auto authorization = fields.find("authorization");
  return !hash && authorization && to_lower(*authorization).starts_with("aws4-");
}

std::string redaction_of(std::string_view name) {
  std::string shown(name.substr(0, kMaxName));
  std::replace_if(
      shown.begin(), shown.end(),
      [](char c) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == ' ' || c == '_' || c == '-' || c == '.';
        return !plain;
      },
      '?');
  return "[bottle: " + shown + " removed]";
}

Redactor::Redactor(const ScanPlace& place, RedactKind kind, Bytes text)
    : place_(place), finder_(place), kind_(kind), text_(std::move(text)) {
  begin_pass(Pass::Spans);
}
Redactor::~Redactor() = default;

void Redactor::begin_pass(Pass pass) {
  pass_ = pass;
  scanner_.reset();
  leaves_.reset();
  if (kind_ == RedactKind::Json) leaves_.emplace(text_);
  from_ = at_ = kept_ = 0;
  out_.clear();
  changed_ = false;
}

Result<bool> Redactor::step() {
  const std::size_t until = std::min(text_.size(), at_ + kStep);
  while (at_ < until) {
    if (!scanner_) {
      scanner_ =
          std::make_unique<SecretScanner>(place_.secrets, place_.space, place_.host, place_.scheme);
      from_ = at_;
    }
    // No further than that: a hit may end in the piece that comes.
    if (leaves_) (void)leaves_->last_before(at_);
    const ByteView piece = ByteView(text_).substr(at_, std::min(kRedactPiece, until - at_));
    auto found = scanner_->feed(piece).refused;
    if (!found && at_ + piece.size() == text_.size()) found = scanner_->finish();
    at_ += piece.size();
    if (!found) continue;
    const ByteView scanned = ByteView(text_).substr(from_, at_ - from_);
    const std::size_t end = from_ + finder_.end_of_hit(scanned, scanned.size() - piece.size());
    const auto done = on_hit(std::move(*found), end);
    if (!done) return done.error();
    return false;
  }
  if (at_ < text_.size()) return false;
  return end_pass();
}

Result<bool> Redactor::end_pass() {
  if (leaves_ && !leaves_->valid()) {
    if (!findings_.empty()) return refusal(findings_.front());
    return Failure{Code::Denied, "the request carries a secret in a body that is no valid JSON",
                   problem_code::kSecretInBody};
  }
  if (!changed_) return true;
  out_ += ByteView(text_).substr(kept_);
  leaves_.reset();
  text_ = std::move(out_);
  begin_pass(pass_ == Pass::Spans ? Pass::Values : Pass::Check);
  return false;
}

// The value that begins last before `end`.
std::optional<Redactor::Value> Redactor::value_before(std::size_t end) {
  if (kind_ == RedactKind::Plain) return Value{.at = {.begin = 0, .end = text_.size()}, .path = {}};
  if (kind_ == RedactKind::Json) {
    const auto leaf = leaves_->last_before(end);
    if (!leaf) return std::nullopt;
    return Value{.at = *leaf, .path = leaves_->path_of(*leaf)};
  }
  const std::size_t before = end < 2 ? std::string::npos : text_.rfind('&', end - 2);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  const std::size_t pair_end = std::min(text_.find('&', begin), text_.size());
  const std::size_t equals = text_.find('=', begin);
  const bool is_name = equals >= pair_end || end <= equals + 1;
  return Value{.at = {.begin = is_name ? begin : equals + 1, .end = pair_end, .is_key = is_name},
               .path = {}};
}

Result<> Redactor::on_hit(Finding finding, std::size_t end) {
  finding.begin = 0;
  finding.end = end;
  const auto value = value_before(end);
  if (value) finding.json_path = value->path;
  const bool done = value && value->at.begin < kept_;  // the hit is behind the value
  if (!value || value->at.is_key || done || pass_ == Pass::Check) return refusal(finding);
  auto spans = spans_in(*value, finding);
  // A part of a longer value: the rest of it is in other strings, where no piece may be found.
  const auto is_part = [&](const FoundSpan& found) {
    return found.finding.value_size > value->at.end - value->at.begin;
  };
  if (std::any_of(spans.begin(), spans.end(), is_part)) return refusal(finding);
  replace(*value, std::move(spans));
  if (out_.size() > 2 * text_.size() + kStep) return refusal(finding);
  at_ = kept_;
  scanner_.reset();
  return {};
}

std::vector<FoundSpan> Redactor::spans_in(const Value& value, const Finding& finding) const {
  const ByteView leaf = ByteView(text_).substr(value.at.begin, value.at.end - value.at.begin);
  const Bytes text = decode_leaf(coding(), leaf);
  std::vector<FoundSpan> spans;
  if (pass_ == Pass::Spans) spans = finder_.find(text);
  if (spans.empty()) {
    spans.push_back(FoundSpan{.span = {.begin = 0, .end = text.size()}, .finding = finding});
  }
  return spans;
}

void Redactor::replace(const Value& value, std::vector<FoundSpan> spans) {
  std::vector<LeafEdit> edits;
  edits.reserve(spans.size());
  for (const FoundSpan& found : spans) {
    edits.push_back(LeafEdit{.span = found.span, .text = redaction_of(found.finding.name)});
  }
  out_ += ByteView(text_).substr(kept_, value.at.begin - kept_);
  const ByteView leaf = ByteView(text_).substr(value.at.begin, value.at.end - value.at.begin);
  out_ += edit_leaf(coding(), leaf, edits);
  kept_ = value.at.end;
  changed_ = true;
  for (std::size_t i = 0; i < spans.size() && findings_.size() < kMaxTold; ++i) {
    Finding finding = std::move(spans[i].finding);
    finding.json_path = value.path;
    finding.begin = value.at.begin + edits[i].raw.begin;
    finding.end = value.at.begin + edits[i].raw.end;
    findings_.push_back(std::move(finding));
  }
}

LeafCoding Redactor::coding() const {
  switch (kind_) {
    case RedactKind::Json:
      return LeafCoding::Json;
    case RedactKind::Form:
      return LeafCoding::Form;
    case RedactKind::Plain:
      break;
  }
  return LeafCoding::Plain;
}

}  // namespace bottle
