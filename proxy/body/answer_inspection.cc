#include "proxy/body/answer_inspection.h"

#include <utility>

namespace bottle {
namespace {

// Nothing is exempt: a secret that comes back has been somewhere.
constexpr std::string_view kNoHost;

}  // namespace

AnswerInspection::AnswerInspection(const Services& services, const BodyForm& form,
                                   std::string_view content_type, DecodeLimits limits)
    : services_(services), scanner_(services.answers, services.space, content_type) {
  if (services_.secrets.exact_count() > 0) {
    begin(body_);
    if (content_type.find("event-stream") != std::string_view::npos) begin(joined_);
  }
  if (form.plain()) return;
  // It is streamed on: its size costs nothing.
  limits.decoded_bytes = UINT64_MAX;
  decoder_ = make_decoder(form, limits, services_.decode);
}

Result<> AnswerInspection::feed(ByteView piece, bool end) {
  empty_ = empty_ && piece.empty();
  if (!decoder_) {
    look(piece);
  } else {
    auto decoded = decode(piece);
    if (!decoded) return decoded;
    if (end && !empty_) {
      auto finished = decoder_->finish();
      if (!finished) return finished;
    }
  }
  if (end) {
    (void)scanner_.finish();
    finish(body_);
    finish(joined_);
  }
  return {};
}

Result<> AnswerInspection::decode(ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    const auto progress = decoder_->decode(in, services_.decode.room());
    if (!progress) return progress.error();
    in.remove_prefix(progress->consumed);
    full = progress->produced == services_.decode.room().size();
    look(ByteView(services_.decode.room().data(), progress->produced));
  }
  return {};
}

void AnswerInspection::look(ByteView text) {
  (void)scanner_.feed(text);
  look_for_secrets(body_, text);
  if (!joined_.scanner) return;
  Bytes joined;
  events_.feed(text, joined);
  look_for_secrets(joined_, joined);
}

// A scanner ends with the first thing it finds, which may be a token that is none of ours. Then the
// step is looked through as a whole, and once more with the next one: another scanner begins there.
void AnswerInspection::look_for_secrets(SecretLane& lane, ByteView text) {
  while (!text.empty() && lane.scanner && !echo_) {
    const ByteView step = text.substr(0, kStep);
    text.remove_prefix(step.size());
    const ScanResult result = lane.scanner->feed(step);
    if (result.refused && result.refused->kind == FindingKind::Secret) {
      echo_ = *result.refused;
      return;
    }
    if (result.refused || lane.cut) look_through(lane.recent + Bytes(step));
    lane.cut = result.refused.has_value();
    lane.recent.append(step);
    if (lane.recent.size() > kStep) lane.recent.erase(0, lane.recent.size() - kStep);
    if (!lane.cut || echo_) continue;
    if (++lane.tokens == kMaxTokens) {
      lane.scanner.reset();
    } else {
      begin(lane);
    }
  }
}

void AnswerInspection::look_through(const Bytes& text) {
  SecretScanner scanner(services_.secrets, services_.scan, kNoHost, Scheme::Http);
  for (Finding& finding : scanner.find_all(text)) {
    if (finding.kind == FindingKind::Secret) echo_ = std::move(finding);
  }
}

void AnswerInspection::begin(SecretLane& lane) {
  lane.scanner.emplace(services_.secrets, services_.scan, kNoHost, Scheme::Http);
}

void AnswerInspection::finish(SecretLane& lane) {
  if (!lane.scanner || echo_) return;
  const auto last = lane.scanner->finish();
  if (last && last->kind == FindingKind::Secret) echo_ = *last;
}

std::vector<Finding> AnswerInspection::take_findings() {
  const std::vector<Finding>& all = scanner_.findings();
  std::vector<Finding> fresh(all.begin() + static_cast<std::ptrdiff_t>(taken_), all.end());
  taken_ = all.size();
  if (echo_ && !echo_told_) {
    echo_told_ = true;
    Finding echo;
    echo.kind = FindingKind::Answer;
    echo.severity = Severity::Note;
    echo.name = std::string(to_string(AnswerClass::SecretEcho));
    echo.fingerprint = echo_->fingerprint;
    fresh.push_back(std::move(echo));
  }
  return fresh;
}

}  // namespace bottle
