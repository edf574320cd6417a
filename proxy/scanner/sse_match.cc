#include "proxy/scanner/sse_match.h"

#include <algorithm>
#include <utility>

#include "proxy/contract/problem_codes.h"

namespace bottle {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
// A line as the scanner writes it is so much longer than the origin's, at most.
constexpr std::size_t kLonger = 16;

ByteView without_cr(ByteView line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Failure changed() {
  return Failure{Code::UpstreamBroken, "the scanner passed an event that the origin did not send",
                 problem_code::kChangedByScanner};
}

Failure too_large() {
  return Failure{Code::UpstreamBroken, "an event is larger than what can be held for the scanner",
                 problem_code::kEventTooLarge};
}

bool same(const SseEvents::Key& origins, const SseEvents::Key& scanners) {
  // The scanner repeats the last id; where it passes bytes on as they came, it does not.
  return origins.content == scanners.content && (!scanners.own_id || origins.id == scanners.id);
}

struct Line {
  ByteView name;
  ByteView value;
};

Line split(ByteView line) {
  const std::size_t colon = line.find(':');
  Line out{line.substr(0, colon), {}};
  if (colon == ByteView::npos) return out;
  out.value = line.substr(colon + 1);
  if (out.value.starts_with(' ')) out.value.remove_prefix(1);
  // However many CRs there were, one is lost on each way.
  while (out.value.ends_with('\r')) out.value.remove_suffix(1);
  return out;
}

}  // namespace

// ---- SseEvents ---------------------------------------------------------------------------------

bool SseEvents::line(ByteView line) {
  if (line.empty()) return end();
  if (line.front() == ':') return false;
  const Line field = split(line);
  if (field.name == "data") {
    if (!data_) data_.emplace();
    data_->update("d");
    data_->update(field.value);
    data_->update("\n");
  } else if (field.name == "event") {
    type_ = field.value;
  } else if (field.name == "retry") {
    retry_ = field.value;
  } else if (field.name == "id" && field.value.find('\0') == ByteView::npos) {
    id_ = field.value;
    own_id_ = true;
  }
  return false;
}

SseEvents::Key SseEvents::take() {
  Key key;
  data_->update("t");
  data_->update(type_);
  data_->update("\nr");
  data_->update(retry_);
  key.content = data_->finish();
  key.id = sha256(id_);
  key.own_id = std::exchange(own_id_, false);
  data_.reset();
  type_.clear();
  retry_.clear();
  return key;
}

Bytes SseEvents::heading() const {
  Bytes out;
  if (!type_.empty()) out.append("event: ").append(type_).append("\n");
  if (!id_.empty()) out.append("id: ").append(id_).append("\n");
  if (!retry_.empty()) out.append("retry: ").append(retry_).append("\n");
  return out;
}

// ---- SseMatch: the origin's bytes
// ----------------------------------------------------------------

Result<> SseMatch::original(ByteView bytes) {
  // Line by line, so that a line that is left out is the last of tail_, with nothing to move.
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const bool whole = end != ByteView::npos;
    const ByteView line = bytes.substr(0, whole ? end + 1 : end);
    bytes.remove_prefix(line.size());
    tail_.append(line);
    if (whole) original_line(tail_.size() - 1);
  }
  tail_.erase(0, begin_);
  read_ -= begin_;
  comments_ -= std::min(comments_, begin_);
  begin_ = 0;
  if (tail_.size() > max_event_) return too_large();
  return {};
}

// The line from read_ to `line_end`, where its LF is; nothing stands behind it.
void SseMatch::original_line(std::size_t line_end) {
  const std::size_t next = tail_.size();
  const ByteView line = without_cr(ByteView(tail_).substr(read_, line_end - read_));
  const bool has_cr = line.find('\r') != ByteView::npos;
  const bool marked = std::exchange(first_line_, false) && line.starts_with(kByteOrderMark);
  if (line.empty()) {
    end_block(next, origin_.line(line));
    return;
  }
  if (line.front() == ':') {
    if (has_cr) {
      tail_.resize(read_);
      return;
    }
    if (only_comments_) comments_ = next;
  } else {
    only_comments_ = false;
    two_readings_ = two_readings_ || has_cr || marked;
    // A line ends no event unless it is empty.
    static_cast<void>(origin_.line(line));
  }
  read_ = next;
  if (only_comments_) release_free();
}

