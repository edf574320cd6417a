#include "proxy/body/answer_inspection.h"

#include <utility>

namespace bottle {
namespace {

// Nothing is exempt: a secret that comes back has been somewhere.
constexpr std::string_view kNoHost;

}  // namespace

AnswerInspection::AnswerInspection(const Services& services, const Codings& codings,
                                   std::string_view content_type, DecodeLimits limits)
    : services_(services), scanner_(services.answers, services.space, content_type) {
  if (services_.secrets.exact_count() > 0) {
    secrets_.emplace(services_.secrets, services_.scan, kNoHost, Scheme::Http);
  }
  if (codings.empty()) return;
  // It is streamed on: its size costs nothing.
  limits.decoded_bytes = UINT64_MAX;
  decoder_ = ContentDecoder::make(codings, limits, services_.decode);
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
    if (secrets_ && !echo_) {
      const auto last = secrets_->finish();
      if (last && last->kind == FindingKind::Secret) echo_ = *last;
    }
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
  look_for_secrets(text);
}

// A scanner ends with the first thing it finds, which may be a token that is none of ours.
void AnswerInspection::look_for_secrets(ByteView text) {
  constexpr std::size_t kStep = 1024;
  while (!text.empty() && secrets_ && !echo_) {
    const ByteView step = text.substr(0, kStep);
    text.remove_prefix(step.size());
    const ScanResult result = secrets_->feed(step);
    if (!result.refused) continue;
    if (result.refused->kind == FindingKind::Secret) {
      echo_ = *result.refused;
    } else if (++tokens_ == kMaxTokens) {
      secrets_.reset();
    } else {
      secrets_.emplace(services_.secrets, services_.scan, kNoHost, Scheme::Http);
    }
  }
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
