#include "proxy/body/body_scan.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/problem_codes.h"
#include "proxy/guard/views/stream_mark.h"

namespace bottle {
namespace {

// Behind other bytes a stream may be a picture's, which is small for its size.
bool refuses_undeclared(const Failure& failure, bool is_behind) {
  return failure.code == Code::Overloaded || (failure.code == Code::Denied && !is_behind);
}

// Each try costs a decoder, so they are bounded: no document has so many streams in so few bytes.
constexpr std::uint64_t kFreeTries = 64;
constexpr std::uint64_t kBytesATry = 512;
constexpr std::uint64_t kPackMark = 4;

Failure too_many_streams() {
  return Failure{Code::BodyTooLarge, "the body begins compressed streams in too many places",
                 problem_code::kCodingBomb, "Send the texts as they are."};
}

}  // namespace

BodyScan::BodyScan(const SecretSet& set, ScanSpace& scan, DecodeSpace& decode,
                   std::string_view host, Scheme scheme, const BodyForm& form, DecodeLimits limits)
    : set_(set),
      scan_space_(scan),
      space_(decode),
      host_(host),
      scheme_(scheme),
      limits_(limits),
      raw_(set, scan, host, scheme),
      pack_(set, scan, decode, host_, scheme),
      declared_(!form.plain()),
      sniffing_(form.plain()) {
  if (!declared_) return;  // as it comes: streamed on, so no limit but the session's
  if (form.messages) {
    messages_ = std::make_unique<BodyScan>(set, scan, decode, host, scheme, BodyForm(), limits);
  } else {
    decoded_.emplace(set, scan, host, scheme);
  }
  decoder_ = make_decoder(form, limits, space_);
}

void BodyScan::set_report(std::function<void(const Finding&)> report) {
  report_ = std::move(report);
  if (!messages_) return;
  messages_->report_ = [this](const Finding& finding) {
    if (finding.severity == Severity::Note) {
      report_note(finding);
    } else if (report_) {
      report_(finding);
    }
  };
}

Failure BodyScan::refuse(const Finding& finding) {
  report_notes();
  if (report_) report_(finding);
  return refusal(finding);
}

void BodyScan::report_notes() {
  if (!report_) return;
  for (const Finding& note : raw_.notes()) report_note(note);
  if (!decoded_) return;
  for (const Finding& note : decoded_->notes()) report_note(note);
}

// A note that several scanners have is told once.
void BodyScan::report_note(const Finding& note) {
  const auto same = [&](const Finding& other) {
    return other.name == note.name && other.fingerprint == note.fingerprint;
  };
  if (!report_ || std::any_of(told_.begin(), told_.end(), same)) return;
  told_.push_back(note);
  report_(note);
}

Result<Bytes> BodyScan::feed(Bytes piece, bool end) {
  fed_ += piece.size();
  const ScanResult raw = raw_.feed(piece);
  if (raw.refused) return refuse(*raw.refused);
  if (!piece.empty()) raw_waits_ = raw.safe < piece.size();
  if (end) {
    const std::optional<Finding> last = raw_.finish();
    if (last) return refuse(*last);
  }
  if (!declared_) {
    const std::optional<Finding> packed = pack_.feed(piece, end);
    if (packed) return refuse(*packed);
    if (pack_.lacks_memory()) {
      return refuse(Finding{.kind = FindingKind::Unread,
                            .name = "a git pack, and no memory to look into it"});
    }
  }
  const auto decoded = declared_ ? decode(piece) : decode_undeclared(piece);
  if (!decoded) return decoded.error();
  if (end) {
    auto finished = finish_decoded();
    if (!finished) return finished.error();
    report_notes();
  }
  const bool waits = !end && (raw_waits_ || decoded_waits_);
  if (held_.empty() && !decoder_ && !waits) return piece;
  held_ += piece;
  std::size_t unseen = end || !decoder_ ? 0 : decoder_->unseen();
  if (!end) unseen = std::max(unseen, messages_held_);
  if (waits) unseen = std::max<std::size_t>(unseen, 1);
  Bytes out = held_.substr(0, held_.size() - std::min(unseen, held_.size()));
  held_.erase(0, out.size());
  return out;
}

Result<> BodyScan::pause() {
  std::optional<Finding> hit = raw_.pause();
  if (!hit && decoded_) hit = decoded_->pause();
  if (hit) return refuse(*hit);
  if (messages_) return messages_->pause();
  return {};
}

Result<> BodyScan::look_at(const Fields& trailers) {
  const std::optional<Finding> hit = raw_.scan_fields(trailers);
  if (hit) return refuse(*hit);
  report_notes();
  return {};
}

Result<> BodyScan::decode(ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    const auto progress = decoder_->decode(in, space_.room());
    if (!progress) return progress.error();
    in.remove_prefix(progress->consumed);
    full = progress->produced == space_.room().size();
    auto shown = show(progress->produced);
    if (!shown) return shown;
  }
  return {};
}

