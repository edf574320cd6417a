#include "proxy/guard/answers/answer_scanner.h"

#include <algorithm>

#include "proxy/guard/answers/words.h"

namespace bottle {
namespace {

// Signs of a decoded word that make it an instruction: no text encodes those by chance.
constexpr unsigned kEncodedSigns = 45;
constexpr unsigned kMaxDepth = 2;

}  // namespace

AnswerScanner::AnswerScanner(const AnswerSet& set, AnswerSpace& space,
                             std::string_view content_type)
    : set_(set), space_(space), content_type_(content_type) {}

bool AnswerScanner::feed(ByteView bytes) {
  const std::size_t before = findings_.size();
  if (!begun_) {
    const std::size_t more = std::min(bytes.size(), kKindBytes - beginning_.size());
    beginning_ += bytes.substr(0, more);
    bytes.remove_prefix(more);
    if (beginning_.size() < kKindBytes) return false;
    begin();
  }
  look(bytes);
  return findings_.size() > before;
}

bool AnswerScanner::finish() {
  const std::size_t before = findings_.size();
  if (!begun_) begin();
  if (body_) look(*body_, {}, true);
  if (joined_) look(*joined_, {}, true);
  return findings_.size() > before;
}

void AnswerScanner::begin() {
  begun_ = true;
  kind_ = text_kind(content_type_, beginning_);
  if (kind_ == TextKind::None) return;
  const auto lane = [this](MarkupText::Mode mode) {
    FoundListener& listener = *this;
    DecodedSink& sink = *this;
    return std::make_unique<Lane>(set_, space_.scratch(), listener, mode, sink);
  };
  body_ = lane(kind_ == TextKind::Html ? MarkupText::Mode::Strip : MarkupText::Mode::Mark);
  if (kind_ == TextKind::Events) joined_ = lane(MarkupText::Mode::Mark);
  look(beginning_);
  free_bytes(beginning_);
}

void AnswerScanner::look(ByteView bytes) {
  if (!body_) return;
  while (!bytes.empty()) {
    const ByteView step = bytes.substr(0, kPiece);
    look(*body_, step, false);
    if (joined_) {
      event_text_.clear();
      events_.feed(step, event_text_);
      if (!event_text_.empty()) look(*joined_, event_text_, false);
    }
    at_ += step.size();
    bytes.remove_prefix(step.size());
  }
}

// A page's entities stand in its text, and are undone behind its tags. Elsewhere markup may stand
// in a string, and is looked for in it.
void AnswerScanner::look(Lane& lane, ByteView bytes, bool end) {
  if (kind_ != TextKind::Html) {
    const bool strings = kind_ == TextKind::Json || kind_ == TextKind::Events;
    look_behind_escapes(lane, strings ? 0 : 1, bytes, end);
    return;
  }
  lane.without_tags.clear();
  lane.marks.clear();
  lane.markup.feed(bytes, lane.without_tags, lane.watch.size(), lane.marks);
  if (end) lane.markup.flush(lane.without_tags);
  look_behind_escapes(lane, 1, lane.without_tags, end);
}

// Layer 0 are the escapes of a string: control sequences in it are real ones. Behind layer 1, which
// any text may have, they are a documentation's, and are taken out.
void AnswerScanner::look_behind_escapes(Lane& lane, std::size_t layer, ByteView bytes, bool end) {
  if (layer == lane.escapes.size()) {
    look_at_text(lane, bytes, end);
    return;
  }
  EscapeView& view = lane.escapes[layer];
  if (layer == 0) {
    if (!end && view.passes(bytes)) {
      look_behind_escapes(lane, 1, bytes, end);
      return;
    }
    Bytes& out = lane.unescaped[0];
    out.clear();
    view.decode(bytes, out);
    if (end) view.flush(out);
    look_behind_escapes(lane, 1, out, end);
    return;
  }
  const bool has_control = bytes.find('\x1b') != ByteView::npos;
  if (!end && !has_control && view.passes(bytes)) {
    look_at_text(lane, bytes, end);
    return;
  }
  Bytes& out = lane.unescaped[1];
  out.clear();
  while (!bytes.empty()) {
    const std::size_t control = bytes.find('\x1b');
    const std::size_t begin = out.size();
    view.decode(bytes.substr(0, control), out);
    // No escape goes on behind a control sequence.
    if (control != ByteView::npos) view.flush(out);
    std::replace(out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), '\x1b', ' ');
    if (control == ByteView::npos) break;
    out += '\x1b';
    bytes.remove_prefix(control + 1);
  }
  if (end) view.flush(out);
  look_at_text(lane, out, end);
}

void AnswerScanner::look_at_text(Lane& lane, ByteView text, bool end) {
  if (kind_ != TextKind::Html) {
    lane.marks.clear();
    if (!lane.markup.passes(text)) {
      lane.without_tags.clear();
      lane.markup.feed(text, lane.without_tags, lane.watch.size(), lane.marks);
    }
  }
  if (!is_ascii(text) && lane.invisible.feed(text)) found(AnswerClass::HiddenText, 0);
  if (!end && lane.fold.passes(text)) {
    watch_text(lane, text);
    return;
  }
  lane.folded.clear();
  lane.fold.decode(text, lane.folded);
  if (end) lane.fold.flush(lane.folded);
  watch_text(lane, lane.folded);
  if (!end) return;
  lane.runs.flush();
  lane.watch.finish();
}

void AnswerScanner::watch_text(Lane& lane, ByteView text) {
  lane.watch.feed(text, lane.marks);
  lane.runs.feed(text);
}

void AnswerScanner::found(AnswerClass what, std::uint64_t) {
  // In a decoded word it is that which is told.
  if (depth_ > 0) {
    add(AnswerClass::EncodedInstruction, at_);
    return;
  }
  add(what, at_);
}

void AnswerScanner::add(AnswerClass what, std::uint64_t at) {
  bool& told = told_[static_cast<std::size_t>(what)];
  if (told) return;
  told = true;
  Finding finding;
  finding.kind = FindingKind::Answer;
  finding.severity = Severity::Note;
  finding.name = to_string(what);
  finding.begin = at;
  finding.end = at;
  findings_.push_back(std::move(finding));
}

void AnswerScanner::decoded(ByteView text) {
  if (depth_ == kMaxDepth || told_[static_cast<std::size_t>(AnswerClass::EncodedInstruction)])
    return;
  ++depth_;
  TextWatch watch(set_, space_.scratch(), *this);
  watch.feed(text);
  watch.finish();
  if (watch.heaviest() >= kEncodedSigns) add(AnswerClass::EncodedInstruction, at_);
  if (depth_ < kMaxDepth) {
    EncodedRuns again(*this);
    again.feed(text);
    again.flush();
  }
  --depth_;
}

}  // namespace bottle
