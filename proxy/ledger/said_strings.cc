#include "proxy/ledger/said_strings.h"

#include <algorithm>

namespace bottle {

void SaidStrings::feed(ByteView piece) {
  while (!piece.empty()) {
    if (!in_string_) {
      const std::size_t quote = piece.find('"');
      if (quote == ByteView::npos) break;
      piece.remove_prefix(quote + 1);
      begin_string();
      continue;
    }
    if (escaped_) {
      escaped_ = false;
      add_to_string(piece.substr(0, 1));
      piece.remove_prefix(1);
      continue;
    }
    const std::size_t end = std::min(piece.find_first_of("\"\\\n"), piece.size());
    add_to_string(piece.substr(0, end));
    piece.remove_prefix(end);
    if (piece.empty()) break;
    const char c = piece.front();
    piece.remove_prefix(1);
    if (c == '\\') {
      escaped_ = true;
      add_to_string("\\");
    } else if (c == '"') {
      end_string();
    } else {
      in_string_ = false;
    }
  }
  hand_in();
}

void SaidStrings::begin_string() {
  in_string_ = true;
  unescape_ = JsonUnescape();
  text_.clear();
  hash_.reset();
}

void SaidStrings::add_to_string(ByteView raw) {
  unescape_.feed(raw, text_);
  if (text_.size() < KnownText::kShortest) return;
  if (!hash_) hash_ = known_.begin();
  hash_->update(text_);
  text_.clear();
}

void SaidStrings::end_string() {
  in_string_ = false;
  unescape_.finish(text_);
  if (!hash_ && text_.size() < KnownText::kShortest) return;
  if (!hash_) hash_ = known_.begin();
  hash_->update(text_);
  marks_.push_back(KnownText::mark(*hash_));
  hash_.reset();
  if (marks_.size() == kMarks) hand_in();
}

void SaidStrings::hand_in() {
  if (!marks_.empty()) known_.add_said(place_, marks_);
  marks_.clear();
}

TextMark mark_of_string(const KnownText& known, ByteView raw) {
  if (raw.find('\\') == ByteView::npos) return known.mark_of(raw);
  Bytes text;
  text.reserve(raw.size());
  JsonUnescape unescape;
  unescape.feed(raw, text);
  unescape.finish(text);
  return known.mark_of(text);
}

}  // namespace bottle