// Of the decoder's output, in the room.
Result<> BodyScan::show(std::size_t decoded) {
  if (messages_) {
    // A copy: the scan of the messages may decode into the same room.
    auto seen = messages_->feed(Bytes(space_.room().data(), decoded), false);
    if (!seen) return seen.error();
    messages_held_ += decoded;
    messages_held_ -= seen->size();
    return {};
  }
  const ScanResult result = decoded_->feed(ByteView(space_.room().data(), decoded));
  if (result.refused) return refuse(*result.refused);
  if (decoded > 0) decoded_waits_ = result.safe < decoded;
  return {};
}

Result<> BodyScan::decode_undeclared(ByteView in) {
  bool full = false;
  while (!in.empty() || full) {
    if (sniffing_) {
      beginning_ += in.front();
      in.remove_prefix(1);
      begin_undeclared();
      continue;
    }
    if (!decoder_) {
      // The objects of a pack have their own reader, which needs four bytes to know one.
      const bool is_pack = fed_ > kPackMark && pack_.reading();
      if (!seeks_ || is_pack || !seek_stream(in)) return {};
      if (++tried_ > kFreeTries + fed_ / kBytesATry) return too_many_streams();
      continue;
    }
    const auto progress = decoder_->decode(in, space_.room());
    if (!progress) {
      if (refuses_undeclared(progress.error(), is_behind_)) return progress.error();
      // The rest belongs to that stream, and is no place to look for others.
      seeks_ = progress.error().code != Code::BodyTooLarge;
      decoder_.reset();
      full = false;
      continue;
    }
    in.remove_prefix(progress->consumed);
    full = progress->produced == space_.room().size();
    if (is_behind_) {
      if (is_too_much(progress->produced)) {
        decoder_.reset();
        full = false;
        continue;
      }
    } else {
      limits_.decoded_bytes -= std::min<std::uint64_t>(limits_.decoded_bytes, progress->produced);
    }
    auto shown = show(progress->produced);
    if (!shown) return shown;
    if (!decoder_->ended()) continue;
    if (is_behind_ && tried_ > 0) --tried_;
    // Another member or frame may follow, which unpacking tools take for the same text.
    decoder_.reset();
    full = false;
    sniffing_ = true;
  }
  return {};
}

// From where a stream may begin behind other bytes.
bool BodyScan::seek_stream(ByteView& in) {
  const std::size_t at = find_stream_mark(in);
  if (at == ByteView::npos) return false;
  in.remove_prefix(at);
  is_behind_ = true;
  sniffing_ = true;
  return true;
}

// Of a stream behind other bytes, with so many more.
bool BodyScan::is_too_much(std::size_t decoded) {
  static constexpr std::uint64_t kFree = 64 * 1024;
  static constexpr std::uint64_t kFactor = 3;
  stream_decoded_ += decoded;
  behind_decoded_ += decoded;
  return stream_decoded_ > kMostBehind || behind_decoded_ > kFactor * fed_ + kFree;
}

// With a byte more of `beginning_`.
void BodyScan::begin_undeclared() {
  StreamMark mark_seen = StreamMark::None;
  while (!beginning_.empty() && mark_seen == StreamMark::None) {
    mark_seen = stream_mark(beginning_);
    if (mark_seen == StreamMark::Maybe) return;
    if (mark_seen != StreamMark::None) break;
    // The mark may begin with a later one of them.
    beginning_.erase(0, 1);
    is_behind_ = true;
  }
  sniffing_ = false;
  if (mark_seen != StreamMark::None && (is_behind_ || streams_left_ > 0)) {
    if (!is_behind_) --streams_left_;
    stream_decoded_ = 0;
    if (!decoded_) decoded_.emplace(set_, scan_space_, host_, scheme_);
    decoder_ = ContentDecoder::make(coding_of(mark_seen), limits_, space_);
    // The mark alone gives nothing out and needs no memory to speak of; what goes wrong with it
    // shows with the next byte.
    ByteView mark = beginning_;
    while (!mark.empty()) {
      const auto progress = decoder_->decode(mark, space_.room());
      if (!progress) break;
      mark.remove_prefix(progress->consumed);
    }
  }
  beginning_.clear();
}

Result<> BodyScan::finish_decoded() {
  if (declared_) {
    auto finished = decoder_->finish();
    if (!finished) return finished;
  }
  if (messages_) {
    auto last = messages_->feed(Bytes(), true);
    if (!last) return last.error();
    return {};
  }
  if (!decoded_) return {};
  const std::optional<Finding> last = decoded_->finish();
  if (last) return refuse(*last);
  return {};
}

}  // namespace bottle