void SseMatch::end_block(std::size_t end, bool has_event) {
  const ByteView raw = ByteView(tail_).substr(begin_, end - begin_);
  Block block;
  if (!two_readings_) {
    block.raw = raw;
  } else if (has_event) {
    block.raw = as_the_scanner_writes(raw);
  }
  if (has_event) block.event = origin_.take();
  remember(std::move(block));
  begin_ = read_ = comments_ = end;
  only_comments_ = true;
  two_readings_ = false;
  release_free();
}

// Blocks without an event between two that have one go together.
void SseMatch::remember(Block block) {
  blocks_bytes_ += block.raw.size();
  if (!block.event && !blocks_.empty() && !blocks_.back().event) {
    blocks_.back().raw.append(block.raw);
  } else {
    blocks_.push_back(std::move(block));
  }
}

Bytes SseMatch::as_the_scanner_writes(ByteView block) const {
  Bytes out = origin_.heading();
  while (!block.empty()) {
    const std::size_t end = block.find('\n');
    const Line field = split(without_cr(block.substr(0, end)));
    if (field.name == "data") out.append("data: ").append(field.value).append("\n");
    block = end == ByteView::npos ? ByteView() : block.substr(end + 1);
  }
  return out.append("\n");
}

void SseMatch::original_ended() {
  // Bytes without a line's end are a line too, and end their event.
  if (read_ < tail_.size()) original_line(tail_.size());
  if (begin_ < tail_.size()) end_block(tail_.size(), origin_.end());
  if (early_ && release(*early_)) early_.reset();
}

// ---- SseMatch: the scanner's bytes
// ---------------------------------------------------------------

Result<> SseMatch::passed(ByteView bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > max_event_ + kLonger) return too_large();
    if (end == ByteView::npos) return {};
    bytes.remove_prefix(end + 1);
    const bool event = scanner_.line(without_cr(line_));
    line_.clear();
    if (!event) continue;
    if (early_) return changed();
    const SseEvents::Key key = scanner_.take();
    if (release(key)) continue;
    // The end of the origin's stream ends a block as well, and may not have been told yet.
    if (!origin_.end() && read_ == tail_.size()) return changed();
    early_ = key;
  }
  return {};
}

Result<> SseMatch::finish() {
  if (!line_.empty()) static_cast<void>(scanner_.line(without_cr(line_)));
  line_.clear();
  if (scanner_.end() && !release(scanner_.take())) return changed();
  if (early_) return changed();
  for (const Block& block : blocks_) {
    if (!block.event) continue;
    return Failure{Code::UpstreamTruncated, "the scanner ended the event stream before the origin",
                   problem_code::kScannerCutStream, "The scanner's log says why."};
  }
  return {};
}

// Gives out the event and what stood before it; false if it is not there.
bool SseMatch::release(const SseEvents::Key& event) {
  std::size_t at = 0;
  while (at < blocks_.size() && !(blocks_[at].event && same(*blocks_[at].event, event))) ++at;
  if (at == blocks_.size()) return false;
  for (std::size_t i = 0; i <= at; ++i) {
    Block& block = blocks_.front();
    blocks_bytes_ -= block.raw.size();
    // Events before it were not passed.
    if (!block.event || i == at) ready_.push(std::move(block.raw));
    blocks_.pop_front();
  }
  release_free();
  return true;
}

// Gives out what waits for no event.
void SseMatch::release_free() {
  while (!blocks_.empty() && !blocks_.front().event) {
    blocks_bytes_ -= blocks_.front().raw.size();
    ready_.push(std::move(blocks_.front().raw));
    blocks_.pop_front();
  }
  if (!blocks_.empty() || comments_ <= begin_) return;
  ready_.push(tail_.substr(begin_, comments_ - begin_));
  begin_ = comments_;
}

}  // namespace bottle
